// The drawing of the rig with what flows, what is left, and how warm it is.
import { card, make, number } from "./parts.js";

const SVG = "http://www.w3.org/2000/svg";

export class Rig {
  constructor(name) {
    this.place = make("div", { class: "drawing", tabindex: "0", "aria-label": "drawing of the rig" });
    this.card = card("Rig", this.place);
    this.card.classList.add("wide");
    this.fetch(name);
  }

  async fetch(name) {
    const answer = await fetch(`/runs/${encodeURIComponent(name)}/rig`);
    this.card.hidden = !answer.ok;
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    this.place.replaceChildren(page.querySelector("svg"));
    this.streams = [...this.place.querySelectorAll("g.stream")].map((group) => {
      const liquid = group.querySelector(".liquid"), name = group.querySelector(".content");
      const live = document.createElementNS(SVG, "text");
      live.setAttribute("class", "live");
      live.setAttribute("x", name.getAttribute("x"));
      live.setAttribute("y", Number(name.getAttribute("y")) + 22);
      live.setAttribute("text-anchor", "middle");
      group.append(live);
      return { group, liquid, live, name: name.textContent, width: Number(liquid.getAttribute("width")) };
    });
    this.devices = [...this.place.querySelectorAll("text.device")].map((place) => ({ place, name: place.textContent }));
    if (this.state) this.show(this.state);
  }

  show(state) {
    this.state = state;
    if (!this.streams) return;
    for (const one of this.streams) {
      const rate = state.flow_rates_ul_min[one.name];
      const vessel = state.vessels.find((v) => v.name === one.name && v.kind !== "waste" && v.kind !== "reservoir");
      one.live.textContent = rate ? `${number(rate)} µL/min` : "";
      one.group.classList.toggle("still", !rate);
      if (vessel) one.liquid.setAttribute("width", one.width * Math.min(vessel.filled_ul / vessel.capacity_ul, 1));
    }
    for (const one of this.devices) {
      const heater = state.heaters[one.name];
      if (heater) one.place.textContent = `${one.name} ${number(heater.temperature_c)} °C, set ${number(heater.set_point_c)}`;
    }
  }
}
