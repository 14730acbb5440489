// The page: asks, listens, and shows what it knows.

import { Refused, follow, get, post, token } from './api.js'
import { h, show } from './dom.js'
import { Rates, Roles, chosen, lasting, now, routers, seen, services, troubles } from './model.js'
import * as view from './view.js'

const $ = id => document.getElementById(id)
const body = id => document.querySelector(`#${id} > .body`)

const size = { instances: 50, services: 20 } // of a page of a list
const keptEvents = 2000
const shownEvents = 150

const state = {
  nodes: [], received: 0, answered: false, hears: false, acts: false,
  roles: new Roles(), rates: new Rates(), events: [],
  page: { instances: 0, services: 0 },
  open: null, // the instance that the dialog is about: { node, name, why }
}

// Looking.

// It looks again after a second, or when something has happened; where that takes long, less often.
const soonest = 1000
const share = 9
const longest = 10_000

async function look() {
  for (;;) {
    const began = performance.now()
    try {
      await glance()
    } catch (err) {
      if (err instanceof Refused) await knock(err.message)
      else forsaken(err)
    }
    draw()
    const took = performance.now() - began
    await sleep(Math.max(soonest, took))
    if (!news) await Promise.race([sleep(Math.min(longest, share * took)), happened()])
    if (document.hidden) await visible()
  }
}

// news is whether something has happened since it looked last; hurry ends the wait for it.
let news = false
let hurry = () => {}
const happened = () => new Promise(done => { hurry = done })

const sleep = t => new Promise(done => setTimeout(done, t))
const visible = () => new Promise(done => document.addEventListener('visibilitychange', done, { once: true }))

async function glance() {
  news = false
  if (!state.answered) state.acts = (await get('v1/asker')).acts
  state.nodes = await get('v1/nodes')
  state.received = performance.now()
  state.answered = true
  state.rates.add(state.nodes)
  listen()
  if (state.open) await explain()
}

// forsaken marks all that is known: nobody answers.
function forsaken(err) {
  state.answered = false
  for (const n of state.nodes) {
    n.trouble = `nobody answers this page: ${err.message}`
    n.age_ns = (performance.now() - state.received) * 1e6
  }
}

// knock asks for a token.
async function knock(why) {
  state.answered = false
  $('ask-why').textContent = token.get() ? why : ''
  token.forget()
  await answer($('ask'))
  token.set($('token').value)
  $('token').value = ''
  dispatchEvent(new Event('token'))
}

// answer waits until a dialog is closed, and is what was pressed.
function answer(dialog) {
  dialog.returnValue = ''
  dialog.showModal()
  return new Promise(done => dialog.addEventListener('close', () => done(dialog.returnValue), { once: true }))
}

// Listening.

let listening = false

// listen follows the events, once the nodes are known that they are about.
function listen() {
  if (listening) return
  listening = true
  follow(heard, ok => {
    state.hears = ok
    drawLink()
  })
}

// recent is how long ago an event may be that is read out, in milliseconds.
const recent = 10_000

function heard(batch) {
  for (const e of batch) {
    if (state.nodes.length === 1) e.node ??= state.nodes[0].name
    e.at = Date.parse(e.time)
    state.roles.add(e)
  }
  state.events.push(...batch)
  state.events.sort((a, b) => a.at - b.at) // those of several nodes come when they come
  state.events.splice(0, state.events.length - keptEvents)
  const present = Math.max(...seen(state.nodes).map(now)) + performance.now() - state.received // by the clocks of the nodes
  const fresh = batch.filter(e => present - e.at < recent)
  if (fresh.length) $('heard').textContent = fresh.length > 3 ? `${fresh.length} events` : fresh.map(view.said).join('. ')
  for (const kind of new Set(batch.map(e => e.kind))) offer(kind)
  news = true
  hurry()
  soon ||= requestAnimationFrame(drawEvents) // many batches are one picture
}

let soon = 0

// offer lets somebody choose a kind of events.
function offer(kind) {
  if (![...$('kind').options].some(o => o.value === kind)) $('kind').append(h('option', { value: kind }, kind))
}

// Showing.

