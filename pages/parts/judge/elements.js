// What the desk is built of. All texts are put in place as text, never as HTML.
function element(kind, css, text) {
  const made = document.createElement(kind)
  if (css) made.className = css
  if (text !== undefined) made.textContent = text
  return made
}

function button(css, words, key, pressed, act) {
  const made = element("button", css)
  made.type = "button"
  if (pressed !== null) made.setAttribute("aria-pressed", pressed ? "true" : "false")
  made.append(element("span", "", words))
  if (key) made.append(element("kbd", "", key))
  made.onclick = act
  return made
}
