// The parts of the page, each made of values.

import { h } from './dom.js'
import { addresses, age, clock, counts, lasting, maintained, now, standing, wall } from './model.js'

// A role is told by its word, a sign and a colour.
const signs = { MASTER: '●', BACKUP: '○', FAULT: '▲', INIT: '◌', STOP: '■' }

export const role = (word, stale) => h('span', { class: `role ${word}${stale ? ' stale' : ''}` }, h('span', { 'aria-hidden': 'true' }, signs[word] ?? '·'), ' ', word)

const healths = { up: '●', down: '▲', unknown: '◌', sorry: '◇' }

const health = word => h('span', { class: `role health-${word || 'none'}` }, h('span', { 'aria-hidden': 'true' }, healths[word] ?? '·'), ' ', word || 'not checked')

// tally is how many instances have each role.
const tally = all => Object.entries(all).filter(([, n]) => n > 0).map(([word, n]) => h('span', { class: 'tally' }, role(word), ' ', h('b', {}, n.toLocaleString('en')), ' '))

export function summary(nodes) {
  const fresh = nodes.filter(n => n.snapshot && !n.trouble)
  return h('p', {}, h('b', {}, `${fresh.length} of ${nodes.length}`), nodes.length === 1 ? ' node ' : ' nodes ', tally(counts(fresh)))
}

// shownTroubles is how many of them are listed.
const shownTroubles = 6

export function attention(list) {
  if (list.length === 0) return h('p', { class: 'calm' }, h('span', { 'aria-hidden': 'true' }, '✓ '), 'Nothing asks for attention.')
  const more = list.length - shownTroubles
  return [
    h('ul', {}, list.slice(0, shownTroubles).map(t => h('li', { class: t.worst ? 'worst' : 'mild' }, h('span', { 'aria-hidden': 'true' }, t.worst ? '▲ ' : '△ '), h('span', { class: 'unseen' }, t.worst ? 'Grave: ' : 'Notable: '), t.text))),
    more > 0 && h('p', { class: 'more' }, `and ${more.toLocaleString('en')} more`),
  ]
}

// The map: nodes as columns, the links between them as rows.

// shownLinks is how many of them the map has.
const shownLinks = 24

export function cluster(nodes, acts) {
  const links = linksOf(nodes)
  const table = h('table', { class: 'map' },
    h('caption', { class: 'unseen' }, 'Nodes, and the links that connect them'),
    h('thead', {}, h('tr', {}, h('td', {}), nodes.map(n => h('th', { scope: 'col', 'data-key': n.name }, card(n, acts))))),
    h('tbody', {}, links.slice(0, shownLinks).map(link => h('tr', { 'data-key': link }, h('th', { scope: 'row' }, link), nodes.map(n => tap(n, link))))))
  return [table, links.length > shownLinks && h('p', { class: 'calm' }, `and ${(links.length - shownLinks).toLocaleString('en')} more links`)]
}

// linksOf are those that instances are on, by name; those with a fault come first.
function linksOf(nodes) {
  const faults = new Map()
  for (const n of nodes) {
    for (const v of n.snapshot?.router.instances ?? []) if (v.link) faults.set(v.link, faults.get(v.link) || v.role === 'FAULT')
  }
  const order = new Intl.Collator('en', { numeric: true }).compare
  return [...faults.keys()].sort((a, b) => faults.get(b) - faults.get(a) || order(a, b))
}

function card(n, acts) {
  const s = n.snapshot
  return h('div', { class: `card${n.trouble ? ' stale' : ''}` },
    h('div', { class: 'name' }, n.name, ' ', condition(n)),
    s && h('dl', {},
      fact('configuration', `taken ${clock(Date.parse(s.worker.loaded))}`),
      fact('scheduled', `${s.router.real_time}, late by ${(s.router.lateness_ns / 1e6).toFixed(2)} ms at most`),
      fact('version', s.build.version)),
    s && acts && !n.trouble && h('button', { type: 'button', 'data-act': 'maintenance', 'data-node': n.name, 'data-on': String(!maintained(n)) }, maintained(n) ? 'End the maintenance' : 'Maintenance'))
}

const fact = (name, text) => h('div', {}, h('dt', {}, name), h('dd', {}, text))

function condition(n) {
  if (!n.snapshot) return h('span', { class: 'flag bad' }, '▲ UNREACHABLE')
  if (n.trouble) return h('span', { class: 'flag bad' }, `▲ STALE, seen ${lasting(n.age_ns / 1e6)} ago`)
  if (maintained(n)) return h('span', { class: 'flag mild' }, '△ UNDER MAINTENANCE')
  return h('span', { class: 'flag good' }, '● present')
}

