// Which methods of the SDK were answered, found out by looking at the SDK itself: a method that a later version of it brings
// is missed by the walk until somebody calls it.

const answered = new Set()

// HTTP clients are shared by all resources; they are nobody's API.
const plumbing = new Set(['client', 'requestController'])

// resources are the parts of a client that have methods, by their shortest name. Some stand in two places.
function resources(client) {
  const names = new Map([[client, '']])
  for (const [part, name] of names) {
    for (const [property, value] of Object.entries(part)) {
      if (value && typeof value === 'object' && !plumbing.has(property) && !names.has(value)) {
        names.set(value, name ? `${name}.${property}` : property)
      }
    }
  }
  return names
}

const methods = (part) => {
  const kind = Object.getPrototypeOf(part)
  return kind === Object.prototype ? [] : Object.getOwnPropertyNames(kind).filter((name) => name !== 'constructor')
}

const known = new Map() // methods of each kind of client

// watch returns the client, whose calls are noted once they were answered.
export function watch(kind, client) {
  const names = resources(client)
  const called = (part, method) => [kind, names.get(part), method].filter(Boolean).join('.')
  known.set(kind, [...names.keys()].flatMap((part) => methods(part).map((method) => called(part, method))))
  const around = (part) => new Proxy(part, {
    get(target, property) {
      const value = target[property]
      if (names.has(value)) return around(value)
      if (typeof value !== 'function') return value
      return (...args) => {
        const answer = value.apply(target, args)
        const note = () => answered.add(called(target, property))
        if (typeof answer?.then === 'function') return answer.then((result) => (note(), result))
        note()
        return answer
      }
    },
  })
  return around(client)
}

// missed are the methods that were never answered.
export const missed = () => [...known.values()].flat().filter((method) => !answered.has(method))
