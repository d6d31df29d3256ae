// The way to a label that is missing. The box that finds it comes with a later run of the page, and
// says so. What is typed until then is meant for it, and no verdict.
const FIND_MS = 20000 // a first search prepares its files, and says so

// `desk.state.finding`: the letters typed, and the count that `data.asked` has once Python has heard.
function labelSearch(desk) {
  const { data, state } = desk
  const stop = () => {
    clearTimeout(state.patience)
    state.finding = null
    desk.draw()
  }
  const wait = () => {
    clearTimeout(state.patience)
    state.patience = setTimeout(stop, FIND_MS)
  }
  const find = () => {
    if (state.finding) return
    state.finding = { words: "", asked: data.asked + 1 }
    desk.draw()
    desk.tell("missing")
    wait()
  }
  const offered = ({ detail: { box } }) => {
    if (!state.finding) return
    const words = state.finding.words
    stop()
    box.focus()
    box.scrollIntoView({ block: "nearest" })
    if (!words) return
    box.value += words
    box.dispatchEvent(new Event("input", { bubbles: true }))
  }
  const typed = (event) => {
    if (event.key === "Escape") stop()
    else if (event.key === "Backspace") state.finding.words = state.finding.words.slice(0, -1)
    else if (event.key.length === 1) state.finding.words += event.key
    else return
    event.preventDefault()
    event.stopPropagation()
  }
  // With a new run of the page: it may have heard, and have no box to offer.
  const goOn = () => {
    if (state.finding && data.asked >= state.finding.asked && !data.searching) stop()
    if (state.finding) wait()
  }
  return { find, stop, offered, typed, goOn }
}
