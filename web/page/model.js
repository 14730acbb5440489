// What is shown, made of what the nodes say: values, no elements. Instants of a snapshot are
// nanoseconds since the boot of its machine; times are milliseconds of the clock on the wall.

const ms = 1e6

// age is for how long something has been so, in milliseconds, as the node itself counts.
export const age = (node, at) => (node.snapshot.at - at) / ms + (node.age_ns ?? 0) / ms

// wall is what the clock showed at an instant of a node.
export const wall = (node, at) => Date.parse(node.snapshot.time) - (node.snapshot.at - at) / ms

// now is the present by the clock of a node.
export const now = node => Date.parse(node.snapshot.time) + (node.age_ns ?? 0) / ms

// seen are the nodes of which something is known.
export const seen = nodes => nodes.filter(n => n.snapshot)

// routers are the virtual routers of all nodes. One is known by what the wire sees, and has a line
// for each node that takes part. Two of a node are alike on the wire if they differ by their unicast
// sources: the first are one, the second are one.
export function routers(nodes) {
  const all = new Map()
  for (const node of seen(nodes)) {
    for (const v of node.snapshot.router.instances ?? []) {
      const wire = [v.link || v.name, v.vrid, v.v6].join(' ')
      let key = wire
      for (let n = 2; all.get(key)?.lines.some(l => l.node === node); n++) key = `${wire} ${n}`
      if (!all.has(key)) all.set(key, { key, name: v.name, link: v.link, vrid: v.vrid, v6: v.v6, lines: [] })
      all.get(key).lines.push({ node, v })
    }
  }
  for (const r of all.values()) r.verdict = verdict(r)
  return [...all.values()]
}

// verdict is what is wrong with a virtual router as a whole; empty: nothing is known to be.
function verdict(r) {
  const present = r.lines.filter(l => !l.node.trouble)
  const masters = present.filter(l => l.v.role === 'MASTER')
  if (masters.length > 1) return 'TWO MASTERS'
  if (masters.length === 1 || present.length === 0) return ''
  return present.some(hears) ? '' : 'NO MASTER'
}

// hears tells whether a BACKUP still waits for a master that it has heard.
const hears = ({ node, v }) => v.role === 'BACKUP' && v.heard > 0 && age(node, v.heard) * ms < v.down_ns + v.interval_ns

// wants tells whether a line asks for attention.
export const wants = ({ v }) => (v.role !== 'MASTER' && v.role !== 'BACKUP') || v.effective !== v.priority || v.modest || v.lent

// addresses are those of a virtual router, without the length if it is one address.
export const addresses = v => [...(v.addrs ?? []), ...(v.excluded ?? [])].map(a => a.replace(/\/(32|128)$/, ''))

// chosen are the virtual routers that somebody looks for.
export function chosen(all, text, role) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean)
  return all.filter(r => {
    if (role === 'attention' && !r.verdict && !r.lines.some(wants)) return false
    if (role && role !== 'attention' && !r.lines.some(l => l.v.role === role)) return false
    if (words.length === 0) return true
    const of = [r.name, r.link, 'vrid ' + r.vrid, ...r.lines.flatMap(l => [l.v.name, l.v.group, ...addresses(l.v)])].join(' ').toLowerCase()
    return words.every(w => of.includes(w))
  })
}

// services are those of IPVS on all nodes.
export const services = nodes => seen(nodes).flatMap(node => (node.snapshot.balanced?.services ?? []).map(s => ({ node, s, key: `${node.name} ${s.protocol} ${s.address}` })))

// standing is the state of a service in a word, and whether it is a good one.
export function standing({ s }) {
  const virtual = s.virtual_servers ?? []
  if (virtual.length === 0) return { word: 'NOT OURS', good: true }
  if (!s.held) return { word: 'NOT IN THE KERNEL', good: false }
  return virtual.every(v => v.up) ? { word: 'UP', good: true } : { word: 'NO QUORUM', good: false }
}

// counts are how many instances of some nodes have each role.
export function counts(nodes) {
  const all = { MASTER: 0, BACKUP: 0, FAULT: 0, INIT: 0 }
  for (const n of nodes) for (const v of n.snapshot.router.instances ?? []) all[v.role]++
  return all
}

// troubles are what asks for attention, the worst first: { worst, text }.
export function troubles(nodes, all) {
  const list = []
  for (const r of all) {
    if (r.verdict) list.push({ worst: true, text: `${r.name} (VRID ${r.vrid} on ${r.link || 'no interface'}): ${r.verdict}: ${r.lines.map(l => `${l.node.name} is ${l.v.role}${l.node.trouble ? ' as last seen' : ''}`).join(', ')}` })
  }
  for (const n of nodes) list.push(...ofNode(n))
  for (const s of services(nodes)) if (!standing(s).good) list.push({ worst: true, text: `${s.s.protocol} ${s.s.address} on ${s.node.name}: ${standing(s).word}` })
  return list.sort((a, b) => b.worst - a.worst)
}

