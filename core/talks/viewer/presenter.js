// The speaker's own window, for a second screen: notes, what comes next, the time. The room sees none
// of it.
//
// presenter(frame, act) gives { toggle(), shown(), draw(state), close() }. `frame`: the element whose
// page opens the window, with its styles; `act`: { on, back, move, changed }: what the buttons do,
// what a key does (null for nothing), and what is called when the window has opened or gone.
// state: { deck, slide, slides, part, parts, title, note, stage, next }; `next` is what is said of
// what comes after this part.
import { button, element, said, scrolls } from "./draw.js"

const SIZE = "popup,width=960,height=640"
const TICK_MS = 1000

export function presenter(frame, act) {
  const page = frame.ownerDocument.defaultView
  let other = null, last = null, began = 0, ticking = 0, parts = {}

  // Its document; null once it is closed, shows another site, or was loaded anew, which makes a page
  // out of reach of it.
  const there = () => {
    try {
      return other && !other.closed ? other.document : null
    } catch (error) {
      if (error.name !== "SecurityError") throw error
      return null
    }
  }
  const open = () => {
    other?.close() // one that is out of reach
    other = page.open("", "", SIZE)
    if (!there()) { other = null; return false }
    began = began || Date.now()
    page.clearInterval(ticking)
    ticking = page.setInterval(tick, TICK_MS)
    fill(there())
    return true
  }
  const fill = (doc) => {
    doc.documentElement.lang = "en"
    doc.adoptedStyleSheets = [styles(frame, other)]
    doc.body.replaceChildren(made())
    doc.addEventListener("keydown", pressed)
    if (last) draw(last)
    clock()
  }
  const made = () => {
    const whole = element("div", "phaselens-talk whole speaker")
    const main = element("main", "frame")
    const top = element("div", "speaker-top")
    parts = {
      whole, where: element("span", ""), clock: element("span", "speaker-clock"),
      title: element("h1", ""), stage: element("p", "speaker-stage"),
      notes: element("div", "speaker-notes"), next: element("p", "speaker-next"),
    }
    parts.clock.setAttribute("role", "timer")
    parts.notes.tabIndex = 0
    parts.notes.setAttribute("role", "group")
    parts.notes.setAttribute("aria-label", "Speaker notes")
    top.append(parts.where, parts.clock)
    const foot = element("div", "speaker-foot")
    foot.append(button("tool", "Back", "←", act.back), parts.next, button("tool", "Next", "→", act.on))
    main.append(top, parts.title, parts.stage, parts.notes, foot)
    whole.append(main)
    return whole
  }
  const pressed = (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return
    if (event.key === " " && event.target.tagName === "BUTTON") return
    if (parts.notes.contains(event.target) && scrolls(parts.notes, event.key)) return
    const move = act.move(event)
    if (!move) return
    event.preventDefault()
    move()
  }
  const tick = () => {
    const doc = there()
    if (!doc) gone()
    else if (parts.whole.ownerDocument !== doc) fill(doc) // some browsers replace an empty page once
    else clock()
  }
  const clock = () => {
    const seconds = Math.floor((Date.now() - began) / 1000)
    const now = new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" })
    parts.clock.textContent = `${minutes(seconds)} elapsed · ${now}`
  }
  const draw = (state) => {
    last = state
    const doc = there()
    if (!doc || parts.whole.ownerDocument !== doc) return
    const dark = frame.closest(".phaselens-talk").classList.contains("dark")
    parts.whole.classList.toggle("dark", dark)
    parts.whole.classList.toggle("light", !dark)
    doc.title = `Speaker: ${state.deck || "Talk"}`
    const about = state.slide >= state.slides
    parts.where.textContent = about ? "Sources" : `Example ${state.slide + 1} of ${state.slides}`
    parts.title.replaceChildren(said("", state.title))
    parts.stage.textContent = `${state.stage}, part ${state.part + 1} of ${state.parts}`
    parts.stage.hidden = about
    const words = said(state.note ? "words" : "words soft", state.note || "No notes here.")
    if (parts.notes.textContent !== words.textContent) {
      parts.notes.replaceChildren(words)
      parts.notes.scrollTop = 0
    }
    parts.next.replaceChildren(said("", state.next))
  }
  const gone = () => {
    page.clearInterval(ticking)
    act.changed()
  }
  const close = () => {
    page.clearInterval(ticking)
    if (there()) other.close()
    other = null
  }
  page.addEventListener("pagehide", close)
  return {
    // False where the browser lets no window open.
    toggle: () => {
      if (!there()) {
        const opened = open()
        act.changed()
        return opened
      }
      close()
      act.changed()
      return true
    },
    shown: () => Boolean(there()),
    draw,
    close: () => { page.removeEventListener("pagehide", close); close() },
  }
}

// Those that stand where the frame stands, in a shadow root or not, for the other window.
function styles(frame, other) {
  const root = frame.getRootNode(), made = new other.CSSStyleSheet()
  const own = [...root.querySelectorAll("style")].map((style) => style.sheet)
  const all = [...own, ...(root.adoptedStyleSheets || [])].filter(Boolean)
  const rules = all.flatMap((sheet) => [...sheet.cssRules].map((rule) => rule.cssText))
  made.replaceSync(rules.filter((text) => text.includes("phaselens-talk")).join("\n"))
  return made
}

function minutes(seconds) {
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`
}
