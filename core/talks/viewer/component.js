// For st.components.v2: data is { deck, made, scheme, position, key }; another key is another talk.
// The place in the talk lives here, so that keys answer at once; Python is told it a moment later, as
// the state "at": { slide, stage }. In a talk that is played, data also has
//   filling     the talk is over all of the page; it keeps its place in the address (slide=2.3,
//               both from 1) instead of telling Python, for whom each word is a run of the script
//   version     of the deck: another one has other slides, shown where the reader is
//   standings   of each slide, as live.js has it; how far a live run is comes as an event
// and Python gets the triggers "live", "stop", "swap", all with { slide }, and "leave".
import { mount } from "./viewer.js"
import { liveStrip } from "./live.js"

const TELL_AFTER_MS = 250
const ANSWER_MS = 10000 // a page that says nothing for so long is gone
const PROGRESS = "phaselens-talk-progress"
const NO_ANSWER = { kind: "fell", what: "The app does not answer.", fix: "" }
const talks = new WeakMap()

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const root = parentElement.querySelector(".talk")
  const old = talks.get(root)
  if (!old || old.key !== data.key) {
    const now = data.filling ? played(root, data, old) : shown(root, data, old)
    if (old) end(old)
    talks.set(root, now)
  }
  // Streamlit calls this anew for new data, without the clean-up of the call before.
  talks.get(root).take?.(data, setTriggerValue)
  talks.get(root).tell = setStateValue
  return () => {
    const last = talks.get(root)
    if (last) end(last)
    talks.delete(root)
  }
}

function shown(root, data, old) {
  const now = { key: data.key, timer: 0 }
  now.talk = mount(root, data.deck, {
    embedded: true, made: data.made, scheme: data.scheme,
    position: old ? old.talk.position() : data.position,
    onChange: (at) => {
      clearTimeout(now.timer)
      now.timer = setTimeout(() => now.tell("at", at), TELL_AFTER_MS)
    },
  })
  return now
}

function played(root, first, old) {
  const now = { key: first.key, timer: 0, progress: null, local: null, version: first.version }
  let data = first, trigger = null
  const slide = () => now.talk.position().slide
  const standing = () => now.local?.slide === slide() ? now.local.standing
    : data.standings[slide()] || null
  const ask = (what) => {
    const at = slide()
    if (at >= data.deck.slides.length) return
    now.local = what === "live" ? { slide: at, standing: { kind: "running" } } : now.local
    clearTimeout(now.timer)
    now.timer = setTimeout(() => { now.local = { slide: at, standing: NO_ANSWER }; draw() }, ANSWER_MS)
    draw()
    trigger(what, { slide: at })
  }
  const running = () => now.local?.standing.kind === "running"
    || data.standings.some((one) => one?.kind === "running")
  const act = {
    live: () => { if (!running()) ask("live") },
    stop: () => { if (standing()?.kind === "running") ask("stop") },
    swap: () => { if (["live", "stored"].includes(standing()?.kind)) ask("swap") },
    leave: () => trigger("leave", { slide: slide() }),
  }
  const strip = liveStrip(act)
  const draw = () => strip.draw(standing(), data.deck.slides[slide()], now.progress)
  const heard = ({ detail }) => { now.progress = detail; draw() }
  document.addEventListener(PROGRESS, heard)
  now.leave = () => document.removeEventListener(PROGRESS, heard)
  now.take = (given, setTriggerValue) => {
    trigger = setTriggerValue
    data = given
    clearTimeout(now.timer)
    now.local = null
    if (!data.standings.some((one) => one?.kind === "running")) now.progress = null
    if (now.version !== data.version) now.talk.update(data.deck)
    now.version = data.version
    draw()
  }
  now.talk = mount(root, first.deck, {
    embedded: true, filling: true, made: first.made, scheme: first.scheme,
    position: old ? old.talk.position() : first.position,
    onChange: (at) => { inAddress(at); draw() },
    extra: {
      strip: strip.made,
      keys: { l: act.live, x: act.stop, s: act.swap, q: act.leave },
      tools: [["Run live", "L", act.live], ["Leave", "Q", act.leave]],
      help: [
        [["L"], "run this example live; the stored run comes back if that fails"],
        [["X"], "stop the live run"],
        [["S"], "the live run or the stored one"],
        [["Q"], "leave the talk"],
      ],
    },
  })
  return now
}

function inAddress({ slide, stage }) {
  const address = new URL(window.location.href)
  address.searchParams.set("slide", stage ? `${slide + 1}.${stage + 1}` : `${slide + 1}`)
  window.history.replaceState(window.history.state, "", address)
}

function end({ talk, timer, leave }) {
  clearTimeout(timer)
  leave?.()
  talk.destroy()
}
