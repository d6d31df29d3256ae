// What stands above a slide when a live run of it was asked for: how far it is, or which run the
// slide shows, and why. Of the component alone: a bundle has stored runs only.
//
// A slide's standing is null, where nothing was asked, or { kind, ... }:
//   running   no run to show yet; progress comes by itself, many times a second
//   live      { seconds }: the slide is the live run
//   stored    the slide is the stored run, and the live one is there to go back to
//   fell      { what, fix }: the slide is the stored run, for this reason
import { button, element, said, when } from "./draw.js"

// `act`: { stop, swap }.
export function liveStrip(act) {
  const made = element("section", "live-strip")
  made.setAttribute("aria-label", "Live run")
  let kind = "", parts = {}

  const begin = (standing, slide) => {
    kind = standing.kind
    made.className = `live-strip ${kind}`
    parts = {}
    const line = element("div", "live-line")
    const words = element("p", "live-words")
    words.setAttribute("role", "status")
    line.append(words)
    made.replaceChildren(line)
    if (kind === "running") running(line, words)
    else ended(line, words, standing, slide)
  }
  const running = (line, words) => {
    words.append(element("strong", "", "● Live run"))
    parts.stage = element("span", "live-stage")
    parts.bar = element("progress", "live-bar")
    parts.bar.max = 1
    parts.bar.setAttribute("aria-label", "Share of the time limit")
    parts.text = element("div", "live-text")
    parts.text.dir = "auto"
    line.append(parts.stage, parts.bar, button("plain", "Stop", "X", act.stop))
    made.append(parts.text)
  }
  const ended = (line, words, standing, slide) => {
    const stored = `Stored run, made ${when(slide.made_at)}`
    if (kind === "live") {
      const took = standing.seconds === null ? "" : `: it took ${standing.seconds.toFixed(1)} s`
      words.append(element("strong", "", "● Live run"), `, just now${took}`)
      line.append(button("plain", "Show the stored run", "S", act.swap))
    } else if (kind === "stored") {
      words.append(element("strong", "", stored))
      line.append(button("plain", "Show the live run", "S", act.swap))
    } else {
      words.append(element("strong", "", `⚠ ${stored}`), ". No live run: ",
        said("", [standing.what, standing.fix].filter(Boolean).join(" ")))
    }
  }
  const progress = (now) => {
    parts.stage.textContent = now ? `${now.stage} · ${now.seconds.toFixed(0)} of ${now.limit} s`
      : "Starting"
    parts.bar.value = now ? Math.min(now.seconds / now.limit, 1) : 0
    if (now && now.text !== parts.text.textContent) {
      parts.text.textContent = now.text
      parts.text.scrollTop = parts.text.scrollHeight
    }
  }
  let last = ""
  const draw = (standing, slide, now) => {
    const same = JSON.stringify([standing, slide && slide.trace_id])
    if (!standing || !slide) { made.replaceChildren(); kind = ""; last = ""; return }
    if (same !== last) begin(standing, slide)
    last = same
    if (kind === "running") progress(now)
  }
  return { made, draw }
}
