// One run: its state, charts, tables.
import { card, clock, duration, facts, fill, make, number, table, withUnit } from "./parts.js";
import { Chart, dots, joined, line, place } from "./charts.js";
import { Rig } from "./rig.js";
import { Steering } from "./steer.js";

const MOST_ROWS = 200;
// After so many appended points the history is asked for again, thinned by the server.
const MOST_NEW = 20000;
const OLD_S = 120;

export class RunPage {
  // `steers` says whether the token of this page is that of a driver.
  constructor(main, name) {
    this.main = main;
    this.name = name;
    this.steers = false;
    this.meanings = {};
    this.charts = {};
    this.timer = setInterval(() => this.tick(), 1000);
    fill(main, make("p", {}, "The journal is read …"));
  }

  end() {
    clearInterval(this.timer);
    for (const one of Object.values(this.charts)) one.end();
    this.charts = {};
  }

  trouble(text) {
    if (this.parts) fill(this.parts.health, make("p", { class: "word bad" }, text));
    else fill(this.main, make("p", { class: "word bad" }, text));
  }

  // Everything about the run so far.
  begin(data) {
    for (const one of Object.values(this.charts)) one.end();
    this.charts = {};
    this.series = data.series;
    this.rows = new Map(data.experiments.map((row) => [row.index, row]));
    this.news = data.news;
    this.shape = data.charts;
    this.fresh = 0;
    this.shown = {};
    this.state = data.state;
    this.build();
    this.update(data.state);
  }

  // What happened since; false if there is so much of it that the history is better.
  more(data) {
    for (const [name, [xs, ys]] of Object.entries(data.series)) {
      const known = this.series[name] ??= [[], []];
      for (let i = 0; i < xs.length; i++) {
        known[0].push(xs[i]);
        known[1].push(ys[i]);
      }
      this.fresh += xs.length;
    }
    for (const row of data.experiments) this.rows.set(row.index, row);
    this.news = [...this.news, ...data.news].slice(-MOST_ROWS);
    this.update(data.state);
    return this.fresh < MOST_NEW;
  }

  build() {
    const part = card;
    const body = () => make("div");
    this.parts = { head: body(), health: make("div", { role: "status" }), progress: body(), now: body(),
      vessels: body(), table: make("div", { class: "scroll", tabindex: "0", "aria-label": "experiments" }),
      news: make("ul", { class: "plain scroll", tabindex: "0", "aria-label": "what happened" }),
      spectra: body(), merit: place(), parity: place(), symptoms: make("ul") };
    const p = this.parts, times = Object.entries(this.shape);
    p.times = Object.fromEntries(times.map(([name]) => [name, place()]));
    p.newest = Object.fromEntries(times.map(([name]) => [name, make("p", { class: "soft" })]));
    const wide = (one) => (one.classList.add("wide"), one);
    p.parityCard = part("Expected before, and measured", p.parity);
    p.symptomsCard = part("What to look at", p.symptoms);
    this.rig = new Rig(this.name);
    this.steering = this.steers ? new Steering(this.name, this.meanings) : null;
    this.main.replaceChildren(p.head, p.health, make("div", { class: "grid" },
      part("Progress", p.progress), part("Now", p.now), this.steering?.card ?? "",
      this.rig.card, part("Figure of merit", p.merit),
      ...times.map(([name, chart]) => part(chart.title, p.times[name], p.newest[name])),
      part("Syringes and waste", p.vessels), this.spectraCard(), p.parityCard, p.symptomsCard,
      wide(part("Experiments", p.table)), wide(part("What happened", p.news))));
    this.makeCharts();
  }