function ofNode(n) {
  const list = []
  const say = (worst, text) => list.push({ worst, text: `${n.name} ${text}` })
  if (n.trouble) say(true, n.snapshot ? `has not answered since ${clock(Date.parse(n.snapshot.time))}: ${n.trouble}` : `was never seen: ${n.trouble}`)
  if (!n.snapshot) return list
  const { router, worker } = n.snapshot
  for (const v of router.instances ?? []) {
    if (v.role === 'FAULT') say(true, `has ${v.name} in FAULT: ${v.reason}`)
    else if (v.effective !== v.priority && !v.modest) say(false, `has ${v.name} with priority ${v.effective} of ${v.priority}`)
    if (v.lent) say(false, `has handed ${v.name} over, and does not preempt its successor`)
  }
  for (const t of router.trackers ?? []) if (t.state === 'bad' && t.kind !== 'interface') say(false, `says ${t.kind} ${t.name} is bad${t.why && ': ' + t.why}`)
  for (const b of router.sessions ?? []) if (b.state !== 'Up') say(false, `has the BFD session ${b.name} ${b.state}`)
  for (const s of n.snapshot.balanced?.services ?? []) {
    for (const d of s.destinations ?? []) if (d.health === 'down') say(false, `has ${d.address} of ${s.address} down: ${d.reason}`)
  }
  if (worker.reloads.refused) say(false, `has refused ${worker.reloads.refused} configuration${worker.reloads.refused > 1 ? 's' : ''}`)
  if (worker.trial) say(false, `has a configuration on trial until ${clock(Date.parse(worker.trial))}`)
  if (maintained(n)) say(false, 'is under maintenance')
  return list
}

// maintained tells whether a node stands back for everybody.
export const maintained = n => (n.snapshot.router.instances ?? []).some(v => v.modest)

// Roles keeps the changes of roles that were told of.
export class Roles {
  #all = new Map()
  first = Infinity // when the first one was

  add(event) {
    if (event.kind !== 'role') return
    const key = event.node + '\n' + event.name
    const change = { at: Date.parse(event.time), from: event.from, to: event.to, reason: event.reason ?? '' }
    this.first = Math.min(this.first, change.at)
    if (!this.#all.has(key)) this.#all.set(key, [])
    const list = this.#all.get(key)
    list.push(change)
    if (list.length > 500) list.shift()
  }

  of(node, name) {
    return this.#all.get(node + '\n' + name) ?? []
  }

  // spans are the roles that an instance had between two times, as far as they are known.
  spans(node, v, from, to) {
    const list = []
    for (const c of this.of(node.name, v.name)) {
      if (list.length === 0 && c.from && c.from !== 'INIT') list.push({ from: -Infinity, role: c.from, reason: '' })
      if (list.length) list.at(-1).to = c.at
      list.push({ from: c.at, role: c.to, reason: c.reason })
    }
    if (list.length === 0) list.push({ from: wall(node, v.since), role: v.role, reason: v.reason })
    list.at(-1).to = Date.parse(node.snapshot.time)
    return list.filter(s => s.to > from && s.from < to).map(s => ({ ...s, from: Math.max(s.from, from), to: Math.min(s.to, to) }))
  }
}

// Rates keeps connection rates as they were seen, for graphs.
export class Rates {
  #all = new Map()
  static most = 60

  add(nodes) {
    for (const { node, s, key } of services(nodes)) {
      if (node.trouble) continue
      this.#put(key, node.snapshot.at, s.counters.conn_rate)
      for (const d of s.destinations ?? []) this.#put(`${key} ${d.address}`, node.snapshot.at, d.counters.conn_rate)
    }
  }

  #put(key, at, rate) {
    const known = this.#all.get(key) ?? { at: 0, list: [] }
    if (known.at === at) return
    known.at = at
    known.list.push(rate)
    if (known.list.length > Rates.most) known.list.shift()
    this.#all.set(key, known)
  }

  of(key) {
    return this.#all.get(key)?.list ?? []
  }
}

// lasting is a duration in its two largest units.
export function lasting(t) {
  const s = Math.max(0, t) / 1000
  if (s < 10) return s.toFixed(1) + ' s'
  if (s < 60) return Math.floor(s) + ' s'
  if (s < 3600) return `${Math.floor(s / 60)} min ${String(Math.floor(s % 60)).padStart(2, '0')} s`
  if (s < 172800) return `${Math.floor(s / 3600)} h ${String(Math.floor(s / 60) % 60).padStart(2, '0')} min`
  return `${Math.floor(s / 86400)} d ${String(Math.floor(s / 3600) % 24).padStart(2, '0')} h`
}

// clock is a time of the day; one of another day has its date.
export function clock(t, fine = false) {
  const d = new Date(t)
  const two = (n, width = 2) => String(n).padStart(width, '0')
  const day = d.toDateString() === new Date().toDateString() ? '' : `${d.getFullYear()}-${two(d.getMonth() + 1)}-${two(d.getDate())} `
  return `${day}${two(d.getHours())}:${two(d.getMinutes())}:${two(d.getSeconds())}${fine ? '.' + two(d.getMilliseconds(), 3) : ''}`
}