function draw() {
  const several = state.nodes.length > 1
  const all = routers(state.nodes)
  const worries = troubles(state.nodes, all)
  const grave = worries.filter(t => t.worst).length
  document.title = (grave ? `${grave} ▲ ` : '') + 'holdfast'
  show($('summary'), view.summary(state.nodes))
  drawLink()
  $('forget').hidden = !token.get()
  show(body('attention'), view.attention(worries))
  show(body('cluster'), view.cluster(state.nodes, state.acts))
  drawInstances(all, several)
  drawServices(several)
  drawEvents()
  drawDetail()
}

function drawLink() {
  $('link').textContent = !state.answered ? 'Nobody answers' : state.hears ? 'Live' : 'Live, without events'
  $('link').className = state.answered && state.hears ? 'good' : 'bad'
}

// part is a page of a list, and the way to the others.
function part(what, list) {
  const last = Math.max(0, Math.ceil(list.length / size[what]) - 1)
  const at = state.page[what] = Math.min(state.page[what], last)
  show(document.querySelector(`#${what} > .pager`), view.pager(what, at, size[what], list.length))
  return list.slice(at * size[what], (at + 1) * size[what])
}

function drawInstances(all, several) {
  const list = chosen(all, $('find').value, $('role').value)
  list.sort((a, b) => !!b.verdict - !!a.verdict)
  const page = part('instances', list)
  $('instances-head').textContent = list.length === all.length ? `Instances (${all.length.toLocaleString('en')})` : `Instances (${list.length.toLocaleString('en')} of ${all.length.toLocaleString('en')})`
  show(body('instances'), page.length ? view.instances(page, state.roles, since(), several) : h('p', { class: 'calm' }, all.length ? 'None is like that.' : 'There are none.'))
}

// The shortest and the longest time that the graphs of roles show unasked, in seconds.
const [least, most] = [60, 86400]

// since is where the graphs of roles begin.
function since() {
  const present = Math.max(...seen(state.nodes).map(now))
  const known = Math.min(most, Math.max(least, 1.05 * (present - state.roles.first) / 1000))
  return present - 1000 * (Number($('span').value) || (state.roles.first < Infinity ? known : least))
}

function drawServices(several) {
  const list = services(state.nodes)
  $('services').hidden = list.length === 0
  $('services-head').textContent = `Virtual servers (${list.length.toLocaleString('en')})`
  const page = part('services', list)
  show(body('services'), page.length > 0 && view.services(page, state.rates, several, state.acts))
}

function drawEvents() {
  soon = 0
  if ($('hold').checked) return
  const kind = $('kind').value
  const list = state.events.filter(e => !kind || e.kind === kind).slice(-shownEvents).reverse()
  show(body('events'), list.map(e => view.event(e, state.nodes.length > 1)))
}

function drawDetail() {
  const found = opened()
  if (!found) return
  show($('detail'), view.detail(found.node, found.v, state.roles, since(), state.open.why, state.acts))
  if (!$('detail').open) $('detail').showModal()
}

function opened() {
  const node = state.open && seen(state.nodes).find(n => n.name === state.open.node)
  const v = node?.snapshot.router.instances?.find(v => v.name === state.open.name)
  return v && { node, v }
}

// explain asks why the instance is what it is.
async function explain() {
  const about = state.open
  try {
    about.why = (await get('v1/why', { node: about.node, instance: about.name })).text
  } catch (err) {
    if (about.why.length === 0) about.why = [err.message]
  }
}

// Acting.