  makeCharts() {
    const { merit, simulated } = this.state, p = this.parts;
    this.charts.merit = new Chart(p.merit,
      [dots(0, "good"), dots(1, "doubtful or bad", true), line(5, "best so far", { paths: uPlot.paths.stepped({ align: 1 }) }), dots(4, "expected", true)],
      { x: "experiment", y: merit.label, what: `${merit.label} of each experiment, and the best so far` });
    this.charts.parity = new Chart(p.parity, [line(5, "equal", { dash: [6, 4], width: 1 }), dots(0, "experiments")],
      { x: `expected ${merit.label}`, y: "measured", what: "measured over expected figure of merit" });
    for (const [name, chart] of Object.entries(this.shape)) {
      const lines = Object.entries(chart.lines).filter(([id]) => !chart.set_points.includes(id));
      const steps = chart.steps ? { paths: uPlot.paths.stepped({ align: 1 }) } : {};
      const drawn = lines.map(([, label], i) => line(i, label, steps));
      const told = chart.set_points.map((id, i) =>
        line(i, chart.lines[id], { dash: [3, 4], width: 1.5, paths: uPlot.paths.stepped({ align: 1 }) }));
      this.charts[name] = new Chart(p.times[name], [...drawn, ...told],
        { x: simulated ? "rig time (h)" : "time", y: chart.unit, time: !simulated,
          what: `${chart.title} over time` });
    }
  }

  update(state) {
    this.state = state;
    this.arrived = performance.now();
    document.title = `${state.name} – flowrig`;
    this.showHead();
    this.showHealth();
    this.steering?.show(state);
    this.rig.show(state);
    this.showProgress();
    this.showNow();
    this.showVessels();
    this.showMerit();
    this.showTimes();
    this.showTable();
    this.showNews();
    this.showSpectra();
  }

  merit(value) {
    const { merit } = this.state;
    return value == null ? "–" : `${number(value * merit.factor)} ${merit.unit}`.trim();
  }

  showHead() {
    const s = this.state;
    fill(this.parts.head, make("h1", {}, s.name),
      make("p", { class: "soft" }, [s.title, s.profile,
        s.simulated ? "emulated instruments" : "real instruments"].filter(Boolean).join(" · ")));
  }

  // Seconds since the newest event was written, as far as this page knows.
  age() {
    const at = Date.parse(this.state.wall) / 1000;
    return Math.max(Date.now() / 1000 - at, (performance.now() - this.arrived) / 1000);
  }

  showHealth() {
    const s = this.state, { engine, state, text, trouble } = s.health;
    const known = { reading: ["…", ""], alive: ["●", state === "running" ? "" : "warn"], over: ["■", state === "finished" ? "" : "warn"],
      tripped: ["▲", "bad"], dead: ["✕", "bad"], watchdog: ["✕", "bad"] };
    const words = { reading: state, alive: state, over: state, tripped: `tripped, ${state}`, dead: "the program has died",
      watchdog: "the program has died, its watchdog works" };
    let [sign, level] = known[engine];
    const old = engine === "alive" && !s.hold && this.age() > OLD_S;
    if (state === "unknown") level = "bad";
    if (old) level = "warn";
    const lines = [s.hold && `${s.hold.text}`, text,
      old && `nothing was written for ${duration(this.age())}: the program computes, or hangs`, trouble,
      ...s.trips.map((one) => `${one.rule}: ${one.text}`),
      s.safe && engine !== "alive" && s.safe.text].filter(Boolean);
    this.parts.health.className = `card state ${level}`;
    fill(this.parts.health, make("p", { class: "word" }, `${sign} ${words[engine]}`),
      ...[...new Set(lines)].map((one) => make("p", {}, one)));
  }

  showProgress() {
    const s = this.state, planned = Math.max(s.planned, 1), alive = s.health.engine === "alive";
    const left = Math.max(s.planned - s.done - s.skipped, 0);
    const stops = alive ? s.stops : [];
    fill(this.parts.progress,
      make("progress", { max: planned, value: s.done + s.skipped, "aria-label": "experiments" }),
      make("p", {}, `${s.done} of ${s.planned} experiments`, s.skipped ? `, ${s.skipped} skipped` : "",
        s.stage ? `, stage ${s.stage}` : ""),
      s.waiting.length ? make("p", {}, `wait for results: ${s.waiting.join(", ")}`) : null,
      facts([
        ["left", alive && s.experiment_s ? `about ${duration(left * s.experiment_s)}, one experiment in ${duration(s.experiment_s)}` : null],
        ["newest event", make("span", { class: "age" })],
      ]),
      stops.length ? make("p", {}, make("b", {}, "Next stops")) : null,
      make("ol", {}, stops.map((one) => make("li", { class: one.what === "hold" ? "warn" : null },
        `${one.text}: ${one.at ? `about ${clock(one.at)}` : "time not known yet"}`,
        one.after ? `, after ${one.after} experiments` : ""))));
    this.showAge();
  }

