"""Live progress in the terminal, read from the journal's events like everything else."""

import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from flowrig.cli.terminal.experiment_table import ExperimentTable, conditions_text, figure_of_merit
from flowrig.cli.terminal.hold_text import hold_lines, waste_text
from flowrig.cli.terminal.printing import degrees_text
from flowrig.journal.journal import Event
from flowrig.run_record.status import RunStatus
from flowrig.safety.waste import WARN

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
        self._is_best = False
        self._table: ExperimentTable | None = None
        self._symptoms: set[str] = set()
        self._filling: set[str] = set()
        self._status = RunStatus()
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
        best_before = self._status.best
        self._status(event)
        self._is_best = self._status.best != best_before
        handler = getattr(self, f"_on_{event.kind.replace('-', '_')}", None)
        if handler is not None:
            handler(event, event.data)

    def say(self, text: str, style: str = "") -> None:
        """Print a line above the panel."""
        self._console.print(Text(text, style=style), soft_wrap=True)

    def _on_run_started(self, event: Event, data: Mapping[str, Any]) -> None:
        rig = "emulated rig, virtual time" if data["simulated"] else "real rig"
        self.say(f"{self._title()}\n{rig}, seed {data['seed']}, run in {self._folder}")

    def _on_opened(self, event: Event, data: Mapping[str, Any]) -> None:
        for name, who in data["devices"].items():
            label = f"{who['vendor']} {who['model']} {who['serial_number']}".strip()
            self.say(f"  {name}: {label}", "dim")

    def _on_resumed(self, event: Event, data: Mapping[str, Any]) -> None:
        self.say(
            f"resuming {self._folder} with {data['done']} of {data['planned']} experiments "
            "measured; first the rig goes to its safe state"
        )

    def _on_safe_state(self, event: Event, data: Mapping[str, Any]) -> None:
        self.say(data["text"], "green" if data["reached"] else "bold red")

    def _on_journal_cut(self, event: Event, data: Mapping[str, Any]) -> None:
        self.say(data["text"], "bold red")

    def _on_changes_accepted(self, event: Event, data: Mapping[str, Any]) -> None:
        for difference in data["differences"]:
            self.say(f"accepted: {difference}", "yellow")

    _on_cut_liquid = _on_journal_cut

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
        self._table = None

    def _on_operator(self, event: Event, data: Mapping[str, Any]) -> None:
        if not data["refused"] and data["by"] != "signal":  # who pressed Ctrl-C is told at once
            self.say(f"{data['wish']}, by {data['by']}", "yellow")

    def _on_hold(self, event: Event, data: Mapping[str, Any]) -> None:
        for line in hold_lines(self._folder, data):
            self.say(line, "yellow")
        end = datetime.now().astimezone() + timedelta(seconds=data["longest_s"])
        self.say(
            f"until {end:%H:%M:%S}, for {_duration(data['longest_s'])}; then the rig goes to its "
            "safe state",
            "yellow",
        )

    def _on_went_on(self, event: Event, data: Mapping[str, Any]) -> None:
        done = [f"{stream} is full" for stream in data["refilled"]]
        done += [f"{waste} is empty" for waste in data["emptied"]]
        self.say("; ".join(["the run goes on", *done]), "yellow")

    def _on_gate_asked(self, event: Event, data: Mapping[str, Any]) -> None:
        self.say(f"gate {data['gate']}, before {data['before']}: {data['asks']}", "yellow")

    def _on_gate_opened(self, event: Event, data: Mapping[str, Any]) -> None:
        self.say(f"gate {data['gate']}: yes, by {data['by']}", "yellow")

    def _on_waste(self, event: Event, data: Mapping[str, Any]) -> None:
        for name, levels in data["vessels"].items():
            share = levels["filled_ul"] / levels["capacity_ul"]
            if share < WARN:
                self._filling.discard(name)
            elif name not in self._filling:
                self._filling.add(name)
                self.say(f"{waste_text(name, levels)}: empty it soon", "yellow")

    def _on_skipped(self, event: Event, data: Mapping[str, Any]) -> None:
        self.say(f"experiment {data['index']} is skipped", "yellow")

    def _on_measured(self, event: Event, data: Mapping[str, Any]) -> None:
        self._done_here += 1
        notes = ["best" if self._is_best else "", *(f"({flag})" for flag in data["flags"])]
        if self._table is None:
            self._table = self._new_table()
            self.say(self._table.head(), "dim")
        self.say(
            self._table.row(
                self._status.done, data["conditions"], data["objective"], list(filter(None, notes))
            ),
            "bold" if self._is_best else "",
        )

    def _new_table(self) -> ExperimentTable:
        status = self._status
        return ExperimentTable(status.stage, status.planned, status.units, status.objective)

    def _title(self) -> str:
        return ": ".join(filter(None, (self._status.profile, self._status.campaign)))

    def _merit(self, value: float | None) -> str:
        return "-" if value is None else figure_of_merit(value, self._status.objective["unit"])

    def _eta(self) -> str:
        if not self._done_here:
            return "…"
        elapsed_s = time.monotonic() - self._begin_s
        status = self._status
        left = status.planned - status.done - status.skipped
        left_s = elapsed_s / self._done_here * left
        return _duration(left_s)

    def _panel(self) -> Panel:
        status = self._status
        bar = Table.grid(padding=(0, 1))
        bar.add_row(
            ProgressBar(total=max(status.planned, 1), completed=status.done, width=40),
            f"{status.done}/{status.planned}",
            f"stage {status.stage or '-'}",
            f"about {self._eta()} left",
        )
        facts = Table.grid(padding=(0, 2))
        left = status.until_s
        remaining = f", {_duration(left - status.time_s)} of rig time" if left else ""
        facts.add_row("step", Text(f"{status.step}{remaining}"))
        chosen = status.conditions.get(status.index or 0)
        if chosen is not None:
            facts.add_row("condition", Text(conditions_text(chosen, status.units)))
        facts.add_row(
            "heaters",
            Text(
                "  ".join(
                    f"{name} {degrees_text(reading['temperature_c'])} "
                    f"(set {degrees_text(reading['set_point_c'])})"
                    for name, reading in status.heaters.items()
                )
            ),
        )
        facts.add_row(
            "flows",
            Text(
                "  ".join(f"{n} {q:.1f} µL/min" for n, q in status.flow_rates_ul_min.items())
                or "none"
            ),
        )
        best = f"{status.objective['name']} {self._merit(status.best)}"
        facts.add_row("best so far", Text(best))
        facts.add_row("rig time", _duration(status.time_s))
        return Panel(Group(bar, facts), title=Text(self._title()), title_align="left")


def _duration(duration_s: float) -> str:
    minutes, seconds = divmod(round(max(duration_s, 0.0)), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {seconds:02d} s" if minutes else f"{seconds} s"
