// One task to be judged by keys. What is said lives here until it is sent, so that a key answers at
// once; Python is told of drafts a moment later. All texts are put in place as text, never as HTML.
const DRAFT_AFTER_MS = 700
const AGAIN_MS = 4000
const FIND_MS = 20000 // a first search prepares its files, and says so
const PHASES = { shortlisting: "Shortlisting", reasoning: "Reasoning" }

function element(kind, css, text) {
  const made = document.createElement(kind)
  if (css) made.className = css
  if (text !== undefined) made.textContent = text
  return made
}

function button(css, words, key, pressed, act) {
  const made = element("button", css)
  made.type = "button"
  if (pressed !== null) made.setAttribute("aria-pressed", pressed ? "true" : "false")
  made.append(element("span", "", words))
  if (key) made.append(element("kbd", "", key))
  made.onclick = act
  return made
}

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
  const spent = () => (performance.now() - state.began) / 1000

  const draft = () => {
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
  const say = (change, send) => {
    change()
    if (send) submit()
    else { draft(); draw() }
  }
  const tell = (what) => {
    clearTimeout(state.timer)
    setTriggerValue(what, { task: data.task, said, seconds: spent() })
  }
  // The box that finds a label comes with a later run of the page, and says so. What is typed until
  // then is meant for it, and no verdict. `finding`: these letters, and the count that `data.asked`
  // has once Python has heard of it.
  const find = () => {
    if (state.finding) return
    state.finding = { words: "", asked: data.asked + 1 }
    draw()
    tell("missing")
    wait()
  }
  const wait = () => {
    clearTimeout(state.patience)
    state.patience = setTimeout(noBox, FIND_MS)
  }
  const noBox = () => {
    clearTimeout(state.patience)
    state.finding = null
    draw()
  }
  const offered = ({ detail: { box } }) => {
    if (!state.finding) return
    const words = state.finding.words
    noBox()
    box.focus()
    box.scrollIntoView({ block: "nearest" })
    if (!words) return
    box.value += words
    box.dispatchEvent(new Event("input", { bubbles: true }))
  }
  const typedAhead = (event) => {
    if (event.key === "Escape") noBox()
    else if (event.key === "Backspace") state.finding.words = state.finding.words.slice(0, -1)
    else if (event.key.length === 1) state.finding.words += event.key
    else return
    event.preventDefault()
    event.stopPropagation()
  }
  const go = (by) => {
    if (!lines.length) return
    state.at = Math.min(Math.max(state.at + by, 0), lines.length - 1)
    draw()
    lines[state.at]?.scrollIntoView({ block: "nearest" })
  }
  const judgeLabel = (verdict) => {
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
  const decide = (verdict) => {
    if (kind === "shortlist") say(() => { said.shortlist = verdict }, true)
    else if (kind === "trace") judgePhase(verdict)
    else say(() => { said.preference = swapped(verdict) }, true)
  }
  const voters = (of, verdict) => data.votes?.[of]?.[verdict] ?? []
  // The annotators who gave this verdict, on its button.
  const withNames = (made, names) => {
    if (names.length) made.append(element("small", "who", names.join(", ")))
    return made
  }
  const labelVotes = (id) => {
    const said = Object.entries(data.votes?.labels?.[id] ?? {})
    const word = (verdict) => data.label_choices.find((one) => one.verdict === verdict)?.name ?? verdict
    const line = element("small", `votes${said.length > 1 ? " differ" : ""}`)
    line.append((said.length > 1 ? "≠ " : "") + said
      .map(([verdict, names]) => `${word(verdict)}: ${names.join(", ")}`).join(" · "))
    return said.length ? line : null
  }
  const chosen = (verdict) => kind === "shortlist" ? said.shortlist === verdict
    : kind === "preference" ? said.preference === swapped(verdict) : false

  const acts = {
    next: () => go(1), before: () => go(-1), skip: () => tell("skip"), undo: () => tell("undo"),
    comment: () => root.querySelector("textarea")?.focus(),
    missing: find,
    help: () => { state.help = !state.help; draw() },
    boundary: () => say(() => { said.boundary = data.steps[state.at]?.at ?? null }, false),
    no_boundary: () => say(() => { said.boundary = said.boundary === -1 ? null : -1 }, false),
  }
  for (const choice of data.choices) acts[choice.verdict] = () => decide(choice.verdict)
  for (const choice of data.label_choices) {
    acts[`label.${choice.verdict}`] = () => judgeLabel(choice.verdict)
  }

  function documentPane() {
    const pane = element("section", "pane document")
    pane.tabIndex = 0
    pane.setAttribute("aria-label", "Document")
    pane.append(element("h2", "", "Document"))
    const text = element("p", "words", data.document)
    text.dir = "auto"
    pane.append(text)
    if (data.gold.length) {
      const gold = element("p", "gold", "Gold: ")
      gold.append(data.gold.map((one) => `${one.name || one.id} (${one.id})`).join("; "))
      pane.append(gold)
    }
    return pane
  }
  function rowsPane() {
    const pane = element("section", "pane list")
    pane.setAttribute("aria-label", "Shortlist")
    pane.append(element("h2", "", `Shortlist · ${data.rows.length} labels`))
    data.rows.forEach((row, at) => {
      const line = element("div", `row${at === state.at ? " now" : ""}`)
      lines[at] = line
      line.append(element("span", "rank", String(row.rank)))
      const name = element("span", "name", row.name)
      name.append(element("small", "", ` ${row.code}${row.gold ? " · ★ gold" : ""}`))
      const votes = labelVotes(row.id)
      if (votes) name.append(votes)
      line.append(name)
      const verdicts = element("span", "verdicts")
      for (const choice of data.label_choices) {
        if (!row.gold && choice.verdict === "wrong_gold" && !data.blind) continue
        const on = said.labels[row.id] === choice.verdict
        const made = button("chip", choice.name, at === state.at ? data.keys[`label.${choice.verdict}`]
          : "", on, () => { state.at = at; judgeLabel(choice.verdict) })
        made.title = choice.meaning
        verdicts.append(made)
      }
      line.append(verdicts)
      line.onclick = () => { state.at = at; draw() }
      pane.append(line)
    })
    if (!data.rows.length) pane.append(element("p", "empty", "Nothing was retrieved."))
    return pane
  }
  function stepsPane(steps, listed) {
    const pane = element("section", "pane list steps")
    pane.tabIndex = 0
    pane.setAttribute("aria-label", "Trace")
    const edge = listed && said.boundary > 0 ? said.boundary : null
    steps.forEach((step, at) => {
      const phase = !listed || said.boundary === undefined || said.boundary === null ? step.phase
        : step.phase === "answer" ? "answer"
          : said.boundary < 0 ? "outside" : step.at < edge ? "shortlisting" : "reasoning"
      const line = element("div", `step ${phase}${listed && at === state.at ? " now" : ""}`, step.text)
      line.dir = "auto"
      if (PHASES[phase] && steps[at - 1]?.shown !== phase) {
        pane.append(element("h3", "", PHASES[phase]))
      }
      step.shown = phase
      if (listed) { lines[at] = line; line.onclick = () => { state.at = at; draw() } }
      pane.append(line)
    })
    if (!steps.length) pane.append(element("p", "empty", "Nothing was written."))
    return pane
  }
  function side(one, place) {
    const pane = element("section", "pane list side")
    pane.setAttribute("aria-label", place)
    pane.append(element("h2", "", one.title ? `${place}: ${one.title}` : place))
    const list = element(one.numbered ? "ol" : "ul", "")
    for (const label of one.labels) {
      list.append(element("li", "", `${label.name || label.id}${label.gold ? " · ★ gold" : ""}`))
    }
    const none = one.numbered ? "Nothing was retrieved." : "No label was chosen."
    if (!one.labels.length) list.append(element("li", "empty", none))
    pane.append(list)
    if (!one.numbered) pane.append(...stepsPane(one.steps, false).childNodes)
    return pane
  }
  function bar() {
    const made = element("div", "bar")
    if (kind === "trace") {
      for (const phase of ["shortlisting", "reasoning"]) {
        const open = phase === (said.phases.shortlisting ? "reasoning" : "shortlisting")
        const line = element("div", `verdict-line${open ? " open" : ""}`)
        line.append(element("b", "", PHASES[phase]))
        for (const choice of data.choices) {
          const one = button("verdict", choice.name, open ? data.keys[choice.verdict] : "",
            said.phases[phase] === choice.verdict,
            () => say(() => { said.phases[phase] = choice.verdict },
              phase === "reasoning" && Boolean(said.phases.shortlisting)))
          one.title = choice.meaning
          line.append(withNames(one, data.votes?.phases?.[phase]?.[choice.verdict] ?? []))
        }
        made.append(line)
      }
      const line = element("div", "verdict-line")
      line.append(
        element("b", "", "Boundary"),
        button("verdict", "Reasoning begins at this sentence", data.keys.boundary,
          said.boundary >= 0 && said.boundary !== null, acts.boundary),
        button("verdict", "No phases", data.keys.no_boundary, said.boundary === -1,
          acts.no_boundary))
      made.append(line)
    } else {
      const line = element("div", "verdict-line open")
      for (const choice of data.choices) {
        const one = button("verdict", choice.name, data.keys[choice.verdict],
          chosen(choice.verdict), () => decide(choice.verdict))
        one.title = choice.meaning
        line.append(withNames(one, voters("verdict", choice.verdict)))
      }
      made.append(line)
    }
    const more = element("div", "verdict-line")
    for (const reason of data.reasons) {
      const on = said.reasons.includes(reason.id)
      const one = button("chip", reason.name, "", on, () => say(() => {
        said.reasons = on ? said.reasons.filter((id) => id !== reason.id)
          : [...said.reasons, reason.id]
      }, false))
      one.title = reason.meaning
      more.append(one)
    }
    if (data.reasons.length) made.append(more)
    for (const one of data.missing_names) {
      const chip = button("chip missing", `missing: ${one.name}`, "", null,
        () => setTriggerValue("drop", { task: data.task, label: one.id, said, seconds: spent() }))
      chip.title = "Take this label back"
      chip.append(element("span", "", "×"))
      more.append(chip)
    }
    if (!more.parentNode && more.childNodes.length) made.append(more)
    return made
  }
  // What annotators said besides verdicts: comments, reasons, missing labels, boundaries.
  function others() {
    const made = element("ul", "others")
    made.setAttribute("aria-label", "What annotators said")
    for (const one of data.votes?.said ?? []) {
      const step = data.steps?.findLast((found) => found.at <= one.boundary)
      const parts = [
        one.comment && `“${one.comment}”`,
        one.reasons.length && `because: ${one.reasons.join(", ")}`,
        one.missing.length && `missing: ${one.missing.join("; ")}`,
        one.boundary === -1 && "no phases",
        one.boundary >= 0 && one.boundary !== null && step && `reasoning begins at: ${step.text.slice(0, 60)}`,
      ].filter(Boolean)
      if (!parts.length) continue
      const line = element("li", "")
      line.dir = "auto"
      line.append(element("b", "", one.who), ` ${parts.join(" · ")}`)
      made.append(line)
    }
    return made.childNodes.length ? made : null
  }
  function foot() {
    const made = element("div", "foot")
    const note = element("textarea", "")
    note.value = said.comment ?? ""
    note.rows = 1
    note.maxLength = 5000
    note.placeholder = `Comment (${data.keys.comment}); Esc leaves it`
    note.setAttribute("aria-label", "Comment")
    note.oninput = () => { said.comment = note.value; draft() }
    note.onkeydown = (event) => {
      if (event.key === "Escape") { note.blur(); root.querySelector(".pane").focus() }
      event.stopPropagation()
    }
    made.append(note)
    if (kind === "shortlist") {
      const finding = Boolean(state.finding)
      const add = button("plain", finding ? "Opening the search…" : "Add a missing label",
        finding ? "Esc" : data.keys.missing, null, finding ? noBox : find)
      add.setAttribute("aria-busy", String(finding))
      made.append(add)
    }
    made.append(
      button("plain", "Skip", data.keys.skip, null, acts.skip),
      button("plain", "Undo", data.keys.undo, null, acts.undo),
      button("plain", "Keys", data.keys.help, Boolean(state.help), acts.help))
    return made
  }
  function help() {
    const made = element("div", "help")
    made.setAttribute("role", "region")
    made.setAttribute("aria-label", "Keys")
    for (const [name, what] of data.help) {
      const line = element("div", "")
      line.append(element("kbd", "", data.keys[name]), ` ${what}`)
      made.append(line)
    }
    return made
  }

  function draw() {
    const scrolled = [...root.querySelectorAll(".pane")].map((pane) => pane.scrollTop)
    const writing = root.ownerDocument.activeElement
      && root.querySelector("textarea:focus") !== null
    lines.length = 0
    const panes = element("div", `panes ${kind}`)
    if (kind === "shortlist") panes.append(documentPane(), rowsPane())
    else if (kind === "trace") panes.append(documentPane(), stepsPane(data.steps, true))
    else panes.append(documentPane(), side(data.sides[0], "Left"), side(data.sides[1], "Right"))
    const about = element("div", "about", data.about)
    about.setAttribute("aria-live", "polite")
    const parts = [about, bar(), others(), panes, foot()].filter(Boolean)
    if (state.help) parts.unshift(help())
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
    if (state.finding && !state.sent) { typedAhead(event); return }
    const name = byKey.get(event.key.toUpperCase())
    if (name && acts[name]) {
      event.preventDefault()
      event.stopPropagation()
      if (!state.sent) acts[name]()  // between two tasks a key belongs to neither
    }
  }
  document.addEventListener("keydown", typed, true)
  document.addEventListener("phaselens-label-search", offered)
  root._leave = () => {
    document.removeEventListener("keydown", typed, true)
    document.removeEventListener("phaselens-label-search", offered)
    clearTimeout(state.timer)
    clearTimeout(state.patience)
  }
  if (unsaved) draft()
  if (state.finding && data.asked >= state.finding.asked && !data.searching) noBox()
  if (state.finding) wait()
  return root._leave
}
