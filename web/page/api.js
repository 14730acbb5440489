// The API: questions, and the stream of events. doc/openapi.json describes it.

const kept = 'token'

// Refused is the answer to who is not known.
export class Refused extends Error {}

// token is kept for the tab, and shown in a header only: a URL is seen by others.
export const token = {
  get: () => sessionStorage.getItem(kept) ?? '',
  set: text => sessionStorage.setItem(kept, text),
  forget: () => sessionStorage.removeItem(kept),
}

async function request(method, path, query, form, signal) {
  const headers = { Accept: form }
  if (token.get()) headers.Authorization = 'Bearer ' + token.get()
  const text = new URLSearchParams(query).toString()
  const answer = await fetch(path + (text && '?' + text), { method, headers, signal, cache: 'no-store' })
  if (answer.ok) return answer
  const why = (await answer.json().catch(() => ({}))).error ?? answer.statusText
  throw answer.status === 401 ? new Refused(why) : new Error(why)
}

const patience = 90_000

export async function get(path, query = {}) {
  return (await request('GET', path, query, 'application/json', AbortSignal.timeout(patience))).json()
}

export async function post(path, query = {}) {
  return (await request('POST', path, query, 'application/json', AbortSignal.timeout(patience))).json()
}

// A daemon that has nothing to tell says so every 15 seconds.
const silence = 40_000
const pause = 1000
const longest = 15_000

// follow calls each with events as they come, in batches, for ever. state is called with true when
// it hears the node, and with false when it does not.
export async function follow(each, state) {
  let after = 0
  let wait = pause
  for (;;) {
    const end = new AbortController()
    let watch = setTimeout(() => end.abort(), silence)
    const shown = token.get()
    try {
      const answer = await request('GET', 'v1/events', { after }, 'text/event-stream', end.signal)
      state(true)
      wait = pause
      for await (const batch of batches(answer.body)) {
        clearTimeout(watch)
        watch = setTimeout(() => end.abort(), silence)
        if (batch.length === 0) continue
        after = batch.at(-1).seq
        each(batch)
      }
    } catch (err) {
      if (err instanceof Refused && shown === token.get()) await new Promise(done => addEventListener('token', done, { once: true }))
    }
    clearTimeout(watch)
    state(false)
    await new Promise(done => setTimeout(done, wait))
    wait = Math.min(2 * wait, longest)
  }
}

// batches are the events of a stream, those together that have come together.
async function* batches(body) {
  const words = new TextDecoder()
  const reader = body.getReader()
  let text = ''
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    text += words.decode(value, { stream: true })
    const whole = text.split('\n\n')
    text = whole.pop()
    yield whole.flatMap(one => one.split('\n').filter(l => l.startsWith('data: ')).map(l => JSON.parse(l.slice(6))))
  }
}
