// The page: the list of runs, or one run. `#/` is the list, `#/run/NAME` a run.
import { fill, make, number, clock } from "./parts.js";
import { RunPage } from "./run.js";

const main = document.getElementById("main");
const link = document.getElementById("link");
let source = null;
let page = null;

if (location.search) history.replaceState(null, "", location.pathname + location.hash);

// Listen to events of the server, which goes on where it was if the connection is cut.
function listen(address, handlers) {
  source?.close();
  source = new EventSource(address);
  source.onopen = () => linked("connected", false);
  source.onerror = () => linked(source.readyState === EventSource.CLOSED
    ? "cut off: open the address that flowrig watch prints"
    : "cut off: what you see is old; trying again", true);
  for (const [kind, handle] of Object.entries(handlers)) {
    source.addEventListener(kind, (event) => handle(JSON.parse(event.data)));
  }
}

function linked(text, cut) {
  link.textContent = text;
  link.classList.toggle("cut", cut);
}

function route() {
  page?.end();
  page = null;
  main.replaceChildren();
  const name = location.hash.startsWith("#/run/") ? decodeURIComponent(location.hash.slice(6)) : "";
  if (name) {
    page = new RunPage(main, name);
    const address = `/runs/${encodeURIComponent(name)}`;
    const again = () => listen(address, {
      hello: greeted,
      history: (data) => page.begin(data),
      news: (data) => page.more(data) || again(),
      trouble: (data) => page.trouble(data.text),
    });
    again();
  } else {
    listen("/runs", { hello: greeted, runs: list });
  }
  main.focus();
}

function greeted(data) {
  document.getElementById("role").textContent =
    data.role === "driver" ? "you can steer" : "you can look";
  if (page) {
    page.steers = data.role === "driver";
    page.meanings = data.meanings;
  }
  if (data.one && !location.hash.startsWith("#/run/")) location.hash = `#/run/${encodeURIComponent(data.one)}`;
}

const WORDS = { alive: "under way", over: "over", tripped: "tripped", dead: "dead", watchdog: "dead",
  unreadable: "unreadable" };

function list(rows) {
  document.title = "runs – flowrig";
  const made = rows.map((row) => {
    const merit = row.merit, bad = ["dead", "watchdog", "tripped", "unreadable"].includes(row.engine);
    const best = row.best == null ? "–"
      : `${number(row.best * merit.factor)} ${merit.unit}`.trim();
    const stop = row.engine === "alive" && row.stop
      ? `${row.stop.text}${row.stop.at ? `, about ${clock(row.stop.at)}` : ""}` : row.text;
    return make("tr", {},
      make("td", { class: "text" }, make("a", { href: `#/run/${encodeURIComponent(row.name)}` }, row.name)),
      make("td", { class: "text" }, make("span",
        { class: `word ${bad ? "bad" : row.state === "held" ? "warn" : ""}` },
        row.engine === "alive" || row.engine === "over" ? row.state : `${WORDS[row.engine]}, ${row.state}`)),
      make("td", {}, row.planned ? `${row.done} of ${row.planned}` : "–"),
      make("td", {}, best), make("td", { class: "text" }, stop));
  });
  fill(main, make("h1", {}, "Runs"), rows.length
    ? make("div", { class: "card scroll", tabindex: "0", "aria-label": "runs" }, make("table", {},
      make("thead", {}, make("tr", {}, ["run", "state", "experiments", "best", "next stop"].map((one, i) =>
        make("th", { class: i === 2 || i === 3 ? null : "text", scope: "col" }, one)))),
      make("tbody", {}, made)))
    : make("p", {}, "There is no run here yet."));
}

addEventListener("hashchange", route);
addEventListener("DOMContentLoaded", route);
if (document.readyState !== "loading") route();