// acts are what can be asked for: a question, what is sent, and what came of it.
const acts = {
  handover: ({ node, name }) => ({
    head: `Hand over ${name}?`, verb: 'Hand over', path: 'v1/handover', query: { instance: name },
    text: `${node} waits until another node has taken the addresses of ${name}; clients lose nothing. If nobody takes them, it stays MASTER. Afterwards it does not preempt its successor until it is taken back.`,
    done: list => list.map(o => `${o.instance} is ${o.role}: ${o.by ? `${o.by} took over after ${lasting(o.took_ns / 1e6)}` : o.reason}`).join('. ') || 'There was nothing to hand over.',
  }),
  takeback: ({ node, name }) => ({
    head: `Take ${name} back?`, verb: 'Take back', path: 'v1/takeback', query: { instance: name },
    text: `${name} on ${node} takes part in elections again as it is configured to: it may become MASTER at once.`,
    done: () => `${name} takes part in elections again.`,
  }),
  maintenance: ({ node, on }) => on === 'true' ? {
    head: `Maintenance of ${node}?`, verb: 'Begin the maintenance', path: 'v1/maintenance', query: { on },
    text: `All instances of ${node} hand over, and stand back for everybody until the maintenance ends.`,
    done: list => `${node} is under maintenance. ` + (list ?? []).map(o => `${o.instance} is ${o.role}`).join(', '),
  } : {
    head: `End the maintenance of ${node}?`, verb: 'End the maintenance', path: 'v1/maintenance', query: { on },
    text: `The instances of ${node} take part in elections again: those with the highest priority may become MASTER at once.`,
    done: () => `${node} is no more under maintenance.`,
  },
  drain: ({ node, name }) => ({
    head: `Drain ${name}?`, verb: 'Drain', path: 'v1/servers/drain', query: { server: name },
    text: `${name} gets no new connections by way of ${node}; those that it has go on.`,
    done: () => `${name} is drained.`,
  }),
  recheck: ({ node, name }) => ({
    head: `Check ${name} now?`, verb: 'Check', path: 'v1/servers/recheck', query: { server: name },
    text: `${node} makes all checks of ${name} at once. What they find counts as always.`,
    done: list => (list ?? []).map(c => `${c.kind} of ${c.virtual}: ${c.result}${c.reason ? ', ' + c.reason : ''}`).join('. ') || `${name} has no check.`,
  }),
  enable: ({ node, name }) => ({
    head: `Use ${name} again?`, verb: 'Use it', path: 'v1/servers/enable', query: { server: name },
    text: `${node} uses ${name} as it is configured.`,
    done: () => `${name} is used as it is configured.`,
  }),
}

async function act(what) {
  $('confirm-head').textContent = what.head
  $('confirm-text').textContent = what.text
  document.querySelector('#confirm .acts').textContent = what.verb
  if (await answer($('confirm')) !== 'yes') return
  tell(`${what.verb}: under way`)
  try {
    tell(what.done(await post(what.path, what.query)))
  } catch (err) {
    tell(`Refused: ${err.message}`, true)
  }
}

let hush = 0

// tell says what came of an act, for a while.
function tell(text, bad) {
  clearTimeout(hush)
  $('outcome').className = bad ? 'bad' : ''
  $('outcome').textContent = text
  hush = setTimeout(() => { $('outcome').textContent = '' }, 15_000)
}

async function open(node, name) {
  state.open = { node, name, why: [] }
  await explain()
  draw()
}

function pressed(button) {
  const { act: what, node, name, on, page } = button.dataset
  if (what === 'detail') return open(node, name)
  if (what === 'close') return $('detail').close()
  if (what === 'page') {
    state.page[name] = Number(page)
    return draw()
  }
  const wanted = acts[what]({ node, name, on })
  return act({ ...wanted, query: { ...wanted.query, node } })
}

addEventListener('click', e => {
  const button = e.target.closest('button[data-act]')
  if (button) pressed(button)
})
addEventListener('submit', e => {
  if (e.target.method !== 'dialog') e.preventDefault()
})
for (const id of ['find', 'role', 'span']) {
  $(id).addEventListener('input', () => {
    state.page.instances = 0
    draw()
  })
}
for (const id of ['kind', 'hold']) $(id).addEventListener('input', () => drawEvents())
$('detail').addEventListener('close', () => { state.open = null })
$('ask').addEventListener('cancel', e => e.preventDefault())
$('forget').addEventListener('click', () => {
  token.forget()
  location.reload()
})

const colours = 'colours'
$('theme').value = localStorage.getItem(colours) ?? ''
const dye = () => { document.documentElement.dataset.theme = $('theme').value }
$('theme').addEventListener('input', () => {
  localStorage.setItem(colours, $('theme').value)
  dye()
})
dye()

look()
