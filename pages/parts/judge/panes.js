// The panes of the desk: the document, and what is judged. `desk`: see judge.js.
const PHASES = { shortlisting: "Shortlisting", reasoning: "Reasoning" }

function documentPane({ data }) {
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

// What annotators said of one label, or null.
function labelVotes(data, id) {
  const said = Object.entries(data.votes?.labels?.[id] ?? {})
  const word = (verdict) => data.label_choices.find((one) => one.verdict === verdict)?.name ?? verdict
  const line = element("small", `votes${said.length > 1 ? " differ" : ""}`)
  line.append((said.length > 1 ? "≠ " : "") + said
    .map(([verdict, names]) => `${word(verdict)}: ${names.join(", ")}`).join(" · "))
  return said.length ? line : null
}

function rowsPane(desk) {
  const { data, said, state, lines } = desk
  const pane = element("section", "pane list")
  pane.setAttribute("aria-label", "Shortlist")
  pane.append(element("h2", "", `Shortlist · ${data.rows.length} labels`))
  data.rows.forEach((row, at) => {
    const line = element("div", `row${at === state.at ? " now" : ""}`)
    lines[at] = line
    line.append(element("span", "rank", String(row.rank)))
    const name = element("span", "name", row.name)
    name.append(element("small", "", ` ${row.code}${row.gold ? " · ★ gold" : ""}`))
    const votes = labelVotes(data, row.id)
    if (votes) name.append(votes)
    line.append(name)
    const verdicts = element("span", "verdicts")
    for (const choice of data.label_choices) {
      if (!row.gold && choice.verdict === "wrong_gold" && !data.blind) continue
      const on = said.labels[row.id] === choice.verdict
      const made = button("chip", choice.name, at === state.at ? data.keys[`label.${choice.verdict}`]
        : "", on, () => { state.at = at; desk.judgeLabel(choice.verdict) })
      made.title = choice.meaning
      verdicts.append(made)
    }
    line.append(verdicts)
    line.onclick = () => { state.at = at; desk.draw() }
    pane.append(line)
  })
  if (!data.rows.length) pane.append(element("p", "empty", "Nothing was retrieved."))
  return pane
}

// The steps of a trace. `listed`: J and K go through them, and the boundary can be moved.
function stepsPane(desk, steps, listed) {
  const { said, state, lines } = desk
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
    if (listed) { lines[at] = line; line.onclick = () => { state.at = at; desk.draw() } }
    pane.append(line)
  })
  if (!steps.length) pane.append(element("p", "empty", "Nothing was written."))
  return pane
}

function side(desk, one, place) {
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
  if (!one.numbered) pane.append(...stepsPane(desk, one.steps, false).childNodes)
  return pane
}