// tap is where a node is on a link, and with what.
function tap(n, link) {
  const own = n.snapshot?.router.links?.find(l => l.name === link)
  const mine = (n.snapshot?.router.instances ?? []).filter(v => v.link === link)
  if (mine.length === 0 && !own) return h('td', { class: 'none' }, h('span', { class: 'unseen' }, 'not there'))
  const all = counts([{ snapshot: { router: { instances: mine } } }])
  const state = n.trouble ? 'stale' : all.FAULT ? 'FAULT' : all.MASTER ? 'MASTER' : 'BACKUP'
  const held = mine.filter(v => v.role === 'MASTER').flatMap(addresses)
  return h('td', { class: `tap ${state}` },
    h('div', { class: 'own' }, own?.addrs?.[0] ?? 'no address', own && !(own.up && own.carrier) && h('span', { class: 'flag bad' }, ' ▲ DOWN')),
    h('div', {}, tally(all)),
    h('div', { class: 'held' }, n.trouble ? 'held when it was seen: ' : 'holds ', held.length === 0 ? 'nothing' : h('b', {}, few(held, 2))))
}

const few = (list, most) => list.slice(0, most).join(', ') + (list.length > most ? ` and ${(list.length - most).toLocaleString('en')} more` : '')

// head is that of a list: names of columns, some of a class.
const [right, unseen] = ['number', 'unseen']
const head = list => h('thead', {}, h('tr', {}, list.filter(Boolean).map(one => typeof one === 'string' ? h('th', { scope: 'col' }, one) : h('th', { scope: 'col', class: one[0] === right && right }, one[0] === unseen ? h('span', { class: unseen }, one[1]) : one[1]))))

// The instances: a row for each node, those of a virtual router together.

export function instances(page, roles, from, several) {
  const heads = ['Instance', 'Addresses', several && 'Node', 'Role', [right, 'For'], [right, 'Priority'], 'Roles', 'Because', [unseen, 'More']]
  return h('table', { class: 'list' },
    h('caption', { class: 'unseen' }, 'Virtual routers, with a row for each node'),
    head(heads),
    page.map(r => h('tbody', { 'data-key': r.key, class: r.verdict ? 'worst' : undefined }, r.lines.map((l, i) => h('tr', { class: l.node.trouble ? 'stale' : undefined, 'data-key': l.node.name + ' ' + l.v.name }, i === 0 && whole(r), line(l, roles, from, several))))))
}

// whole is what a virtual router is on all nodes.
function whole(r) {
  const list = addresses(r.lines[0].v)
  return [
    h('th', { scope: 'rowgroup', rowspan: r.lines.length }, h('span', { class: 'name' }, r.name), r.verdict && h('span', { class: 'flag bad' }, ' ▲ ' + r.verdict),
      h('small', {}, `VRID ${r.vrid}${r.link && ' on ' + r.link}${r.v6 ? ', IPv6' : ''}${r.lines[0].v.group && ', group ' + r.lines[0].v.group}`)),
    h('td', { rowspan: r.lines.length, class: 'mono', title: list.join(' ') }, list.slice(0, 2).map(a => h('div', {}, a)), list.length > 2 && h('small', {}, `and ${list.length - 2} more`), list.length === 0 && 'none'),
  ]
}

function line({ node, v }, roles, from, several) {
  return [
    several && h('th', { scope: 'row', class: 'node' }, node.name, node.trouble && h('small', {}, `seen ${lasting(node.age_ns / 1e6)} ago`)),
    h('td', {}, role(v.role, node.trouble)),
    h('td', { class: 'number' }, lasting(age(node, v.since))),
    h('td', { class: 'number' }, v.effective === v.priority ? v.priority : `${v.effective} of ${v.priority}`),
    h('td', {}, strip(roles.spans(node, v, from, now(node)), from, now(node), 160, 16)),
    h('td', { class: 'reason' }, v.reason),
    h('td', {}, h('button', { type: 'button', 'data-act': 'detail', 'data-node': node.name, 'data-name': v.name, 'aria-label': `Why is ${v.name} ${v.role} on ${node.name}?` }, 'Why')),
  ]
}

// A role in a strip has a height of its own beside its colour.
const heights = { MASTER: 1, BACKUP: 0.36, FAULT: 0.72, INIT: 0.16, STOP: 0.16 }

