// A combobox with a list below it, as the WAI-ARIA Authoring Practices have it (editable combobox
// with list autocomplete). The box stays when Python hands over new data, so that focus, caret and
// an unfinished word of an input method stay too. All texts are put in place as text, never as HTML.
const REST_MS = 120
const NONE = "No label has these words"

function element(kind, css, attributes = {}) {
  const made = document.createElement(kind)
  if (css) made.className = css
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value)
  return made
}

function pieces(parts, css) {
  // [text, typed] each
  const made = element("span", css, { dir: "auto" })
  for (const [text, typed] of parts) {
    if (!typed) { made.append(text); continue }
    const mark = element("mark")
    mark.textContent = text
    made.append(mark)
  }
  return made
}

function build(root) {
  const box = element("input", "", {
    id: "box", type: "text", role: "combobox", autocomplete: "off", autocapitalize: "none",
    spellcheck: "false", maxlength: "300", placeholder: "Words of its name, or its code",
    "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": "list",
    "aria-describedby": "keys",
  })
  const label = element("label", "", { for: "box" })
  const list = element("div", "list", { id: "list", role: "listbox" })
  const status = element("div", "status", { role: "status" }) // always there, so that it is read out
  const none = element("div", "none", { "aria-hidden": "true" })
  none.textContent = NONE
  const keys = element("div", "keys", { id: "keys" })
  for (const [key, what] of [["↑ ↓", "choose"], ["Enter", "picks"], ["Esc", "closes"]]) {
    const one = element("kbd")
    one.textContent = key
    keys.append(one, ` ${what} `)
  }
  const below = element("div", "below")
  below.append(list, none, keys)
  const frame = element("div", "frame")
  frame.append(box, status, below)
  root.replaceChildren(label, frame)

  let data = { found: [], query: "" }, tell = {}, timer = 0, active = -1, open = false
  const typed = () => box.value.trim()
  const current = () => typed() !== "" && data.query === typed()

  const ask = () => {
    clearTimeout(timer)
    timer = 0
    if (root.isConnected && data.query !== typed()) tell.setStateValue("query", typed())
  }
  const activate = (at) => {
    const options = list.children
    if (options[active]) options[active].setAttribute("aria-selected", "false")
    active = at
    const option = options[at]
    if (!option) { box.removeAttribute("aria-activedescendant"); return }
    option.setAttribute("aria-selected", "true")
    box.setAttribute("aria-activedescendant", option.id)
    const top = option.offsetTop, bottom = top + option.offsetHeight
    if (top < list.scrollTop) list.scrollTop = top
    else if (bottom > list.scrollTop + list.clientHeight) list.scrollTop = bottom - list.clientHeight
  }
  const show = () => {
    const some = open && typed() !== "" && list.children.length > 0
    const count = open && current() ? data.found.length : -1
    box.setAttribute("aria-expanded", String(some))
    below.hidden = !some && count !== 0
    list.hidden = keys.hidden = !some
    none.hidden = count !== 0
    status.textContent = count < 0 ? "" : count === 0 ? NONE
      : count === data.more ? `The first ${count} labels` : count === 1 ? "1 label" : `${count} labels`
    if (!some) activate(-1)
  }
  const close = () => { open = false; show() }
  const pick = (at) => {
    const found = data.found[at]
    if (!found || !current()) return
    clearTimeout(timer)
    box.value = ""
    close()
    if (data.leave) box.blur() // keys work again for what lies around the box
    tell.setTriggerValue("picked", found.id)
  }
  const option = (found, at) => {
    const made = element("div", "option", {
      id: `option-${at}`, role: "option", "aria-selected": "false",
    })
    made.append(pieces(found.code, "code"), " ", pieces(found.name, "name"))
    made.onmousedown = (event) => event.preventDefault() // the box keeps the focus
    made.onclick = () => pick(at)
    return made
  }

  box.oninput = () => {
    open = true
    clearTimeout(timer)
    if (typed() === "") { list.replaceChildren(); close(); return }
    if (current()) fill()
    else { timer = setTimeout(ask, REST_MS); show() }
  }
  box.onkeydown = (event) => {
    if (event.isComposing || event.ctrlKey || event.metaKey) return
    const last = list.children.length - 1
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      event.preventDefault()
      if (!open) { open = true; if (current()) fill(); else ask(); return }
      const step = event.key === "ArrowDown" ? 1 : -1
      if (last >= 0) activate(active + step > last ? 0 : active + step < 0 ? last : active + step)
    } else if (event.key === "Enter") {
      event.preventDefault()
      if (current()) { if (open) pick(active) } else if (typed()) { open = true; ask() }
    } else if (event.key === "Escape") {
      if (!below.hidden) { event.preventDefault(); close() }
      else if (box.value) box.value = ""
      else box.blur()
      event.stopPropagation()
    }
  }
  box.onblur = close
  below.onmousedown = (event) => event.preventDefault()

  const fill = () => {
    list.replaceChildren(...data.found.map(option))
    list.scrollTop = 0
    active = -1
    show()
    if (!list.hidden) activate(0)
  }
  let wanted = ""
  return (now, told) => {
    data = now
    tell = told
    if (now.focus && now.focus !== wanted) {
      wanted = now.focus
      const here = new CustomEvent("phaselens-label-search", { detail: { box } })
      document.dispatchEvent(here)
    }
    label.textContent = now.label
    list.setAttribute("aria-label", now.label)
    if (current()) fill()
    else show() // an answer to what is no longer typed; the list stays until the next one
  }
}

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const root = parentElement.querySelector(".label-search")
  if (!root._update) root._update = build(root)
  root._update(data, { setStateValue, setTriggerValue })
}
