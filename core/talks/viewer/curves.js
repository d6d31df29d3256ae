// Focus and Confusion along the trace, as SVG with a title and a description.
import { PHASES, drawing, element } from "./draw.js"
import { panel } from "./panels.js"

const WIDE = 800, HIGH = 520, LEFT = 74, RIGHT = 165, TOP = 44, BOTTOM = 74
const APART = 30 // of the two names at the right
let drawn = 0 // for ids

function turnBy(slide) {
  const sure = slide.boundary_confidence
  return {
    grammar: "by the trace's grammar",
    "change point": "by change point" + (sure === null ? "" : `, ${Math.round(100 * sure)}% sure`),
    human: "by a person",
  }[slide.boundary_source] || ""
}

export function turnSaid(slide) {
  if (slide.boundary === null) return ""
  const by = turnBy(slide)
  return `t* = ${slide.boundary.toFixed(2)}${by ? ` (${by})` : ""}`
}

export function curvesPanels(slide) {
  const focus = slide.curves.map((point) => [point.t, point.focus])
  const confusion = slide.curves.filter((point) => point.confusion !== null)
    .map((point) => [point.t, point.confusion])
  const chart = panel("chart", "Focus and Near-Miss Confusion", "", chartOf(slide, focus, confusion))
  const misses = slide.near_misses_from === "gold"
    ? "wrong labels that lie close to the gold ones"
    : "labels that the model was shown and did not choose"
  const meaning = element("dl", "")
  meaning.append(
    term("focus", "Focus ●", went(focus)),
    element("dd", "", "How close the trace so far is to the text. Higher is better."),
  )
  if (confusion.length) {
    meaning.append(
      term("confusion", "Confusion ■", went(confusion)),
      element("dd", "", `How close it is to near misses: ${misses}. Lower is better.`),
    )
  }
  const turn = slide.boundary
  const by = turnBy(slide)
  meaning.append(
    term("", "t* ┊", turn === null ? "none" : turn.toFixed(2)),
    element("dd", "", turn === null
      ? "The trace does not turn from shortlisting to reasoning."
      : `Where shortlisting ends and reasoning begins${by ? `, ${by}` : ""}.`),
  )
  return [chart, panel("meaning", "What they say", "", meaning)]
}

function went(points) {
  const [first, last] = [points[0][1], points[points.length - 1][1]]
  return `${first.toFixed(2)} → ${last.toFixed(2)}`
}

function term(css, name, value) {
  const made = element("dt", css, `${name} `)
  made.append(element("span", "went", value))
  return made
}

function chartOf(slide, focus, confusion) {
  const all = [...focus, ...confusion].map(([, cosine]) => cosine)
  const lowest = Math.min(0, ...all)
  const x = (t) => LEFT + t * (WIDE - LEFT - RIGHT)
  const y = (cosine) => HIGH - BOTTOM - (cosine - lowest) / (1 - lowest) * (HIGH - TOP - BOTTOM)
  const number = ++drawn
  const svg = drawing("svg", {
    viewBox: `0 0 ${WIDE} ${HIGH}`, role: "img", class: "curves",
    "aria-labelledby": `talk-title-${number} talk-desc-${number}`,
  })
  svg.append(
    drawing("title", { id: `talk-title-${number}` }, "Reasoning Focus and Near-Miss Confusion"),
    drawing("desc", { id: `talk-desc-${number}` }, described(slide, focus, confusion)),
  )
  for (const { kind, start, end } of slide.phases) {
    if (!kind) continue
    svg.append(drawing("rect", {
      x: x(start), y: TOP, width: Math.max(x(end) - x(start), 0), height: HIGH - TOP - BOTTOM,
      class: `band ${kind}`,
    }))
    const name = PHASES[kind][0]
    if (x(end) - x(start) > 13 * name.length) {
      svg.append(drawing("text", { x: (x(start) + x(end)) / 2, y: HIGH - BOTTOM - 10,
        "text-anchor": "middle", class: "axis" }, name))
    }
  }
  for (const tick of [0, 0.25, 0.5, 0.75, 1]) {
    svg.append(
      drawing("line", { x1: LEFT, x2: WIDE - RIGHT, y1: y(tick), y2: y(tick), class: "grid" }),
      drawing("text", { x: LEFT - 10, y: y(tick) + 8, "text-anchor": "end", class: "axis" },
        String(tick)),
      drawing("text", { x: x(tick), y: HIGH - BOTTOM + 28, "text-anchor": "middle", class: "axis" },
        String(tick)),
    )
  }
  svg.append(
    drawing("text", { x: 0, y: 20, class: "axis" }, "cosine"),
    drawing("text", { x: (LEFT + WIDE - RIGHT) / 2, y: HIGH - 10, "text-anchor": "middle",
      class: "axis" }, "t, the share of the trace written so far"),
  )
  if (slide.boundary !== null) {
    const at = x(slide.boundary), left = slide.boundary > 0.6
    svg.append(
      drawing("line", { x1: at, x2: at, y1: TOP - 8, y2: HIGH - BOTTOM, class: "turn-line" }),
      drawing("text", { x: at + (left ? 6 : -6), y: TOP - 16, class: "axis",
        "text-anchor": left ? "end" : "start" }, `t* = ${slide.boundary.toFixed(2)}`),
    )
  }
  const ends = apart(focus, confusion, y)
  line(svg, focus, "focus", "Focus", x, y, ends[0])
  if (confusion.length) line(svg, confusion, "confusion", "Confusion", x, y, ends[1])
  return svg
}

function apart(focus, confusion, y) {
  const first = y(focus[focus.length - 1][1])
  if (!confusion.length) return [first]
  const second = y(confusion[confusion.length - 1][1])
  const push = Math.max(APART - Math.abs(first - second), 0) / 2
  const up = first <= second ? -1 : 1
  return [first + up * push, second - up * push]
}

function line(svg, points, css, name, x, y, end) {
  const path = points.map(([t, c], at) => `${at ? "L" : "M"}${x(t)} ${y(c)}`).join("")
  svg.append(drawing("path", { d: path, class: `curve ${css}` }))
  for (const [t, cosine] of points) {
    svg.append(css === "focus"
      ? drawing("circle", { cx: x(t), cy: y(cosine), r: 5, class: `point ${css}` })
      : drawing("rect", { x: x(t) - 5, y: y(cosine) - 5, width: 10, height: 10,
        class: `point ${css}` }))
  }
  svg.append(drawing("text", { x: WIDE - RIGHT + 12, y: end + 8, class: `curve-name ${css}` }, name))
}

function described(slide, focus, confusion) {
  const part = (name, points) => {
    const [first, last] = [points[0], points[points.length - 1]]
    return `${name} goes from ${first[1].toFixed(2)} at t = ${first[0].toFixed(2)} to ` +
      `${last[1].toFixed(2)} at t = ${last[0].toFixed(2)}.`
  }
  return [part("Focus", focus), confusion.length ? part("Near-Miss Confusion", confusion) : "",
    slide.boundary === null ? "No t*." : `${turnSaid(slide)}.`].filter(Boolean).join(" ")
}