  showAge() {
    const place = this.parts.progress.querySelector(".age");
    if (place) place.textContent = `${duration(this.age())} ago`;
  }

  showNow() {
    const s = this.state, rates = Object.entries(s.flow_rates_ul_min);
    const chosen = Object.entries(s.conditions).map(([n, v]) => `${n} ${withUnit(v, s.units[n])}`);
    const heaters = Object.entries(s.heaters).map(([n, h]) => [n,
      `${withUnit(h.temperature_c, "°C", 5)}, set ${withUnit(h.set_point_c, "°C", 5)}`]);
    const others = [...Object.entries(s.devices), ...Object.entries(s.readings),
      ...Object.entries(s.by_hand.devices), ...Object.entries(s.by_hand.readings)]
      .map(([n, v]) => [n, withUnit(v, s.device_units[n])]);
    fill(this.parts.now, make("p", { class: "big" }, this.merit(s.best)),
      make("p", { class: "soft" }, s.best_index ? `best ${s.merit.name}, in experiment ${s.best_index}` : "no best yet"),
      facts([["step", s.health.engine === "alive" ? s.step : null], [`experiment ${s.experiment ?? ""}`, chosen.join(", ")], ...heaters,
        ["flows", rates.map(([n, q]) => `${n} ${number(q)} µL/min`).join(", ") || "none"], ...others]));
  }

  showVessels() {
    const rows = this.state.vessels.map((one) => {
      const share = one.filled_ul / one.capacity_ul, waste = one.kind === "waste";
      const text = `${number(one.filled_ul / 1000, 3)} of ${number(one.capacity_ul / 1000, 3)} mL`;
      const attributes = waste ? { low: 0.6, high: 0.8, optimum: 0 } : { low: 0.1, high: 0.25, optimum: 1 };
      const name = one.kind === "reservoir" ? `${one.name}, reservoir` : one.name;
      return make("div", { class: "meter" }, make("span", {}, name),
        make("meter", { min: 0, max: 1, value: share, "aria-label": `${name}: ${text}`, ...attributes }),
        make("span", {}, text));
    });
    fill(this.parts.vessels, rows.length ? rows : make("p", { class: "soft" }, "The profile gives no volumes."));
  }

  measured() {
    return [...this.rows.values()].filter((row) => row.x != null).sort((a, b) => a.index - b.index);
  }

  showMerit() {
    const rows = this.measured(), factor = this.state.merit.factor, expected = [];
    const scaled = (v) => (v == null ? null : v * factor);
    const good = [], other = [], best = [];
    let highest = null;
    for (const row of rows) {
      const may = row.quality === "good" && row.settles && row.objective != null;
      good.push(row.quality === "good" ? scaled(row.objective) : null);
      other.push(row.quality === "good" ? null : scaled(row.objective));
      if (may && (highest == null || row.objective > highest)) highest = row.objective;
      best.push(scaled(highest));
      expected.push(scaled(row.expected));
    }
    this.charts.merit.show([rows.map((row) => row.index), good, other, best, expected]);
    const pairs = rows.filter((row) => row.expected != null && row.objective != null)
      .sort((a, b) => a.expected - b.expected);
    this.parts.parityCard.hidden = pairs.length < 2;
    if (pairs.length >= 2) {
      const xs = pairs.map((row) => scaled(row.expected));
      this.charts.parity.show([xs, xs, pairs.map((row) => scaled(row.objective))]);
    }
  }

  showTimes() {
    const simulated = this.state.simulated;
    for (const [name, chart] of Object.entries(this.shape)) {
      const ids = [...Object.keys(chart.lines).filter((id) => !chart.set_points.includes(id)), ...chart.set_points];
      const tables = ids.map((id) => {
        const [xs, ys] = this.series[id] ?? [[], []];
        return [simulated ? xs.map((x) => x / 3600) : xs, ys];
      });
      this.charts[name].show(joined(tables));
      const newest = ids.map((id) => [chart.lines[id], this.series[id]?.[1].at(-1)])
        .map(([label, v]) => `${label} ${withUnit(v, chart.unit)}`);
      fill(this.parts.newest[name], newest.join(", "));
    }
  }

