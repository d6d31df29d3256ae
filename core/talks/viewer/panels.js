// What a stage shows: panels with a heading and a body that scrolls by itself.
import { PHASES, element, label, said, words } from "./draw.js"

const GROWS = [[240, "vast"], [620, "large"]] // characters up to which a text is set bigger
const ENDLESS = 400 // steps, of which the browser lays out only those in sight

export function panel(key, title, beside, ...inside) {
  const made = element("section", `panel ${key}`)
  const head = element("h2", "", title)
  if (beside) head.append(" ", element("span", "beside", beside))
  const body = element("div", "body")
  body.dataset.key = key
  body.setAttribute("role", "group")
  body.setAttribute("aria-label", title)
  body.append(...inside)
  made.append(head, body, element("div", "more", "more below ↓"))
  made.lastChild.setAttribute("aria-hidden", "true")
  return made
}

export function textPanel(slide, alone) {
  const text = words(slide.document, slide)
  const made = panel("document", "The text", "", text)
  const length = slide.document.reduce((sum, piece) => sum + piece[0].length, 0)
  const size = GROWS.find(([most]) => length <= most)
  if (alone && size) made.classList.add(size[1])
  if (!length) text.append("(empty)")
  if (alone && slide.notes.length) made.querySelector(".body").append(notesOn(slide))
  return made
}

function notesOn(slide) {
  const made = element("div", "small said-notes")
  for (const note of slide.notes) made.append(said("", `Note: ${note}`))
  return made
}

export function shortlistPanel(slide) {
  const rows = slide.shortlist
  const list = element("ol", "rows")
  const first = rows.findIndex((row) => row.shown === false)
  const cut = first > 0 && rows.every((row, at) => row.shown === at < first)
  rows.forEach((row, at) => {
    if (cut && at === first) {
      list.append(element("li", "cut", `The model saw the ${first} above, not those below.`))
    }
    const line = element("li", row.shown === false ? "row unseen" : "row")
    const marks = element("span", "marks")
    if (row.gold) marks.append(element("span", "mark gold", "★ gold"))
    if (!cut && row.shown === true) marks.append(element("span", "mark", "✓ shown"))
    if (!cut && row.shown === false) marks.append(element("span", "mark", "not shown"))
    if (row.named) marks.append(element("span", "mark", `named ${row.named}×`))
    line.append(element("span", "rank", String(row.rank)), label(row), marks, cosine(row.cosine))
    list.append(line)
  })
  const gold = slide.gold.length
  const found = rows.filter((row) => row.gold).length
  const beside = gold ? `${found} of ${gold} gold found` : ""
  const how = element("p", "small", `${slide.shortlist_said} Number at the right: cosine to the ` +
    "text, at most 1; higher is closer.")
  return panel("shortlist", "The shortlist", beside,
    rows.length ? list : element("p", "", "Nothing was retrieved."), how)
}

function cosine(value) {
  const made = element("span", "cosine")
  const bar = element("span", "gauge")
  bar.append(element("span", "fill"))
  bar.firstChild.style.width = `${100 * Math.max(value ?? 0, 0)}%`
  made.append(bar, element("span", "", value === null ? "–" : value.toFixed(2)))
  return made
}

// The steps of one panel, in blocks of one phase in a row. `blocks`: of stages.js.
export function stepsPanel(slide, key, blocks) {
  const [title, beside] = key === "trace" ? ["The trace", "no phases found"] : PHASES[key]
  const inside = []
  blocks.forEach((block, at) => {
    if (at && block.number > blocks[at - 1].number + 1) {
      inside.push(element("p", "turn small", block.after ? `⋯ after ${PHASES[block.after][0]}` : "⋯"))
    }
    const made = element("div", `block ${key === "trace" ? "plain" : block.phase || "outside"}`)
    if (!block.phase && key !== "trace") made.append(element("div", "small", PHASES[""][0]))
    for (const step of block.steps) made.append(stepLine(step, slide))
    inside.push(made)
  })
  const made = panel(key, title, beside, ...inside)
  made.classList.toggle("endless", made.querySelectorAll(".step").length > ENDLESS)
  return made
}

function stepLine(step, slide) {
  const made = element("div", `step does-${step.function}`)
  const tag = step.given ? "given" : step.function === "other" ? "" : step.function
  made.append(element("span", "tag", tag), words(step.words, slide))
  return made
}

export function answerPanel(slide, blocks) {
  const inside = []
  const names = slide.answer
  const gold = slide.gold.length > 0
  if (names === null) inside.push(element("p", "", "No answer was found in the trace."))
  else if (!names.length) inside.push(element("p", "", "It names no label."))
  else inside.push(answerList(names, gold))
  if (slide.format && slide.format !== "ok") {
    const why = element("p", "small", `Format: ${slide.format}. `)
    why.append(said("", slide.format_why))
    inside.push(why)
  }
  if (blocks.length) {
    const wrote = element("div", "block answer")
    wrote.append(element("div", "small", "As it was written"))
    for (const block of blocks) for (const step of block.steps) wrote.append(stepLine(step, slide))
    inside.push(wrote)
  }
  const right = (names || []).filter((one) => one.gold).length
  const beside = names && names.length && gold ? `${right} of ${names.length} gold` : ""
  const made = panel("answer", "The answer", beside, ...inside)
  if (slide.f1 !== null) {
    const score = element("span", "score", `F1 ${slide.f1.toFixed(2)}`)
    score.title = "Agreement of the answer with the gold labels, 0 to 1; higher is better."
    made.firstChild.append(" ", score)
  }
  return made
}

function answerList(names, gold) {
  const list = element("ul", "results")
  for (const one of names) {
    const line = element("li", one.gold ? "right" : gold ? "wrong" : "")
    line.append(element("span", "sign", one.gold ? "✓" : gold ? "✕" : "•"))
    const text = element("span", "")
    text.append(label(one))
    if (gold) text.append(element("span", "fate", one.gold ? "gold" : "not gold"))
    line.append(text)
    list.append(line)
  }
  return list
}

export function fatesPanel(slide) {
  const fates = slide.fates.length > 0
  const list = element("ul", "results")
  for (const one of fates ? slide.fates : slide.gold) {
    const line = element("li", fates ? (one.found ? "right" : "wrong") : "")
    line.append(element("span", "sign", fates ? (one.found ? "✓" : "✕") : "★"))
    const text = element("span", "")
    text.append(label(one))
    if (fates) text.append(element("span", "fate", one.fate), element("span", "small", one.why))
    line.append(text)
    list.append(line)
  }
  const count = fates ? slide.fates.filter((one) => one.found).length : 0
  return panel("fates", fates ? "Where each gold label went" : "Gold labels",
    fates ? `${count} of ${slide.fates.length} in the answer` : "", list)
}
