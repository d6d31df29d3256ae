// What stands around the stages: heading, bar of controls, notes, help, and the last page.
import { button, element, said, when } from "./draw.js"
import { panel } from "./panels.js"

export const KEYS = [
  [["→", "↓", "Page Down", "Space"], "on: next part, then next example"],
  [["←", "↑", "Page Up", "Shift Space"], "back"],
  [["Shift →", "Shift ←"], "next example, the one before"],
  [["Home", "End"], "the beginning, the end"],
  [["N"], "speaker notes, here"],
  [["P"], "the speaker's window: notes, what comes next, time; for a second screen"],
  [["D"], "dark or light"],
  [["F"], "full screen"],
  [["?"], "this sheet"],
  [["Tab"], "to a text that is longer than its panel: arrow keys scroll it, then go on"],
]
const MARKS = [
  ["★ gold", "a right label: one that the dataset gives this text"],
  ["dashed edge", "shortlisting"],
  ["solid edge", "reasoning"],
  ["frame", "the answer"],
  ["underlined", "a label's name; dotted: in other words"],
  ["numbered", "words of the text, and where the trace repeats them"],
  ["[in brackets]", "given: put in by the app, not written by the model"],
]

export function heading(slide) {
  const made = element("header", "heading")
  const title = element("h1", slide.title.length > 46 ? "long" : "")
  title.append(said("", slide.title))
  const facts = element("p", "small facts")
  const parts = [`${slide.dataset} / ${slide.document_id}`, slide.system]
  if (slide.state !== "done") parts.push(`${slide.state}: the trace is not complete`)
  parts.forEach((part, at) => facts.append(at ? " · " : "", said("", part)))
  made.append(title, facts)
  return made
}

export function controls(act, more = []) {
  const made = element("nav", "bar")
  made.setAttribute("aria-label", "Talk")
  const back = button("turn-page", "←", "", act.back)
  const rail = element("ol", "rail")
  const on = button("turn-page", "→", "", act.on)
  back.setAttribute("aria-label", "Back")
  on.setAttribute("aria-label", "Next")
  const counter = element("span", "counter")
  const tools = element("span", "tools")
  const notes = button("tool", "Notes", "N", act.notes)
  const dark = button("tool", "Dark", "D", act.dark)
  const speaker = button("tool", "Speaker", "P", act.speaker)
  for (const one of [notes, speaker, dark]) one.setAttribute("aria-pressed", "false")
  tools.append(notes, speaker, dark, button("tool", "Full screen", "F", act.full),
    button("tool", "Keys", "?", act.help),
    ...more.map(([words, key, press]) => button("tool", words, key, press)))
  made.append(back, rail, on, counter, tools)
  return { made, back, rail, on, counter, notes, speaker, dark }
}

export function stageButtons(stages, go) {
  return stages.map((stage, at) => {
    const line = element("li", "")
    line.append(button("stage", stage.name, "", () => go(at)))
    return line
  })
}

export function notesOf(slide) {
  const text = said("words", slide.note || "No notes for this example.")
  return panel("notes", "Speaker notes", "", text)
}

export function noWindow() {
  const text = element("p", "", "The browser lets no window open. Allow pop-ups for this page, and " +
    "press P again; N shows the notes here.")
  return panel("notes", "Speaker's window", "", text)
}

export function helpSheet(more = []) {
  const made = element("dialog", "help")
  made.setAttribute("aria-label", "Keys and signs")
  const rows = (pairs, keys) => {
    const list = element("dl", "")
    for (const [names, what] of pairs) {
      const term = element("dt", "")
      if (keys) names.forEach((name) => term.append(element("kbd", "", name), " "))
      else term.textContent = names
      list.append(term, element("dd", "", what))
    }
    return list
  }
  const close = button("close", "Close", "Esc", () => made.close())
  close.autofocus = true
  const sheet = element("div", "sheet")
  sheet.tabIndex = 0
  sheet.setAttribute("role", "group")
  sheet.setAttribute("aria-label", "Keys and signs")
  const [left, right] = [element("div", ""), element("div", "")]
  left.append(element("h2", "", "Keys"), rows([...KEYS, ...more], true))
  right.append(element("h2", "", "Signs"), rows(MARKS, false))
  sheet.append(left, right)
  made.append(sheet, close)
  return made
}

// The last page: where all of it comes from.
export function aboutPage(deck, made) {
  const list = element("ol", "sources")
  for (const slide of deck.slides) {
    const line = element("li", "")
    const where = element("div", "small")
    const facts = [`${slide.dataset} / ${slide.document_id}`, slide.system,
      slide.run_id ? `run ${slide.run_id}` : "no run", when(slide.made_at)]
    facts.forEach((fact, at) => where.append(at ? " · " : "", said("", fact)))
    const trace = element("div", "small", "trace ")
    trace.append(said("code", slide.trace_id))
    line.append(said("", slide.title), where, trace)
    list.append(line)
  }
  const by = element("p", "", `Made by ${made.by}, ${made.on}. Read only: all of it is as it was ` +
    "stored, and nothing reaches a network.")
  return panel("about", "Where this comes from", "", by, list)
}
