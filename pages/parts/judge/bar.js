// What stands around the panes: verdicts above, what others said, comment and ways out below.

// The annotators who gave this verdict, on its button.
function withNames(made, names) {
  if (names.length) made.append(element("small", "who", names.join(", ")))
  return made
}

// The verdicts, with their keys; reasons; labels that were added.
function bar(desk) {
  const { data, kind, said, say, acts } = desk
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
        desk.chosen(choice.verdict), () => desk.decide(choice.verdict))
      one.title = choice.meaning
      line.append(withNames(one, data.votes?.verdict?.[choice.verdict] ?? []))
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
      () => desk.tell("drop", { label: one.id }))
    chip.title = "Take this label back"
    chip.append(element("span", "", "×"))
    more.append(chip)
  }
  if (!more.parentNode && more.childNodes.length) made.append(more)
  return made
}

// What annotators said besides verdicts: comments, reasons, missing labels, boundaries.
function others({ data }) {
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

function foot(desk) {
  const { data, kind, said, state, root, acts, draft, search } = desk
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
      finding ? "Esc" : data.keys.missing, null, finding ? search.stop : search.find)
    add.setAttribute("aria-busy", String(finding))
    made.append(add)
  }
  made.append(
    button("plain", "Skip", data.keys.skip, null, acts.skip),
    button("plain", "Undo", data.keys.undo, null, acts.undo),
    button("plain", "Keys", data.keys.help, Boolean(state.help), acts.help))
  return made
}

function help({ data }) {
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
