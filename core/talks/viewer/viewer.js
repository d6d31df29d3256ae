// Plays a deck: one example at a time, revealed in stages, by keys or buttons.
//
// mount(root, deck, options) draws into `root` and returns { go(slide, stage), position(),
// update(deck), destroy() }, all counted from 0; `update` shows other slides, both decks having
// some, where the reader is. `deck`: Deck.for_viewer() of core/talks/deck.py. Options, all with
// defaults:
//   embedded   part of another page: no address, keys only where nothing else wants them
//   filling    embedded, but over all of that page: every key is its own
//   extra      { strip, keys, tools, help }: what the page adds: an element above the slide, by
//              letter what else a key does, [words, key, press] of buttons, rows of the key sheet
//   made       { by, on }: adds a last page that says where the deck comes from
//   position   { slide, stage } to begin with
//   scheme     "light" | "dark"; else what the reader's system prefers
//   onChange   called with { slide, stage } after each move
import { element, SCROLLS, scrolls } from "./draw.js"
import { aboutPage, controls, heading, helpSheet, noWindow, notesOf, stageButtons } from "./frame.js"
import { presenter } from "./presenter.js"
import { stagesOf, timeline } from "./stages.js"

const ON = ["ArrowRight", "ArrowDown", "PageDown", " "]
const BACK = ["ArrowLeft", "ArrowUp", "PageUp"]
const OF_PAGE = ["ArrowDown", "ArrowUp", " ", "Home", "End"] // they scroll a page around the talk
const EDITABLE = /^(INPUT|TEXTAREA|SELECT)$/

