// Draws one trace: timeline, keys, outline, document, steps. All texts arrive as data and are put
// in place as text, never as HTML. The chosen step lives here, so that keys answer at once; Python
// is told a moment later.
const PHASES = {
  shortlisting: ["1 · Shortlisting", "labels worth a look"],
  reasoning: ["2 · Reasoning", "keep or drop, with evidence"],
  answer: ["Answer", ""],
  outside: ["Outside any phase", ""],
}
const HUES = {
  anchor: "#8250df", propose: "#3f7fd6", compare: "#b08800", keep: "#16867a", drop: "#d1242f",
  skip: "#8c959f", check: "#bf4b8a", answer: "#57606a", other: "transparent",
}
const TELL_AFTER_MS = 250
const SETTLING_FRAMES = 8

function element(kind, css, text) {
  const made = document.createElement(kind)
  if (css) made.className = css
  if (text !== undefined) made.textContent = text
  return made
}

function words(segments, data, choose) {
  // [text, label number or -1, exact, anchor number or -1] each
  const made = element("span", "words")
  made.dir = "auto"
  for (const [text, label, exact, anchor] of segments) {
    if (label < 0 && anchor < 0) {
      made.append(text)
      continue
    }
    const mark = element("span", label >= 0 ? "label" : "anchor", text)
    if (label >= 0) {
      if (!exact) mark.classList.add("fuzzy")
      mark.dataset.label = label
      mark.title = data.labels[label].title
      if (data.labels[label].wrong) mark.classList.add("wrong")
      mark.onclick = (event) => { event.stopPropagation(); choose.label(label) }
    }
    if (anchor >= 0) {
      mark.classList.add("anchor")
      mark.dataset.anchor = anchor
      if (label < 0) mark.onclick = (event) => { event.stopPropagation(); choose.anchor(anchor) }
    }
    made.append(mark)
  }
  return made
}

function blocks(data) {
  const found = []
  data.steps.forEach((step, at) => {
    const last = found[found.length - 1]
    if (last && last.phase === step.phase) last.steps.push(at)
    else found.push({ phase: step.phase, steps: [at] })
  })
  return found
}

// Scrolls a box until a node of it stands `down` pixels below its top. Steps out of sight have a
// guessed height (content-visibility), so that a far jump lands beside its step: it is put right in
// the next frames, as those around it are laid out.
function place(node, box, down, frames = SETTLING_FRAMES) {
  box.scrollTop += node.getBoundingClientRect().top - box.getBoundingClientRect().top - down
  box.placed = node
  if (!frames) return
  requestAnimationFrame(() => { if (box.placed === node) place(node, box, down, frames - 1) })
}

