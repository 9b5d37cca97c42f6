"""Live progress in the terminal, read from the journal's events like everything else."""

import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from flowrig.cli.experiment_table import ExperimentTable, conditions_text, figure_of_merit
from flowrig.journal import Event

__all__ = ["Progress"]


class Progress:
    """Shows stage, condition, step, temperatures, flow rates, best so far and the time left.

    On a terminal one panel is kept up to date; elsewhere every experiment is one line.

    Args:
        folder: the run's folder, for the headline.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._console = Console(stderr=False, highlight=False)
        self._begin_s = time.monotonic()
        self._done_here = 0
        self._table: ExperimentTable | None = None
        self._symptoms: set[str] = set()
        self._state: dict[str, Any] = {
            "title": "", "stage": "", "what": "opening the rig", "planned": 0, "done": 0,
            "time_s": 0.0, "until_s": None, "conditions": {}, "heaters": {}, "flow_rates": {},
            "pumps": {}, "best": None, "index": None, "objective": {"name": "", "unit": ""},
            "units": {},
        }  # fmt: skip
        self._live = Live(
            get_renderable=self._panel, console=self._console, refresh_per_second=8, transient=True
        )

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._console.is_terminal:
            with suppress(OSError):  # the terminal may have gone away
                self._live.stop()

    def __call__(self, event: Event) -> None:
        """Take note of an event of the journal."""
        self._state["time_s"] = event.time_s
        handler = getattr(self, f"_on_{event.kind.replace('-', '_')}", None)
        if handler is not None:
            handler(event, event.data)

    def say(self, text: str, style: str = "") -> None:
        """Print a line above the panel."""
        self._console.print(Text(text, style=style), soft_wrap=True)

    def _on_run_started(self, event: Event, data: Mapping[str, Any]) -> None:
        self._state |= {"title": f"{data['profile']}: {data['campaign']}"}
        self._state |= {"planned": data["experiments"], "objective": data["objective"]}
        self._state["units"] = data["units"]
        rig = "emulated rig, virtual time" if data["simulated"] else "real rig"
        self.say(f"{self._state['title']}\n{rig}, seed {data['seed']}, run in {self._folder}")

    def _on_opened(self, event: Event, data: Mapping[str, Any]) -> None:
        for name, who in data["devices"].items():
            label = f"{who['vendor']} {who['model']} {who['serial_number']}".strip()
            self.say(f"  {name}: {label}", "dim")

    def _on_resumed(self, event: Event, data: Mapping[str, Any]) -> None:
        self._state |= {key: data[key] for key in ("planned", "done", "best", "objective", "units")}
        self.say(
            f"resuming {self._folder} with {data['done']} of {data['planned']} experiments "
            "measured; first the rig goes to its safe state"
        )

    def _on_safe_state(self, event: Event, data: Mapping[str, Any]) -> None:
        self.say(data["text"], "green" if data["reached"] else "bold red")

    def _on_notice(self, event: Event, data: Mapping[str, Any]) -> None:
        self.say(data["text"], "yellow")

    def _on_explored(self, event: Event, data: Mapping[str, Any]) -> None:
        self.say(
            f"stage {data['stage']} ends after {data['experiments']} experiments: the model "
            f"explains {data['r2']:.0%} of the variance of those that it has not seen"
        )

    def _on_health(self, event: Event, data: Mapping[str, Any]) -> None:
        if data["kind"] not in self._symptoms:
            self._symptoms.add(data["kind"])
            self.say(f"health: {data['text']}", "yellow")

    def _on_stage(self, event: Event, data: Mapping[str, Any]) -> None:
        self._state["stage"] = data["stage"]
        self._table = None

    def _on_step(self, event: Event, data: Mapping[str, Any]) -> None:
        duration_s = data.get("duration_s")
        self._state["what"] = data["what"]
        self._state["until_s"] = event.time_s + duration_s if duration_s else None

    def _on_intent(self, event: Event, data: Mapping[str, Any]) -> None:
        if data["command"] == "start":
            self._state["flow_rates"] = data["flow_rates_ul_min"]
        elif data["command"] == "stop":
            self._state["flow_rates"] = {}

    def _on_reading(self, event: Event, data: Mapping[str, Any]) -> None:
        self._state |= {"heaters": data["heaters"], "pumps": data["pumps"]}

    def _on_decided(self, event: Event, data: Mapping[str, Any]) -> None:
        self._state["conditions"][data["index"]] = data["conditions"]

    def _on_experiment(self, event: Event, data: Mapping[str, Any]) -> None:
        self._state["index"] = data["index"]

    def _on_measured(self, event: Event, data: Mapping[str, Any]) -> None:
        self._done_here += 1
        self._state["done"] += 1
        value, best = data["objective"], self._state["best"]
        is_best = data["quality"] == "good" and (best is None or value > best)
        if is_best:
            self._state["best"] = value
        notes = ["best" if is_best else "", *(f"({flag})" for flag in data["flags"])]
        if self._table is None:
            self._table = self._new_table()
            self.say(self._table.head(), "dim")
        self.say(
            self._table.row(
                self._state["done"], data["conditions"], value, list(filter(None, notes))
            ),
            "bold" if is_best else "",
        )

    def _new_table(self) -> ExperimentTable:
        state = self._state
        return ExperimentTable(state["stage"], state["planned"], state["units"], state["objective"])

    def _merit(self, value: float | None) -> str:
        return "-" if value is None else figure_of_merit(value, self._state["objective"]["unit"])

    def _eta(self) -> str:
        if not self._done_here:
            return "…"
        elapsed_s = time.monotonic() - self._begin_s
        left_s = elapsed_s / self._done_here * (self._state["planned"] - self._state["done"])
        return _duration(left_s)

    def _panel(self) -> Panel:
        state = self._state
        bar = Table.grid(padding=(0, 1))
        bar.add_row(
            ProgressBar(total=max(state["planned"], 1), completed=state["done"], width=40),
            f"{state['done']}/{state['planned']}",
            f"stage {state['stage'] or '-'}",
            f"about {self._eta()} left",
        )
        facts = Table.grid(padding=(0, 2))
        left = state["until_s"]
        remaining = f", {_duration(left - state['time_s'])} of rig time" if left else ""
        facts.add_row("step", Text(f"{state['what']}{remaining}"))
        if state["index"] in state["conditions"]:
            chosen = state["conditions"][state["index"]]
            facts.add_row("condition", Text(conditions_text(chosen, state["units"])))
        facts.add_row(
            "heaters",
            Text(
                "  ".join(
                    f"{name} {_degrees(reading['temperature_c'])} "
                    f"(set {_degrees(reading['set_point_c'])})"
                    for name, reading in state["heaters"].items()
                )
            ),
        )
        facts.add_row(
            "flows",
            Text(
                "  ".join(f"{n} {q:.1f} µL/min" for n, q in state["flow_rates"].items()) or "none"
            ),
        )
        best = f"{state['objective']['name']} {self._merit(state['best'])}"
        facts.add_row("best so far", Text(best))
        facts.add_row("rig time", _duration(state["time_s"]))
        return Panel(Group(bar, facts), title=Text(state["title"]), title_align="left")


def _degrees(temperature_c: float | None) -> str:
    return "no reading" if temperature_c is None else f"{temperature_c:.1f} °C"


def _duration(duration_s: float) -> str:
    minutes, seconds = divmod(round(max(duration_s, 0.0)), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {seconds:02d} s" if minutes else f"{seconds} s"
