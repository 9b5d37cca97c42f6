// Parts of the page: elements, numbers, times. Every text from outside passes `visible`.

// Characters that do not show, or change how others show; as flowrig.journal.visible has them.
const UNSAFE = /[\x00-\x08\x0b-\x1f\x7f-\x9f\u00ad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff\u{e0000}-\u{e007f}]/gu;

export function visible(text) {
  return String(text).replace(UNSAFE, (one) => `\\u{${one.codePointAt(0).toString(16)}}`);
}

// An element with attributes, and children that are elements or texts.
export function make(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value != null) made.setAttribute(key, visible(value));
  }
  made.append(...children.flat(Infinity).filter((one) => one != null && one !== "")
    .map((one) => (one instanceof Node ? one : visible(one))));
  return made;
}

// Replace the content of an element, unless it is the same.
export function fill(place, ...children) {
  const fresh = make("div", {}, ...children);
  if (place.innerHTML !== fresh.innerHTML) place.replaceChildren(...fresh.childNodes);
}

export function number(value, digits = 4) {
  if (value == null || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size >= 1e6 || size < 1e-4)) return value.toExponential(digits - 1);
  return String(Number(value.toPrecision(digits)));
}

export function withUnit(value, unit, digits) {
  if (typeof value === "string") return value;
  return value == null ? "no value" : `${number(value, digits)} ${unit || ""}`.trim();
}

export function duration(seconds) {
  const s = Math.max(Math.round(seconds), 0);
  if (s < 120) return `${s} s`;
  const minutes = Math.round(s / 60);
  if (minutes < 120) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
}

// A time [s since 1970] as people read it on the clock of this computer.
export function clock(at) {
  const when = new Date(at * 1000), today = new Date();
  const time = when.toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  if (when.toDateString() === today.toDateString()) return time;
  return `${when.toLocaleDateString([], { weekday: "short", day: "numeric", month: "short" })} ${time}`;
}

export function facts(pairs) {
  return make("dl", {}, pairs.filter(([, value]) => value != null && value !== "")
    .map(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]));
}

export function table(head, rows) {
  const cell = (name, one) =>
    (one && one.text != null
      ? make(name, { class: "text", scope: name === "th" ? "col" : null }, one.text)
      : make(name, { scope: name === "th" ? "col" : null }, one));
  return make("table", {},
    make("thead", {}, make("tr", {}, head.map((one) => cell("th", one)))),
    make("tbody", {}, rows.map((row) =>
      make("tr", { class: row.best ? "best" : null }, row.cells.map((one) => cell("td", one))))));
}

export function card(title, ...children) {
  return make("section", { class: "card", "aria-label": title }, make("h2", {}, title), ...children);
}
