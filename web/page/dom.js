// Elements, and how the ones on the page become like others with as little change as possible:
// focus, selection and what a screen reader knows stay.

const drawn = new Set(['svg', 'g', 'rect', 'path', 'line', 'polyline', 'circle', 'title', 'text'])

// h makes an element. What comes from a configuration only ever becomes text or the value of an
// attribute that is not run.
export function h(tag, props, ...kids) {
  const at = drawn.has(tag) ? document.createElementNS('http://www.w3.org/2000/svg', tag) : document.createElement(tag)
  for (const [name, value] of Object.entries(props ?? {})) {
    if (value !== undefined && value !== null && value !== false) at.setAttribute(name, value === true ? '' : value)
  }
  at.append(...kids.flat(Infinity).filter(k => k !== undefined && k !== null && k !== false))
  return at
}

// show makes the children of an element like some others.
export function show(at, ...fresh) {
  const focused = document.activeElement
  children(at, fresh.flat(Infinity).filter(k => k))
  if (focused !== document.activeElement && focused?.isConnected) focused.focus({ preventScroll: true })
}

function children(at, fresh) {
  const known = new Map()
  for (const c of at.children) if (c.dataset.key) known.set(c.dataset.key, c)
  let next = at.firstChild
  for (const f of fresh) {
    const want = typeof f === 'string' ? document.createTextNode(f) : f
    const old = match(known, next, want)
    known.delete(want.dataset?.key) // a second one with this key is another
    if (!old) {
      at.insertBefore(want, next)
      continue
    }
    if (old === next) next = next.nextSibling
    else at.insertBefore(old, next)
    become(old, want)
  }
  while (next) {
    const gone = next
    next = next.nextSibling
    gone.remove()
  }
}

// match is the child that is to become another one.
function match(known, next, want) {
  const key = want.dataset?.key
  if (key) return known.get(key)
  return next && next.nodeName === want.nodeName && !next.dataset?.key ? next : undefined
}

function become(old, want) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== want.data) old.data = want.data
    return
  }
  for (const { name } of [...old.attributes]) if (!want.hasAttribute(name)) old.removeAttribute(name)
  for (const { name, value } of want.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value)
  children(old, [...want.childNodes])
}
