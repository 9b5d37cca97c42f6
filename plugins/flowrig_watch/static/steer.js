// Steering: the driver's seat, and requests that say what they do before they do it.
import { card, clock, fill, make } from "./parts.js";

const WORDS = { pause: "Pause", "go-on": "Go on", skip: "Skip the experiment", stop: "Stop", halt: "Halt" };
const RISKS = ["stop", "halt"];

async function send(address, body) {
  const answer = await fetch(address, { method: "POST", headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body) });
  const told = await answer.json().catch(() => ({ refused: `the server answers ${answer.status}` }));
  return { ok: answer.ok, ...told };
}

// The seat of this page; a reload keeps it, another window has its own.
const seat = {
  get mine() { return JSON.parse(sessionStorage.getItem("seat") || "null"); },
  set mine(value) { sessionStorage.setItem("seat", JSON.stringify(value)); },
};

export class Steering {
  constructor(name, meanings) {
    this.name = name;
    this.meanings = meanings;
    this.place = make("div");
    this.answer = make("p", { role: "status" });
    this.card = card("Steering", this.place, this.answer);
  }

  show(state) {
    this.state = state;
    this.card.hidden = state.health.engine !== "alive";
    const taken = state.seat, mine = taken && seat.mine?.number === taken.number;
    const key = JSON.stringify([mine, taken, state.state, state.asks, state.experiment]);
    if (key === this.shown) return;
    this.shown = key;
    if (!mine) {
      fill(this.place, make("p", {}, taken
        ? `Somebody else has the driver's seat since ${clock(taken.since)}.`
        : "Nobody has the driver's seat. Who steers takes it first."));
      this.place.append(make("div", { class: "buttons" }, make("button", {
        onclick: () => (taken ? this.ask("Take the driver's seat from somebody else?",
          "Whoever has it can then only look, until they take it again.", () => this.take(), [], true) : this.take()),
      }, "Take the driver's seat")));
      return;
    }
    const waits = state.hold != null;
    const can = { pause: !waits, "go-on": waits || state.state === "paused", skip: true, stop: true, halt: true };
    fill(this.place, make("p", {}, "You have the driver's seat."));
    this.place.append(
      make("div", { class: "buttons" }, Object.keys(WORDS).map((one) => make("button", {
        disabled: !can[one], class: RISKS.includes(one) ? "risk" : one === "go-on" && waits ? "act" : "",
        onclick: () => this.propose(one) }, WORDS[one]))),
      make("div", { class: "buttons" }, make("button", { onclick: () => this.leave() }, "Leave the seat")));
  }

  async take() {
    const told = await send("/seat/take", {});
    if (told.ok) seat.mine = { key: told.key, number: told.number };
    else this.answer.textContent = told.refused;
    this.shown = "";
    if (told.ok) this.show({ ...this.state, seat: { number: told.number, since: Date.now() / 1000 } });
  }

  async leave() {
    await send("/seat/leave", { key: seat.mine.key });
    seat.mine = null;
    this.shown = "";
    this.show({ ...this.state, seat: null });
  }

  // What a request does, and what a person confirms with it; then it is sent.
  propose(request) {
    const asks = request === "go-on" ? this.state.asks : null;
    const needs = [];
    for (const name of asks?.refill ?? []) needs.push(this.check(`${name} is full again`, { refilled: name }));
    for (const name of asks?.empty ?? []) needs.push(this.check(`${name} is empty again`, { emptied: name }));
    for (const name of asks?.reads ?? []) {
      const unit = this.state.device_units[name];
      needs.push(make("label", {}, unit ? `${name} (${unit})` : name,
        make("input", { type: "number", step: "any", required: true, "data-reading": name })));
    }
    const effect = [`${this.meanings[request]}.`, asks && `You confirm that ${asks.claim}.`].filter(Boolean);
    this.ask(`${WORDS[request]}: ${this.name}`, effect.join(" "), (form) => this.send(request, form), needs,
      RISKS.includes(request));
  }

  check(text, data) {
    const [[kind, name]] = Object.entries(data);
    return make("label", {}, make("input", { type: "checkbox", required: true, [`data-${kind}`]: name }), text);
  }

  ask(title, effect, act, needs, risk) {
    const heading = make("h2", { id: "asked" }, title);
    const form = make("form", { method: "dialog" }, heading, make("p", {}, effect), needs,
      make("div", { class: "buttons" },
        make("button", { value: "yes", class: risk ? "risk" : "act" }, "Do it"),
        make("button", { value: "no", formnovalidate: true, autofocus: risk }, "Leave it")));
    const dialog = make("dialog", { "aria-labelledby": "asked" }, form);
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (dialog.returnValue === "yes") act(form);
    });
    document.body.append(dialog);
    dialog.showModal();
  }

  async send(request, form) {
    const named = (kind) => [...form.querySelectorAll(`[data-${kind}]`)].map((one) => one.dataset[kind]);
    const readings = Object.fromEntries([...form.querySelectorAll("[data-reading]")]
      .map((one) => [one.dataset.reading, Number(one.value)]));
    this.answer.textContent = `${request}: sent …`;
    const told = await send(`/runs/${encodeURIComponent(this.name)}/requests`,
      { key: seat.mine?.key ?? "", request, refilled: named("refilled"), emptied: named("emptied"), readings });
    this.answer.textContent = told.ok ? `${request}: the run has taken it.` : `${request} is refused: ${told.refused}`;
  }
}