  showTable() {
    const s = this.state, names = Object.keys(s.units);
    const known = [...this.rows.values()].filter((row) => row.x != null || row.index === s.experiment);
    const rows = known.sort((a, b) => b.index - a.index).slice(0, MOST_ROWS);
    const chosen = this.rows.size - known.length;
    const head = ["no.", s.merit.label, ...names.map((n) => (s.units[n] ? `${n} (${s.units[n]})` : n)),
      { text: "stage" }, { text: "quality" }];
    fill(this.parts.table, table(head, rows.map((row) => ({ best: row.index === s.best_index, cells: [
      row.index, row.objective == null ? "–" : number(row.objective * s.merit.factor),
      ...names.map((n) => (typeof row.conditions[n] === "string" ? row.conditions[n] : number(row.conditions[n]))),
      { text: row.stage },
      { text: [row.quality || "under way", ...row.flags].join(": ") }] }))),
    chosen > 0 ? make("p", { class: "soft" }, `${chosen} more are chosen.`) : null,
    known.length > MOST_ROWS ? make("p", { class: "soft" }, `the newest ${MOST_ROWS} of ${known.length}`) : null);
  }

  showNews() {
    const simulated = this.state.simulated;
    fill(this.parts.news, [...this.news].reverse().map((one) => make("li", { class: one.level },
      make("span", { class: "soft" }, simulated ? `${(one.x / 3600).toFixed(2)} h ` : `${clock(one.x)} `), one.text)));
    const symptoms = Object.values(this.state.symptoms);
    this.parts.symptomsCard.hidden = symptoms.length === 0;
    fill(this.parts.symptoms, symptoms.map((text) => make("li", {}, text)));
  }

  spectraCard() {
    this.choice = make("input", { type: "number", min: 1, placeholder: "last", "aria-label": "number of an experiment",
      onchange: () => { this.shown.key = ""; this.showSpectra(); } });
    this.parts.spectraCard = card("Spectra", make("label", {}, "experiment", this.choice), this.parts.spectra);
    return this.parts.spectraCard;
  }

  // Spectra of the last experiment, or a chosen one, against those of the best.
  async showSpectra() {
    this.parts.spectraCard.hidden = !this.state.has_spectra;
    const last = this.measured().at(-1)?.index, best = this.state.best_index;
    const index = Number(this.choice.value) || last;
    const key = `${index} ${best}`;
    if (!index || this.shown.key === key) return;
    this.shown.key = key;
    const [one, other] = await Promise.all([index, best ?? index].map((i) => this.fetched(i)));
    if (this.shown.key !== key) return;
    if (!one) {
      for (const name of Object.keys(this.shown.channels ?? {})) this.charts[`spectrum ${name}`]?.end();
      this.shown.channels = null;
      fill(this.parts.spectra, make("p", { class: "soft" }, `Experiment ${index} has no spectra.`));
      return;
    }
    const names = Object.keys(one).join();
    if (this.shown.channels == null || Object.keys(this.shown.channels).join() !== names) {
      const places = Object.keys(one).map((name) => [name, place()]);
      this.parts.spectra.replaceChildren(...places.flatMap(([name, at]) => [make("h3", {}, name), at]));
      for (const [name, at] of places) {
        this.charts[`spectrum ${name}`]?.end();
        this.charts[`spectrum ${name}`] = new Chart(at, [line(0, "this"), line(1, "best", { dash: [6, 3] })],
          { x: one[name].x_unit, y: one[name].unit || name, what: `spectrum of ${name}` });
      }
      this.shown.channels = one;
    }
    for (const [name, spectrum] of Object.entries(one)) {
      const against = other?.[name] ?? { x: [], y: [] };
      this.charts[`spectrum ${name}`].show(joined([[spectrum.x, spectrum.y], [against.x, against.y]]));
    }
  }

  async fetched(index) {
    const answer = await fetch(`/runs/${encodeURIComponent(this.name)}/spectra/${index}`);
    return answer.ok ? answer.json() : null;
  }

  tick() {
    if (!this.parts) return;
    this.showAge();
    this.showHealth();
  }
}
