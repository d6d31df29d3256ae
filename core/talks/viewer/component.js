// For st.components.v2: data is { deck, made, scheme, position, key }; another key is another talk.
// The place in the talk lives here, so that keys answer at once; Python is told it a moment later, as
// the state "at": { slide, stage }.
import { mount } from "./viewer.js"

const TELL_AFTER_MS = 250
const talks = new WeakMap()

export default function ({ data, parentElement, setStateValue }) {
  const root = parentElement.querySelector(".talk")
  const old = talks.get(root)
  if (!old || old.key !== data.key) {
    const now = { key: data.key, timer: 0 }
    now.talk = mount(root, data.deck, {
      embedded: true, made: data.made, scheme: data.scheme,
      position: old ? old.talk.position() : data.position,
      onChange: (at) => {
        clearTimeout(now.timer)
        now.timer = setTimeout(() => setStateValue("at", at), TELL_AFTER_MS)
      },
    })
    if (old) end(old)
    talks.set(root, now)
  }
  return () => {
    const last = talks.get(root)
    if (last) end(last)
    talks.delete(root)
  }
}

function end({ talk, timer }) {
  clearTimeout(timer)
  talk.destroy()
}
