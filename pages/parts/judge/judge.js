// One task to be judged by keys. What is said lives here until it is sent, so that a key answers at
// once; Python is told of drafts a moment later. elements.js, panes.js, bar.js and search.js stand
// before this file.
const DRAFT_AFTER_MS = 700
const AGAIN_MS = 4000

// Where annotators differ on a label, to begin there.
function firstDispute({ rows, votes }) {
  const apart = (row) => Object.keys(votes?.labels?.[row.id] ?? {}).length > 1
  return Math.max((rows ?? []).findIndex(apart), 0)
}

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const root = parentElement.querySelector(".judge")
  const old = root._state
  const same = old && old.task === data.task && old.revision === data.revision
  const state = same ? old : {
    task: data.task, revision: data.revision, said: structuredClone(data.said), at: firstDispute(data),
    began: performance.now() - 1000 * data.seconds, timer: 0, sent: false,
  }
  if (old && old !== state) clearInterval(old.again)
  // Streamlit calls this anew for new data without the clean-up of the last call: a key must not
  // reach what was shown before.
  const unsaved = same && old.timer
  root._leave?.()
  root._state = state
  const said = state.said
  said.labels ??= {}
  said.phases ??= {}
  said.reasons ??= []
  said.missing = data.missing
  const kind = data.kind
  const lines = []  // what J and K go through
  const desk = { data, kind, state, said, root, lines, draw } // what the parts of the desk share
  const spent = () => (performance.now() - state.began) / 1000

  desk.draft = () => {
    clearTimeout(state.timer)
    state.timer = setTimeout(() => {
      state.timer = 0
      if (!state.sent) setStateValue("draft", { task: data.task, said, seconds: spent() })
    }, DRAFT_AFTER_MS)
  }
  const submit = () => {
    if (state.sent) return
    state.sent = true
    clearTimeout(state.timer)
    root.classList.add("sent")
    const event = {
      task: data.task, after: data.after, said, seconds: spent(),
      token: crypto.randomUUID ? crypto.randomUUID() : `${Math.random()}${Date.now()}`,
    }
    // An event can be lost in a rerun: it is sent again, and by its token stored once.
    let tries = 0
    const send = () => {
      if (root.isConnected) setTriggerValue("sent", { ...event, tries: tries++ })
      else clearInterval(state.again)
    }
    send()
    state.again = setInterval(send, AGAIN_MS)
  }
  const say = desk.say = (change, send) => {
    change()
    if (send) submit()
    else { desk.draft(); draw() }
  }
  const tell = desk.tell = (what, more) => {
    clearTimeout(state.timer)
    setTriggerValue(what, { task: data.task, said, seconds: spent(), ...more })
  }
  const go = (by) => {
    if (!lines.length) return
    state.at = Math.min(Math.max(state.at + by, 0), lines.length - 1)
    draw()
    lines[state.at]?.scrollIntoView({ block: "nearest" })
  }
  desk.judgeLabel = (verdict) => {
    const row = data.rows[state.at]
    if (!row) return
    const again = said.labels[row.id] === verdict
    say(() => { if (again) delete said.labels[row.id]; else said.labels[row.id] = verdict }, false)
    if (!again) go(1)
  }
  const judgePhase = (verdict) => {
    const open = said.phases.shortlisting ? "reasoning" : "shortlisting"
    say(() => { said.phases[open] = verdict }, open === "reasoning")
  }
  // From a side on the screen to the true one, and back.
  const swapped = (verdict) =>
    (data.swapped && { first: "second", second: "first" }[verdict]) || verdict
  desk.decide = (verdict) => {
    if (kind === "shortlist") say(() => { said.shortlist = verdict }, true)
    else if (kind === "trace") judgePhase(verdict)
    else say(() => { said.preference = swapped(verdict) }, true)
  }
  desk.chosen = (verdict) => kind === "shortlist" ? said.shortlist === verdict
    : kind === "preference" ? said.preference === swapped(verdict) : false
  const search = desk.search = labelSearch(desk)

  const acts = desk.acts = {
    next: () => go(1), before: () => go(-1), skip: () => tell("skip"), undo: () => tell("undo"),
    comment: () => root.querySelector("textarea")?.focus(),
    missing: search.find,
    help: () => { state.help = !state.help; draw() },
    boundary: () => say(() => { said.boundary = data.steps[state.at]?.at ?? null }, false),
    no_boundary: () => say(() => { said.boundary = said.boundary === -1 ? null : -1 }, false),
  }
  for (const choice of data.choices) acts[choice.verdict] = () => desk.decide(choice.verdict)
  for (const choice of data.label_choices) {
    acts[`label.${choice.verdict}`] = () => desk.judgeLabel(choice.verdict)
  }

  function draw() {
    const scrolled = [...root.querySelectorAll(".pane")].map((pane) => pane.scrollTop)
    const writing = root.ownerDocument.activeElement
      && root.querySelector("textarea:focus") !== null
    lines.length = 0
    const panes = element("div", `panes ${kind}`)
    panes.append(documentPane(desk))
    if (kind === "shortlist") panes.append(rowsPane(desk))
    else if (kind === "trace") panes.append(stepsPane(desk, data.steps, true))
    else panes.append(side(desk, data.sides[0], "Left"), side(desk, data.sides[1], "Right"))
    const about = element("div", "about", data.about)
    about.setAttribute("aria-live", "polite")
    const parts = [about, bar(desk), others(desk), panes, foot(desk)].filter(Boolean)
    if (state.help) parts.unshift(help(desk))
    root.replaceChildren(...parts)
    root.querySelectorAll(".pane").forEach((pane, at) => { pane.scrollTop = scrolled[at] ?? 0 })
    if (writing) root.querySelector("textarea").focus()
  }
  root.classList.toggle("sent", state.sent)
  if (!same) root.replaceChildren()
  draw()
  if (!same && state.at) lines[state.at]?.scrollIntoView({ block: "nearest" })

  const byKey = new Map(Object.entries(data.keys).map(([name, key]) => [key, name]))
  const typed = (event) => {
    const target = event.composedPath()[0]
    const writing = target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName)
    if (writing || event.ctrlKey || event.metaKey || event.altKey || event.repeat && !/[jk]/i.test(event.key)) return
    if (state.finding && !state.sent) { search.typed(event); return }
    const name = byKey.get(event.key.toUpperCase())
    if (name && acts[name]) {
      event.preventDefault()
      event.stopPropagation()
      if (!state.sent) acts[name]()  // between two tasks a key belongs to neither
    }
  }
  document.addEventListener("keydown", typed, true)
  document.addEventListener("phaselens-label-search", search.offered)
  root._leave = () => {
    document.removeEventListener("keydown", typed, true)
    document.removeEventListener("phaselens-label-search", search.offered)
    clearTimeout(state.timer)
    clearTimeout(state.patience)
  }
  if (unsaved) desk.draft()
  search.goOn()
  return root._leave
}