// The first step in sight, and how far below the box's top it stands.
function inSight(nodes, box) {
  const top = box.getBoundingClientRect().top
  const at = nodes.findIndex((node) => node.getBoundingClientRect().bottom > top)
  return at < 0 ? null : { at, down: nodes[at].getBoundingClientRect().top - top }
}

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const root = parentElement.querySelector(".reader")
  const old = root._state
  const same = old && old.trace === data.trace
  const state = { trace: data.trace, step: same && old.asked === data.step ? old.step : data.step,
                  asked: data.step, label: data.label, timer: 0 }
  // Streamlit calls this anew for new data without the clean-up of the last call.
  const untold = same && old.timer
  root._leave?.()
  root._state = state
  const seen = same && old.text.scrollTop ? inSight(old.nodes, old.text) : null
  const outlined = same ? old.outline.scrollTop : 0
  const nodes = [], lines = new Map()

  const tell = () => {
    clearTimeout(state.timer)
    state.timer = setTimeout(flush, TELL_AFTER_MS)
  }
  // Before a button is pressed, by key or mouse, Python is told which step it is about.
  const flush = () => {
    clearTimeout(state.timer)
    state.timer = 0
    setStateValue("step", state.step)
  }
  const pressed = () => { if (state.timer) flush() }
  const show = (scroll) => {
    root.querySelectorAll(".now").forEach((n) => n.classList.remove("now"))
    const node = nodes[state.step]
    if (!node) { now.style.display = "none"; return }
    node.classList.add("now")
    const line = lines.get(state.step)
    if (line) line.classList.add("now")
    now.style.display = ""
    now.style.left = `calc(${100 * data.steps[state.step].middle}% - 1px)`
    now.className = "now"
    if (scroll) {
      into(node, text)
      if (line) into(line, outline)
    }
  }
  const into = (node, box) => {
    const a = node.getBoundingClientRect(), b = box.getBoundingClientRect()
    if (a.top < b.top + 20 || a.bottom > b.bottom - 20) place(node, box, box.clientHeight * 0.35)
  }
  const go = (step, scroll = true) => {
    if (!data.steps.length) return
    state.step = Math.min(Math.max(step, 0), data.steps.length - 1)
    show(scroll)
    tell()
  }
  const choose = {
    label: (label) => setTriggerValue("label", data.labels[label].id),
    anchor: (anchor) => {
      root.querySelectorAll(".anchor.hot").forEach((n) => n.classList.remove("hot"))
      root.querySelectorAll(`[data-anchor="${anchor}"]`).forEach((n) => {
        n.classList.add("hot")
        into(n, n.closest(".document") ? doc : text)
      })
    },
  }

  const timeline = element("div", "timeline")
  timeline.setAttribute("role", "img")
  timeline.setAttribute("aria-label", data.timeline_words)
  for (const { phase, steps } of blocks(data)) {
    const first = data.steps[steps[0]], last = data.steps[steps[steps.length - 1]]
    const part = element("div", `part ${phase}`, PHASES[phase][0])
    part.style.flex = `0 0 ${100 * (last.end - first.start)}%`
    part.title = `${PHASES[phase][0]}: t ${first.start.toFixed(2)} to ${last.end.toFixed(2)}`
    timeline.append(part)
  }
  const now = element("div", "now")
  timeline.append(now)
  timeline.onclick = (event) => {
    const box = timeline.getBoundingClientRect()
    const t = (event.clientX - box.left) / box.width
    const at = data.steps.findIndex((step) => step.end >= t)
    go(at < 0 ? data.steps.length - 1 : at)
  }

  const keys = element("div", "keys")
  for (const [key, what] of data.keys) {
    const one = element("span")
    one.append(element("kbd", "", key), ` ${what}`)
    keys.append(one)
  }

  const outline = element("nav", "outline")
  outline.setAttribute("aria-label", "Outline of the trace")
  let phase = null
  for (const [at, title] of data.outline) {
    const step = data.steps[at]
    if (step.phase !== phase) {
      phase = step.phase
      outline.append(element("div", "phase", PHASES[phase][0]))
    }
    const line = element("button", "", step.function === "other" ? title
      : `${step.function}: ${title}`)
    line.title = title
    line.onclick = () => go(at)
    lines.set(at, line)
    outline.append(line)
  }
  if (!data.outline.length) outline.append(element("div", "empty", "No steps."))

  const doc = element("div", "document")
  doc.dir = "auto"
  for (const [piece, anchor] of data.document) {
    if (anchor < 0) { doc.append(piece); continue }
    const mark = element("span", "anchor", piece)
    mark.dataset.anchor = anchor
    mark.title = "The trace repeats these words; click to see where."
    mark.onclick = () => choose.anchor(anchor)
    doc.append(mark)
  }

  const text = element("div", "text")
  text.tabIndex = 0
  text.setAttribute("role", "group")
  text.setAttribute("aria-label", "Trace, step by step")
  const columns = data.view === "columns"
  const inside = element("div", columns ? "columns" : "")
  if (data.color === "function") inside.classList.add("by-function")
  const sides = {}
  for (const { phase: kind, steps } of blocks(data)) {
    const block = element("div", `block ${kind}`)
    if (data.has_phases) {
      const head = element("div", "head", `${PHASES[kind][0]} `)
      head.append(element("span", "", PHASES[kind][1]))
      block.append(head)
    }
    for (const at of steps) {
      const step = data.steps[at]
      const node = element("div", `step${step.given ? " given" : ""}`)
      node.style.setProperty("--hue", HUES[step.function])
      const tag = element("span", "tag", step.function === "other" ? "" : step.function)
      tag.title = data.meanings[step.function]
      const shown = words(step.words, data, choose)
      if (step.opacity !== null) {
        shown.style.opacity = step.opacity
        node.title = step.importance
      }
      node.append(tag, shown)
      node.onclick = () => go(at, false)
      nodes[at] = node
      block.append(node)
    }
    if (!columns) { inside.append(block); continue }
    if (kind === "shortlisting" || kind === "reasoning") {
      if (!sides.shortlisting) {
        for (const side of ["shortlisting", "reasoning"]) {
          sides[side] = element("div", "side")
          inside.append(sides[side])
        }
      }
      sides[kind].append(block)
    } else {
      block.classList.add("wide")
      inside.append(block)
    }
  }
  if (!data.steps.length) inside.append(element("div", "empty", "Nothing was written."))
  text.append(inside)

  const panes = element("div", "panes")
  const right = element("div")
  right.append(doc, text)
  panes.append(outline, right)
  root.replaceChildren(timeline, keys, panes)
  Object.assign(state, { text, outline, nodes })
  outline.scrollTop = outlined
  if (seen && nodes[seen.at]) place(nodes[seen.at], text, seen.down)
  if (data.label >= 0) {
    const named = root.querySelectorAll(`.text [data-label="${data.label}"]`)
    named.forEach((n) => n.classList.add("hot"))
    if (named.length && (!same || old.label !== data.label)) into(named[0], text)
  }
  show(!same || state.step !== old.step)

  const typed = (event) => {
    const target = event.composedPath()[0]
    const writing = target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)
    if (writing || event.ctrlKey || event.metaKey || event.altKey) return
    const move = { j: 1, k: -1 }[event.key.toLowerCase()]
    if (move) { event.preventDefault(); go(state.step + move) } else pressed()
  }
  document.addEventListener("keydown", typed, true)
  document.addEventListener("pointerdown", pressed, true)
  root._leave = () => {
    document.removeEventListener("keydown", typed, true)
    document.removeEventListener("pointerdown", pressed, true)
    clearTimeout(state.timer)
  }
  if (untold) tell()
  return root._leave
}
