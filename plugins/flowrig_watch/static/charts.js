// Charts by uPlot: colours of the page, light or dark, and sizes of their places.
import { make, number } from "./parts.js";

const COLOURS = ["--c0", "--c1", "--c2", "--c3", "--c4", "--c5"];
const DASHES = [[], [8, 4], [2, 3]];
const HEIGHT = 230;
const drawn = new Set();

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// How a line of a number is drawn: six colours, then dashes, which eyes of all kinds tell apart.
export function line(order, label, more = {}) {
  const name = COLOURS[order % COLOURS.length];
  const dash = DASHES[Math.floor(order / COLOURS.length) % DASHES.length];
  return { label, width: 2, dash, spanGaps: true, points: { show: false },
    stroke: () => colour(name), value: (_, v) => number(v), ...more };
}

export function dots(order, label, hollow = false) {
  const name = COLOURS[order % COLOURS.length];
  return { label, width: 0, paths: () => null, value: (_, v) => number(v),
    stroke: () => colour(name),
    points: { show: true, size: 7, width: 1.5, stroke: () => colour(name),
      fill: () => colour(hollow ? "--card" : name) } };
}

export class Chart {
  // `x` and `y` are labels of the axes; `time` says that x is seconds since 1970.
  constructor(place, series, { x, y, time = false, what }) {
    const axis = (label, side) => ({ label, stroke: () => colour("--soft"), labelSize: 18,
      font: "12px system-ui", labelFont: "13px system-ui", size: side === 3 ? 58 : 34, side,
      grid: { stroke: () => colour("--rule"), width: 1 },
      ticks: { stroke: () => colour("--rule"), width: 1 } });
    this.place = place;
    place.setAttribute("role", "img");
    place.setAttribute("aria-label", what);
    this.plot = new uPlot({
      width: Math.max(place.clientWidth, 260), height: HEIGHT,
      scales: { x: { time } }, axes: [axis(x, 2), axis(y, 3)],
      series: [{ label: x, value: time ? undefined : (_, v) => number(v) }, ...series],
      legend: { live: true }, cursor: { drag: { x: true, y: false } },
    }, [[], ...series.map(() => [])], place);
    this.watcher = new ResizeObserver(() => {
      const width = Math.max(place.clientWidth, 260);
      if (width !== this.plot.width) this.plot.setSize({ width, height: HEIGHT });
    });
    this.watcher.observe(place);
    drawn.add(this);
  }

  show(data) {
    this.plot.setData(data);
  }

  end() {
    this.watcher.disconnect();
    this.plot.destroy();
    drawn.delete(this);
  }
}

// Tables of x and y with places of their own, as one table.
export function joined(tables) {
  return tables.length ? uPlot.join(tables) : [[]];
}

export function place() {
  return make("div", { class: "chart" });
}

matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
  for (const one of drawn) one.plot.redraw(false, true);
});