// strip is a graph of roles over time.
export function strip(spans, from, to, width, height) {
  const x = t => width * (t - from) / Math.max(1, to - from)
  const words = spans.map(s => `${s.role} ${lasting(s.to - s.from)}`).slice(-6).join(', then ') || 'nothing is known'
  return h('svg', { class: 'strip', viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: 'none', role: 'img', 'aria-label': words },
    h('line', { class: 'ground', x1: 0, x2: width, y1: height - 0.5, y2: height - 0.5 }),
    spans.map(s => {
      const tall = (heights[s.role] ?? 0.2) * (height - 1)
      return h('rect', { class: s.role, x: x(s.from).toFixed(2), y: (height - tall).toFixed(2), width: Math.max(0.75, x(s.to) - x(s.from)).toFixed(2), height: tall.toFixed(2) }, h('title', {}, `${clock(s.from)} ${s.role} for ${lasting(s.to - s.from)}${s.reason && ': ' + s.reason}`))
    }))
}

// spark is a graph of a number over time.
function spark(list, width = 96, height = 18) {
  const most = Math.max(1, ...list)
  const points = list.map((n, i) => `${(width - (list.length - 1 - i) * width / 59).toFixed(1)},${(height - 1 - (height - 3) * n / most).toFixed(1)}`).join(' ')
  return h('svg', { class: 'spark', viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': `connections a second: ${list.at(-1) ?? 0} now, ${most === 1 && !list.includes(1) ? 0 : most} at most` },
    h('line', { class: 'ground', x1: 0, x2: width, y1: height - 0.5, y2: height - 0.5 }),
    list.length > 1 && h('polyline', { points }))
}

// Virtual servers, with their real servers below them.

export function services(page, rates, several, acts) {
  const heads = ['Service', several && 'Node', 'State', [right, 'Weight'], [right, 'Active'], [right, 'A second'], 'Connections a second', [right, 'For'], 'Because', [unseen, 'Acts']]
  return h('table', { class: 'list servers' },
    h('caption', { class: 'unseen' }, 'Virtual servers, each with its real servers'),
    head(heads),
    page.map(one => h('tbody', { 'data-key': one.key, class: standing(one).good ? undefined : 'worst' },
      service(one, rates, several), (one.s.destinations ?? []).map(d => destination(one, d, rates, several, acts)))))
}

function service({ node, s, key }, rates, several) {
  const state = standing({ s })
  const real = (s.destinations ?? []).filter(d => d.health !== 'sorry')
  const virtual = s.virtual_servers ?? []
  return h('tr', { class: `head${node.trouble ? ' stale' : ''}`, 'data-key': 'service' },
    h('th', { scope: 'rowgroup' }, h('span', { class: 'name mono' }, `${s.protocol} ${s.address}`), h('small', {}, [s.scheduler, s.flags].filter(Boolean).join(' '))),
    several && h('td', {}, node.name, node.trouble && h('small', {}, `seen ${lasting(node.age_ns / 1e6)} ago`)),
    h('td', {}, h('span', { class: `role ${state.good ? 'health-up' : 'health-down'}` }, h('span', { 'aria-hidden': 'true' }, state.good ? '●' : '▲'), ' ', state.word), h('small', {}, `${real.filter(d => d.held && d.weight > 0).length} of ${real.length} serve`)),
    h('td', { class: 'number' }, virtual.map(v => h('div', {}, v.weight, h('small', {}, `quorum ${v.quorum}`)))),
    h('td', { class: 'number' }, (s.destinations ?? []).reduce((n, d) => n + d.active, 0).toLocaleString('en')),
    h('td', { class: 'number' }, s.counters.conn_rate.toLocaleString('en')),
    h('td', {}, spark(rates.of(key))), h('td', {}), h('td', {}), h('td', {}))
}

function destination({ node, s, key }, d, rates, several, acts) {
  const offered = acts && !node.trouble && d.health !== 'sorry' && (s.virtual_servers ?? []).length > 0
  return h('tr', { class: node.trouble ? 'stale' : undefined, 'data-key': d.address },
    h('th', { scope: 'row', class: 'real mono' }, d.address),
    several && h('td', {}),
    h('td', {}, health(d.health), d.order && h('small', {}, `${d.order} by order`)),
    h('td', { class: 'number' }, d.held ? d.weight : '–'),
    h('td', { class: 'number' }, d.active.toLocaleString('en')),
    h('td', { class: 'number' }, d.counters.conn_rate.toLocaleString('en')),
    h('td', {}, spark(rates.of(`${key} ${d.address}`))),
    h('td', { class: 'number' }, d.since ? lasting(age(node, d.since)) : ''),
    h('td', { class: 'reason' }, d.reason ?? ''),
    h('td', {}, offered && orders(node, s, d)))
}

// orders are what may be asked of a real server.
function orders(node, s, d) {
  const button = (act, word) => h('button', { type: 'button', 'data-act': act, 'data-node': node.name, 'data-name': d.address, 'aria-label': `${word} ${d.address} of ${s.address}` }, word)
  return [d.health === 'down' && button('recheck', 'Check'), d.order ? button('enable', 'Use again') : button('drain', 'Drain')]
}

// pager leads to the other pages of a list.
export function pager(what, at, size, all) {
  if (all <= size) return []
  const last = Math.ceil(all / size) - 1
  const to = (page, text, off) => h('button', { type: 'button', 'data-act': 'page', 'data-name': what, 'data-page': page, disabled: off }, text)
  return [to(0, 'First', at === 0), to(at - 1, 'Previous', at === 0),
    h('span', { role: 'status' }, `${(at * size + 1).toLocaleString('en')} to ${Math.min(all, (at + 1) * size).toLocaleString('en')} of ${all.toLocaleString('en')}`),
    to(at + 1, 'Next', at === last), to(last, 'Last', at === last)]
}

// event is one on a line.
export function event(e, several) {
  const worse = e.to === 'FAULT' || e.to === 'bad' || e.to === 'down' || e.to === 'failed' || e.kind === 'fault'
  return h('li', { class: worse && 'worst', 'data-key': e.seq },
    h('time', { datetime: e.time }, clock(e.at, true)), ' ',
    several && e.node && h('span', { class: 'node' }, e.node + ' '),
    h('span', { class: 'kind' }, e.kind), ' ', h('b', {}, e.name), e.of && ` of ${e.of}`, ' ',
    e.from && h('span', { class: 'word' }, e.from + ' → '), e.to && (e.to in signs ? role(e.to) : h('span', { class: 'word' }, e.to)),
    e.by && ` by ${e.by}`, e.reason && h('span', { class: 'why' }, e.reason))
}

// said is an event as it is read out.
export const said = e => [e.node, e.kind, e.name, e.to && 'is ' + e.to, e.reason].filter(Boolean).join(' ')

// detail is all about one instance on one node.
export function detail(node, v, roles, from, why, acts) {
  const to = now(node)
  const list = roles.of(node.name, v.name)
  const button = (act, text) => h('button', { type: 'button', class: 'acts', 'data-act': act, 'data-node': node.name, 'data-name': v.name }, text)
  return [
    h('div', { class: 'top' }, h('h2', { id: 'detail-head' }, `${v.name} on ${node.name}`), role(v.role, node.trouble), h('button', { type: 'button', 'data-act': 'close', autofocus: true }, 'Close')),
    node.trouble && h('p', { class: 'flag bad' }, `▲ STALE, seen ${lasting(node.age_ns / 1e6)} ago: ${node.trouble}`),
    h('p', { class: 'since' }, `since ${clock(wall(node, v.since))}: ${v.reason}`),
    strip(roles.spans(node, v, from, to), from, to, 640, 40),
    h('div', { class: 'scale' }, h('span', {}, clock(from)), h('span', {}, clock((from + to) / 2)), h('span', {}, clock(to))),
    h('h3', {}, 'Why'),
    h('pre', { tabindex: '0', 'aria-label': 'Why' }, why.join('\n')),
    h('h3', {}, 'Roles'),
    h('div', { class: 'past', tabindex: '0', role: 'group', 'aria-label': 'Roles' }, h('table', { class: 'list' },
      head([[right, 'At'], 'Role', [right, 'For'], 'Because']),
      h('tbody', {}, list.map((c, i) => h('tr', {}, h('td', { class: 'number' }, clock(c.at, true)), h('td', {}, role(c.to)), h('td', { class: 'number' }, lasting((list[i + 1]?.at ?? to) - c.at)), h('td', { class: 'reason' }, c.reason))).reverse()))),
    acts && !node.trouble && h('menu', {}, v.role === 'MASTER' && button('handover', 'Hand over'), (v.lent || v.modest) && button('takeback', 'Take back')),
  ]
}
