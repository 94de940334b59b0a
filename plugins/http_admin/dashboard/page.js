// What the parts of the page share: elements, words for figures, and how the server is asked.
export const LEVELS = ['HEALTHY', 'WARNING', 'CRITICAL', 'OVERLOAD'];

export const by = (id) => document.getElementById(id);
const grouped = new Intl.NumberFormat('en');
export const count = (n) => grouped.format(Math.round(n));
export const ms = (s) => `${(1000 * s).toFixed(s < 0.01 ? 2 : 0)} ms`;

/** Text only: nothing that the server sends is ever markup. */
export function item(parent, tag, text, attributes = {}) {
  const made = parent.appendChild(document.createElement(tag));
  if (text !== undefined) made.textContent = text;
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

/** Writes what is new alone: a screen reader says a live element again at every write. */
export function say(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/** Exactly these lines as children, in elements that stay: a reader's place in them is kept. */
export function lines(parent, tag, texts) {
  while (parent.childElementCount > texts.length) parent.lastElementChild.remove();
  texts.forEach((text, i) => say(parent.children[i] || item(parent, tag), text));
}

/** Exactly these choices; what is chosen stays chosen if it is still one. */
export function choices(select, names) {
  if (names.join() === [...select.options].map((each) => each.value).join()) return;
  const chosen = select.value;
  select.replaceChildren();
  for (const name of names) item(select, 'option', name, { value: name });
  if (names.includes(chosen)) select.value = chosen;
}

const token = () => by('token').value;

/** The answer to a GET, or with `body` to a POST. Throws an Error with why there is none. */
export async function ask(path, body) {
  const headers = token() ? { Authorization: `Bearer ${token()}` } : {};
  if (body) headers['Content-Type'] = 'application/json';
  const answer = await fetch(path, body
    ? { method: 'POST', body: JSON.stringify(body), headers } : { headers });
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.error);
  return told;
}

/** A page cannot give a WebSocket an Authorization header: the token goes as a subprotocol, in hex. */
export function openSocket(path) {
  const url = `${location.protocol === 'https:' ? 'wss' : 'ws'}://${location.host}${path}`;
  if (!token()) return new WebSocket(url);
  const hex = [...new TextEncoder().encode(token())].map((byte) => byte.toString(16).padStart(2, '0'));
  return new WebSocket(url, ['sluice', `sluice.bearer.${hex.join('')}`]);
}
