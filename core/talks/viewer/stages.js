// The stages in which a slide is revealed, each with the panels that it shows.
import { PHASES, element } from "./draw.js"
import { curvesPanels, turnSaid } from "./curves.js"
import {
  answerPanel, fatesPanel, shortlistPanel, stepsPanel, textPanel,
} from "./panels.js"

// Steps of one phase in a row; `number`: which block of the trace, `after`: the phase before it,
// `home`: the panel in which it is read. What lies outside any phase stays with what stands before.
function blocksOf(slide) {
  const found = []
  for (const step of slide.steps) {
    const last = found[found.length - 1]
    if (last && last.phase === step.phase) last.steps.push(step)
    else {
      found.push({ phase: step.phase, steps: [step], number: found.length,
        after: last ? last.phase : "" })
    }
  }
  const phased = found.some(({ phase }) => phase === "shortlisting" || phase === "reasoning")
  let home = phased ? found.find((block) => block.phase).phase : "trace"
  for (const block of found) {
    if (block.phase === "answer" || (phased && block.phase)) home = block.phase
    block.home = home
  }
  return found
}

export function stagesOf(slide) {
  const blocks = blocksOf(slide)
  const of = (key) => blocks.filter((block) => block.home === key)
  const steps = (key) => stepsPanel(slide, key, of(key))
  const found = [{ key: "text", name: "Text", panels: () => [textPanel(slide, true)] }]
  const add = (key, name, panels, timeline) => found.push({ key, name, panels, timeline })
  if (slide.shortlist) {
    add("shortlist", "Shortlist", () => [textPanel(slide), shortlistPanel(slide)])
  }
  const [first, second, plain] = ["shortlisting", "reasoning", "trace"].map((k) => of(k).length > 0)
  if (first) {
    add("shortlisting", PHASES.shortlisting[0],
      () => [textPanel(slide), steps("shortlisting")], ["shortlisting"])
  }
  if (second) {
    add("reasoning", PHASES.reasoning[0],
      () => [first ? steps("shortlisting") : textPanel(slide), steps("reasoning")],
      ["shortlisting", "reasoning"])
  }
  if (plain) add("trace", "Trace", () => [textPanel(slide), steps("trace")])
  if (slide.format || slide.gold.length || of("answer").length) {
    add("answer", "Answer", () => {
      const answer = answerPanel(slide, of("answer"))
      const gold = slide.fates.length + slide.gold.length > 0
      return gold ? [answer, fatesPanel(slide)] : [answer]
    })
  }
  if (slide.curves.length) add("curves", "Curves", () => curvesPanels(slide))
  return found
}

// `revealed`: the phases that the room has seen; the others are there, and empty.
export function timeline(slide, revealed) {
  const made = element("div", "timeline")
  if (!slide.phases.length) return null
  const parts = slide.phases.map(({ kind, start, end }) =>
    `${PHASES[kind][0]} from ${start.toFixed(2)} to ${end.toFixed(2)}`)
  const turn = turnSaid(slide)
  const band = element("div", "parts")
  band.setAttribute("role", "img")
  band.setAttribute("aria-label", `Phases of the trace by t: ${parts.join(", ")}. ${turn}`)
  slide.phases.forEach(({ kind, start, end }, at) => {
    const wide = end - start > 0.17, name = PHASES[kind][0]
    const short = end - start > 0.04 ? /^\d?/.exec(name)[0] : ""
    const part = element("div", `part ${kind || "outside"}`, wide ? name : short)
    part.classList.toggle("coming", !revealed.includes(kind))
    part.classList.toggle("thin", !wide)
    part.style.flex = `0 1 ${100 * (end - start)}%`
    part.title = parts[at]
    band.append(part)
  })
  const flag = element("div", "flag", turn)
  if (turn) {
    const right = slide.boundary > 0.5
    flag.classList.toggle("right", right)
    flag.style[right ? "right" : "left"] =
      `${100 * (right ? 1 - slide.boundary : slide.boundary)}%`
    const rule = element("div", "rule")
    rule.style.left = `${100 * slide.boundary}%`
    band.append(rule)
  }
  made.append(flag, band)
  return made
}
