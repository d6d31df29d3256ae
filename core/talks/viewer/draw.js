// Nodes. Texts are put in place as text, never as HTML.
export const PHASES = {
  shortlisting: ["1 · Shortlisting", "labels worth a look"],
  reasoning: ["2 · Reasoning", "keep or drop, with evidence"],
  answer: ["Answer", ""],
  "": ["Outside any phase", ""],
}

export function element(kind, css, text) {
  const made = document.createElement(kind)
  if (css) made.className = css
  if (text !== undefined) made.textContent = text
  return made
}

export function drawing(kind, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", kind)
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value)
  if (text !== undefined) made.textContent = text
  return made
}

export function button(css, words, key, press) {
  const made = element("button", css, words)
  made.type = "button"
  if (key) made.append(" ", element("kbd", "", key))
  made.addEventListener("click", press)
  return made
}

// A text of the deck's, kept apart from what stands beside it, in its own direction.
export function said(css, text) {
  const made = element("bdi", css, text)
  made.dir = "auto"
  return made
}

export function label(one) {
  const made = element("span", "label-name")
  made.append(said("", one.name || one.label_id))
  if (one.name) made.append(" ", said("code", one.label_id))
  return made
}

// Pieces of the document or of a step: [text, label, exact, anchor, given] each.
export function words(pieces, slide) {
  const made = element("span", "words")
  made.dir = "auto"
  let before = 0
  pieces.forEach(([text, of, exact, anchor, given], at) => {
    if (of < 0 && !anchor && !given) { made.append(text); before = 0; return }
    const mark = element("span", "piece", text)
    if (of >= 0) {
      const named = slide.labels[of]
      mark.classList.add("label")
      if (!exact) mark.classList.add("fuzzy")
      const rank = named.rank === null ? "not retrieved" : `rank ${named.rank}`
      mark.title = [named.label_id, named.name, rank, named.gold ? "gold" : ""]
        .filter(Boolean).join(" · ")
      const next = pieces[at + 1]
      if (named.gold && (!next || next[1] !== of)) mark.append(star())
    }
    if (given) mark.classList.add("given")
    if (anchor) {
      mark.classList.add("anchor")
      const next = pieces[at + 1]
      if (!next || next[3] !== anchor) mark.append(element("sup", "place", String(anchor)))
    }
    made.append(mark)
  })
  return made
}

export function when(moment) {
  return `${moment.slice(0, 16).replace("T", " ")} UTC`
}

// Keys that move what is in a panel, and which way.
export const SCROLLS = {
  ArrowDown: 1, PageDown: 1, " ": 1, End: 1, ArrowUp: -1, PageUp: -1, Home: -1,
}

// Whether the key still moves what is in the panel; the browser then scrolls it.
export function scrolls(body, key) {
  const way = SCROLLS[key]
  if (!way) return false
  const rest = way > 0 ? body.scrollHeight - body.clientHeight - body.scrollTop : body.scrollTop
  return rest > 4
}

function star() {
  const made = element("span", "star", "★")
  made.setAttribute("role", "img")
  made.setAttribute("aria-label", "gold")
  return made
}
