"""Where a run stands, kept up to date from the events of its journal."""

import threading
from collections.abc import Mapping
from typing import Any

from flowrig.journal.journal import Event

__all__ = ["RunStatus"]


class RunStatus:
    """Follows a run. Give it to the journal as a listener; any thread may look.

    Attributes:
        profile: name of the rig.
        campaign: in words.
        simulated: whether the rig is emulated.
        objective: "name" and "unit" of the figure of merit.
        units: by condition.
        planned: experiments of the campaign.
        done: experiments that were measured.
        skipped: experiments that a person gave up.
        stage: name of the stage; "" before the first.
        index: number of the experiment under way, or of the last; None before the first.
        conditions: of every experiment that was decided in this process, by number.
        step: what is done just now.
        until_s: rig time [s] at which that ends, where it is known.
        hold: what a run on hold waits for, as its event says; None while it goes on.
        waste: "filled_ul" and "capacity_ul" by waste whose volume the profile gives.
        ending: whether the rig goes to its safe state, or is there.
        best: highest figure of merit so far, of sound experiments.
        heaters: "temperature_c" and "set_point_c" by heater.
        pumps: state by stream.
        flow_rates_ul_min: by stream that flows.
        time_s: rig time [s] of the newest event.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.profile = ""
        self.campaign = ""
        self.simulated = False
        self.objective: Mapping[str, str] = {"name": "", "unit": ""}
        self.units: Mapping[str, str] = {}
        self.planned = 0
        self.done = 0
        self.skipped = 0
        self.stage = ""
        self.index: int | None = None
        self.conditions: dict[int, Mapping[str, float]] = {}
        self.step = "opening the rig"
        self.until_s: float | None = None
        self.hold: Mapping[str, Any] | None = None
        self.waste: Mapping[str, Mapping[str, float]] = {}
        self.ending = False
        self.best: float | None = None
        self.heaters: Mapping[str, Mapping[str, float | None]] = {}
        self.pumps: Mapping[str, str] = {}
        self.flow_rates_ul_min: Mapping[str, float] = {}
        self.time_s = 0.0

    def __call__(self, event: Event) -> None:
        """Take note of an event of the journal."""
        handler = getattr(self, f"_on_{event.kind.replace('-', '_')}", None)
        with self._lock:
            self.time_s = event.time_s
            if handler is not None:
                handler(event, event.data)

    def as_json(self) -> dict[str, Any]:
        """What `flowrig status --json` prints of a run that is under way."""
        with self._lock:
            return {
                "state": self._state(),
                "profile": self.profile,
                "campaign": self.campaign,
                "simulated": self.simulated,
                "stage": self.stage,
                "experiment": self.index,
                "conditions": dict(self.conditions.get(self.index or 0, {})),
                "units": dict(self.units),
                "step": self.step,
                "step_ends_s": self.until_s,
                "planned": self.planned,
                "done": self.done,
                "skipped": self.skipped,
                "objective": dict(self.objective),
                "best": self.best,
                "heaters": {name: dict(reading) for name, reading in self.heaters.items()},
                "pumps": dict(self.pumps),
                "flow_rates_ul_min": dict(self.flow_rates_ul_min),
                "waste": {name: dict(levels) for name, levels in self.waste.items()},
                "hold": None if self.hold is None else dict(self.hold),
                "rig_time_s": self.time_s,
            }

    def _state(self) -> str:
        if self.ending:
            return "ending"
        if self.hold is None:
            return "running"
        return "paused" if self.hold["kind"] == "pause" else "on hold"

    def _on_run_started(self, event: Event, data: Mapping[str, Any]) -> None:
        self.profile, self.campaign = data["profile"], data["campaign"]
        self.planned, self.objective = data["experiments"], data["objective"]
        self.units, self.simulated = data["units"], data["simulated"]

    def _on_resumed(self, event: Event, data: Mapping[str, Any]) -> None:
        self.planned, self.done, self.best = data["planned"], data["done"], data["best"]
        self.objective, self.units = data["objective"], data["units"]
        self.profile, self.simulated = data["profile"], data["simulated"]
        self.skipped = data["skipped"]

    def _on_stage(self, event: Event, data: Mapping[str, Any]) -> None:
        self.stage = data["stage"]

    def _on_step(self, event: Event, data: Mapping[str, Any]) -> None:
        duration_s = data.get("duration_s")
        self.step = data["what"]
        self.until_s = event.time_s + duration_s if duration_s else None

    def _on_intent(self, event: Event, data: Mapping[str, Any]) -> None:
        if data["command"] == "start":
            self.flow_rates_ul_min = {**self.flow_rates_ul_min, **data["flow_rates_ul_min"]}
        elif data["command"] == "stop":
            flowing = self.flow_rates_ul_min.items()
            self.flow_rates_ul_min = {s: q for s, q in flowing if s not in data["streams"]}

    def _on_reading(self, event: Event, data: Mapping[str, Any]) -> None:
        self.heaters, self.pumps = data["heaters"], data["pumps"]

    def _on_decided(self, event: Event, data: Mapping[str, Any]) -> None:
        self.conditions[data["index"]] = data["conditions"]

    def _on_experiment(self, event: Event, data: Mapping[str, Any]) -> None:
        self.index = data["index"]

    def _on_measured(self, event: Event, data: Mapping[str, Any]) -> None:
        self.done += 1
        value = data["objective"]
        if data["quality"] == "good" and (self.best is None or value > self.best):
            self.best = value

    def _on_skipped(self, event: Event, data: Mapping[str, Any]) -> None:
        self.skipped += 1

    def _on_hold(self, event: Event, data: Mapping[str, Any]) -> None:
        self.hold, self.until_s = data, data["until_s"]

    def _on_went_on(self, event: Event, data: Mapping[str, Any]) -> None:
        self.hold = None

    def _on_waste(self, event: Event, data: Mapping[str, Any]) -> None:
        self.waste = data["vessels"]

    def _on_operator(self, event: Event, data: Mapping[str, Any]) -> None:
        self.ending = self.ending or data["wish"] in ("stop", "halt")

    def _on_safe_state(self, event: Event, data: Mapping[str, Any]) -> None:
        self.hold, self.flow_rates_ul_min = None, {}

    def _on_ended(self, event: Event, data: Mapping[str, Any]) -> None:
        self.ending = True