export function mount(root, deck, options = {}) {
  const doc = root.ownerDocument, page = doc.defaultView
  const app = element("div", `phaselens-talk ${options.embedded ? "embedded" : "whole"}`)
  app.classList.toggle("filling", Boolean(options.filling))
  const extra = options.extra || {}
  const frame = element("div", "frame")
  const live = element("div", "unseen-live")
  const play = element(options.embedded ? "div" : "main", "play")
  const head = element("div", "head"), line = element("div", "line"), main = element("div", "stages")
  const foot = element(options.embedded ? "div" : "aside", "foot")
  const help = helpSheet(extra.help)
  let at = { slide: 0, stage: 0 }, noted = false, blocked = false, shown = null, stages = []
  const scrolled = new Map() // of panels of the slide shown

  let slides = [], pages = 0
  const take = (given) => {
    deck = given
    slides = deck.slides
    pages = slides.length + (options.made && slides.length ? 1 : 0)
  }
  take(deck)
  const fullscreen = () => app.getRootNode().fullscreenElement === app
  const isAbout = (slide) => slide >= slides.length
  const count = (slide) => isAbout(slide) ? 1 : stagesOf(slides[slide]).length

  const go = (slide, stage = 0) => {
    if (!pages) return
    slide = clamp(slide, pages)
    at = { slide, stage: clamp(stage, count(slide)) }
    show()
    if (!options.embedded) keepAddress(page, address(at, isAbout(at.slide)))
    options.onChange?.({ ...at })
  }
  const act = {
    on: () => {
      if (at.stage + 1 < stages.length) go(at.slide, at.stage + 1)
      else if (at.slide + 1 < pages) go(at.slide + 1)
      else announce("This is the end.")
    },
    back: () => {
      if (at.stage) go(at.slide, at.stage - 1)
      else if (at.slide) go(at.slide - 1, Infinity)
      else announce("This is the beginning.")
    },
    notes: () => { noted = !noted; blocked = false; notes() },
    speaker: () => {
      blocked = !speaker.toggle()
      if (blocked) announce("The browser lets no window open.")
      else if (speaker.shown()) noted = false
      notes()
    },
    dark: () => scheme(!app.classList.contains("dark")),
    full: () => {
      const done = fullscreen() ? doc.exitFullscreen() : app.requestFullscreen?.()
      if (done) done.catch(() => announce("Full screen is not possible here."))
    },
    help: () => help.open ? help.close() : help.showModal(),
  }
  const bar = controls(act, extra.tools)
  const speaker = presenter(frame, {
    on: act.on, back: act.back, changed: () => notes(),
    move: (event) => [act.full, act.help, act.notes].includes(moveOf(event)) ? null : moveOf(event),
  })
  if (options.embedded) {
    app.setAttribute("role", "region")
    app.setAttribute("aria-label", deck.title || "Talk")
  }
  live.setAttribute("aria-live", "polite")
  main.tabIndex = -1
  foot.setAttribute("aria-label", "Notes")
  if (options.embedded) foot.setAttribute("role", "group")
  play.append(head, ...(extra.strip ? [extra.strip] : []), line, main)
  frame.append(play, foot, bar.made)
  app.append(frame, live, help)

  const announce = (words) => { live.textContent = words }
  const scheme = (dark) => {
    app.classList.toggle("dark", dark)
    app.classList.toggle("light", !dark)
    bar.dark.setAttribute("aria-pressed", String(dark))
    if (stages.length) tellSpeaker()
  }
  const notes = () => {
    bar.notes.setAttribute("aria-pressed", String(noted))
    bar.speaker.setAttribute("aria-pressed", String(speaker.shown()))
    const has = noted && !isAbout(at.slide)
    foot.replaceChildren(...(blocked ? [noWindow()] : has ? [notesOf(slides[at.slide])] : []))
    watch()
  }
  const tellSpeaker = () => {
    const slide = slides[at.slide], after = slides[at.slide + 1]
    const part = stages[at.stage + 1]
    speaker.draw({
      deck: deck.title, slide: at.slide, slides: slides.length,
      part: at.stage, parts: stages.length, stage: stages[at.stage].name,
      title: slide ? slide.title : "Sources of this talk", note: slide ? slide.note : "",
      next: part ? `Next: ${part.name}` : after ? `Next example: ${after.title}`
        : at.slide + 1 < pages ? "Next: Sources" : "This is the end.",
    })
  }

  const show = () => {
    const held = root.getRootNode().activeElement
    const inside = held && (main.contains(held) || bar.rail.contains(held) || foot.contains(held))
    const fresh = shown !== at.slide
    remember(fresh)
    if (isAbout(at.slide)) {
      stages = [{ key: "about", name: "Sources", panels: () => [aboutPage(deck, options.made)] }]
    } else if (fresh) stages = stagesOf(slides[at.slide])
    const stage = stages[at.stage], slide = slides[at.slide]
    const made = stage.panels()
    main.className = `stages ${stage.key}`
    main.replaceChildren(...made)
    head.replaceChildren(...(slide ? [heading(slide)] : [element("h1", "", deck.title || "Talk")]))
    const band = stage.timeline && timeline(slide, stage.timeline)
    line.replaceChildren(...(band ? [band] : []))
    if (fresh) {
      bar.rail.replaceChildren(...stageButtons(stages, (to) => go(at.slide, to)))
      bar.rail.hidden = stages.length < 2
      shown = at.slide
    }
    for (const [number, item] of [...bar.rail.children].entries()) {
      item.firstChild.classList.toggle("past", number < at.stage)
      if (number === at.stage) item.firstChild.setAttribute("aria-current", "step")
      else item.firstChild.removeAttribute("aria-current")
    }
    bar.counter.textContent = slide ? `${at.slide + 1} / ${slides.length}` : "Sources"
    bar.back.setAttribute("aria-disabled", String(!at.slide && !at.stage))
    const last = at.slide + 1 === pages && at.stage + 1 === stages.length
    bar.on.setAttribute("aria-disabled", String(last))
    notes()
    tellSpeaker()
    for (const body of main.querySelectorAll(".body")) {
      body.scrollTop = scrolled.get(body.dataset.key) || 0
    }
    if (inside) {
      const again = [...app.querySelectorAll(".body")].find(
        (body) => held.dataset.key && body.dataset.key === held.dataset.key && body.tabIndex === 0)
      const target = held.isConnected ? held : again || main
      target.focus({ preventScroll: true })
    }
    announce(slide ? `Slide ${at.slide + 1} of ${slides.length}: ${slide.title}. ${stage.name}, ` +
      `part ${at.stage + 1} of ${stages.length}.` : "Sources of this talk.")
  }
  const remember = (fresh) => {
    for (const body of main.querySelectorAll(".body")) scrolled.set(body.dataset.key, body.scrollTop)
    if (fresh) scrolled.clear()
  }

  // A text longer than its panel can be reached by Tab and says that it goes on.
  const measure = (body) => {
    const long = body.scrollHeight > body.clientHeight + 1
    if (long) body.tabIndex = 0
    else body.removeAttribute("tabindex")
    const rest = body.scrollHeight - body.clientHeight - body.scrollTop
    body.parentNode.classList.toggle("goes-on", long && rest > 4)
  }
  const sizes = new page.ResizeObserver((all) => all.forEach(({ target }) => measure(target)))
  const watch = () => {
    sizes.disconnect()
    for (const body of app.querySelectorAll(".stages .body, .foot .body")) {
      measure(body)
      sizes.observe(body)
      body.onscroll = () => measure(body)
    }
  }

  const pressed = (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || help.open) return
    const path = event.composedPath(), target = path[0]
    const inside = path.includes(app), nowhere = target === doc.body || target === doc.documentElement
    if (EDITABLE.test(target.tagName) || target.isContentEditable || !(inside || nowhere)) return
    if (event.key === " " && target.tagName === "BUTTON") return
    const shared = options.embedded && !options.filling && !fullscreen()
    if (!inside && shared && OF_PAGE.includes(event.key)) return
    const body = inside && path.find((one) => one.classList?.contains("body"))
    if (body && body.tabIndex === 0 && !event.shiftKey && scrolls(body, event.key)) return
    if (body && event.repeat && event.key in SCROLLS) { event.preventDefault(); return }
    const move = moveOf(event)
    if (!move) return
    event.preventDefault()
    if (!event.repeat || move !== act.speaker) move()
  }
  const moveOf = ({ key, shiftKey }) => {
    if (shiftKey && key === "ArrowRight") return () => go(at.slide + 1)
    if (shiftKey && key === "ArrowLeft") return () => go(at.stage ? at.slide : at.slide - 1)
    if (BACK.includes(key) || (shiftKey && key === " ")) return act.back
    if (ON.includes(key)) return act.on
    if (key === "Home") return () => go(0)
    if (key === "End") return () => go(Infinity, Infinity)
    return {
      n: act.notes, p: act.speaker, d: act.dark, f: act.full, "?": act.help, ...extra.keys,
    }[key.toLowerCase()]
  }
  const moved = () => {
    const asked = readAddress(page.location.hash, slides.length)
    if (asked && (asked.slide !== at.slide || asked.stage !== at.stage)) go(asked.slide, asked.stage)
  }
  const closes = (event) => {
    if (event.key !== "?") return
    event.preventDefault()
    event.stopPropagation()
    help.close()
  }

  root.replaceChildren(app)
  const dark = options.scheme ? options.scheme === "dark"
    : page.matchMedia("(prefers-color-scheme: dark)").matches
  scheme(dark)
  help.addEventListener("keydown", closes)
  doc.addEventListener("keydown", pressed)
  if (!options.embedded) {
    page.addEventListener("hashchange", moved)
    if (deck.title) doc.title = deck.title
  }
  if (pages) {
    const asked = options.embedded ? null : readAddress(page.location.hash, slides.length)
    const start = asked || options.position || at
    at = { slide: clamp(start.slide, pages), stage: 0 }
    at.stage = clamp(start.stage, count(at.slide))
    show()
  } else main.append(element("p", "empty", "This talk has no examples."))

  return {
    go,
    position: () => ({ ...at }),
    update: (given) => {
      take(given)
      at = { slide: clamp(at.slide, pages), stage: at.stage }
      at.stage = clamp(at.stage, count(at.slide))
      shown = null
      show()
    },
    destroy: () => {
      doc.removeEventListener("keydown", pressed)
      page.removeEventListener("hashchange", moved)
      sizes.disconnect()
      speaker.close()
      app.remove()
    },
  }
}

function clamp(number, length) {
  return Math.min(Math.max(number, 0), length - 1)
}

function address({ slide, stage }, about) {
  return about ? "#sources" : `#${slide + 1}.${stage + 1}`
}

function readAddress(hash, slides) {
  if (hash === "#sources") return { slide: slides, stage: 0 }
  const found = /^#(\d{1,6})(?:\.(\d{1,6}))?$/.exec(hash)
  return found ? { slide: found[1] - 1, stage: (found[2] || 1) - 1 } : null
}

function keepAddress(page, hash) {
  try {
    page.history.replaceState(page.history.state, "", hash)
  } catch {
    page.location.replace(hash)
  }
}
