"""Live view of a run in the terminal; it follows the events of the journal."""

import time
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from functools import singledispatchmethod
from pathlib import Path
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from flowrig.cli.terminal.experiment_table import ExperimentTable, conditions_text, objective_text
from flowrig.cli.terminal.hold_text import hold_lines
from flowrig.cli.terminal.printing import degrees_text, front_text
from flowrig.journal.events import (
    ChangesAccepted,
    Checked,
    ControlTold,
    CutLiquid,
    EventData,
    Explored,
    GateAsked,
    GateOpened,
    HandAsked,
    HandDone,
    HoldBegun,
    JournalCut,
    Measured,
    Notice,
    Opened,
    OperatorAsked,
    ResultEntered,
    Resumed,
    RunStarted,
    SafeStateSought,
    Skipped,
    StageBegun,
    StageEnded,
    Suspended,
    SymptomFound,
    Unknown,
    WasteLevels,
    WentOn,
)
from flowrig.journal.journal import AnyEvent
from flowrig.journal.visible import visible, visible_line
from flowrig.run_record.off_line.stored import stored_words
from flowrig.run_record.status import RunStatus
from flowrig.safety.waste import WARN, waste_text

__all__ = ["Progress"]


class Progress:
    """Shows stage, condition, step, temperatures, flow rates, best result and remaining time.

    A terminal shows one panel that is kept up to date; other outputs get a line per experiment.

    Args:
        folder: the run's folder, for the title.
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

    def __call__(self, event: AnyEvent) -> None:
        """Follow an event of the journal."""
        best_before = self._status.best
        self._status(event)
        self._is_best = self._status.best != best_before
        self._show(event.data)

    def say(self, text: str, style: str = "") -> None:
        """Print a line above the panel, wrapped at words; a file or a pipe gets it in one piece."""
        wraps = self._console.is_terminal
        self._console.print(Text(visible(text), style=style), soft_wrap=not wraps)

    @singledispatchmethod
    def _show(self, data: EventData) -> None:
        """Other kinds are not shown."""

    @_show.register
    def _unknown(self, data: Unknown) -> None:
        self.say(f"an event of a kind that this flowrig does not know: {data.kind}", "dim")

    @_show.register
    def _run_started(self, data: RunStarted) -> None:
        rig = "emulated rig, virtual time" if data.simulated else "real rig"
        self.say(f"{self._title()}\n{rig}, seed {data.seed}, run in {self._folder}")
        if data.invented:
            self.say(
                f"the chemistry {data.chemistry!r} is invented: its numbers stand for nothing",
                "yellow",
            )

    @_show.register
    def _opened(self, data: Opened) -> None:
        for name, who in data.devices.items():
            label = f"{who.vendor} {who.model} {who.serial_number}".strip()
            self.say(f"  {name}: {label}", "dim")

    @_show.register
    def _resumed(self, data: Resumed) -> None:
        self.say(
            f"resuming {self._folder} with {data.done} of {data.planned} experiments "
            "measured; first the rig goes to its safe state"
        )

    @_show.register
    def _safe_state_sought(self, data: SafeStateSought) -> None:
        self.say(data.text, "green" if data.reached else "bold red")

    @_show.register
    def _journal_cut(self, data: JournalCut | CutLiquid) -> None:
        self.say(data.text, "bold red")

    @_show.register
    def _changes_accepted(self, data: ChangesAccepted) -> None:
        for difference in data.differences:
            self.say(f"accepted: {difference}", "yellow")

    @_show.register
    def _control_told(self, data: ControlTold) -> None:
        self.say(data.text, "yellow")

    @_show.register
    def _notice(self, data: Notice) -> None:
        self.say(data.text, "yellow")

    @_show.register
    def _suspended(self, data: Suspended) -> None:
        text = f"the computer was suspended for {data.slept_s:.0f} s, and nothing watched the rig"
        self.say(f"{text}; switch its suspend off", "yellow")

    @_show.register
    def _explored(self, data: Explored) -> None:
        self.say(
            f"stage {data.stage} ends after {data.experiments} experiments: the model "
            f"explains {data.r2:.0%} of the variance of those that it has not seen"
        )

    @_show.register
    def _stage_ended(self, data: StageEnded) -> None:
        self.say(f"stage {data.stage} ends after {data.experiments} experiments: {data.reason}")

    @_show.register
    def _symptom_found(self, data: SymptomFound) -> None:
        if data.symptom not in self._symptoms:
            self._symptoms.add(data.symptom)
            self.say(f"diagnostics: {data.text}", "yellow")

    @_show.register
    def _stage_begun(self, data: StageBegun) -> None:
        self._table = None

    @_show.register
    def _operator_asked(self, data: OperatorAsked) -> None:
        if (
            not data.refused and data.by != "signal"
        ):  # Ctrl-C is answered at once by the handler of the signal
            self.say(f"{data.request}, by {data.by}", "yellow")

    @_show.register
    def _hold_begun(self, data: HoldBegun) -> None:
        for line in hold_lines(self._folder, data):
            self.say(line, "yellow")
        if data.why == "results":
            return
        end = datetime.now().astimezone() + timedelta(seconds=data.longest_s)
        self.say(
            f"until {end:%H:%M:%S}, for {_duration(data.longest_s)}; then the rig goes to its "
            "safe state",
            "yellow",
        )

    @_show.register
    def _went_on(self, data: WentOn) -> None:
        done = [f"{stream} is full" for stream in data.refilled]
        done += [f"{waste} is empty" for waste in data.emptied]
        self.say("; ".join(["the run goes on", *done]), "yellow")

    @_show.register
    def _gate_asked(self, data: GateAsked) -> None:
        self.say(f"gate {data.gate}, before {data.before}: {data.asks}", "yellow")

    @_show.register
    def _gate_opened(self, data: GateOpened) -> None:
        self.say(f"gate {data.gate}: yes, by {data.by}", "yellow")

    @_show.register
    def _hand_asked(self, data: HandAsked) -> None:
        self.say(data.asks, "yellow")

    @_show.register
    def _hand_done(self, data: HandDone) -> None:
        read = [f"{name} {value:g}" for name, value in data.readings.items() if value is not None]
        self.say(", ".join([f"done, by {data.by}", *read]), "yellow")

    @_show.register
    def _waste_levels(self, data: WasteLevels) -> None:
        for name, level in data.vessels.items():
            share = level.filled_ul / level.capacity_ul
            if share < WARN:
                self._filling.discard(name)
            elif name not in self._filling:
                self._filling.add(name)
                self.say(f"{waste_text(name, level)}: empty it soon", "yellow")

    @_show.register
    def _skipped(self, data: Skipped) -> None:
        self.say(f"experiment {data.index} is skipped", "yellow")

    @_show.register
    def _measured(self, data: Measured) -> None:
        self._done_here += 1
        notes = ["best" if self._is_best else "", *(f"({flag})" for flag in data.flags)]
        if self._table is None:
            self._table = self._new_table()
            self.say(self._table.head(), "dim")
        self.say(
            self._table.row(
                data.index,
                data.conditions,
                data.objective,
                list(filter(None, notes)),
                planned=self._status.planned,
            ),
            "bold" if self._is_best else "",
        )

    @_show.register
    def _checked(self, data: Checked) -> None:
        for one in data.flags:
            self.say(f"experiment {data.index} is {one.quality}, {one.check}: {one.text}", "yellow")

    @_show.register
    def _result(self, data: ResultEntered) -> None:
        parts = [
            f"{n} {value:.4g} {data.units.get(n, '')}".rstrip() for n, value in data.values.items()
        ]
        parts += [stored_words(data)] if data.series else []
        parts += [one.name for one in data.files]
        parts += [f"no result: {data.lost}"] if data.lost else []
        by = f" by {data.by}" if data.by else ""
        merit = ""
        if data.objective is not None:
            merit = f"; {self._status.objective.name} {self._merit(data.objective)}"
            merit += " best" if self._is_best else ""
        style = "bold" if self._is_best else ""
        self.say(f"result of experiment {data.index}{by}: {', '.join(parts)}{merit}", style)

    def _new_table(self) -> ExperimentTable:
        status = self._status
        return ExperimentTable(status.stage, status.planned, status.units, status.objective)

    def _title(self) -> str:
        return ": ".join(filter(None, (self._status.profile, self._status.campaign)))

    def _merit(self, value: float | None) -> str:
        return "-" if value is None else objective_text(value, self._status.objective)

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
        count = f"{status.done}/{status.planned}  stage {status.stage or '-'}"
        facts = Table.grid(padding=(0, 2))
        facts.add_column(no_wrap=True)
        for name, text in self._facts():
            facts.add_row(name, Text(visible_line(text)))
        return Panel(
            Group(
                ProgressBar(total=max(status.planned, 1), completed=status.done, width=40),
                Text(visible_line(f"{count}  about {self._eta()} left")),
                facts,
            ),
            title=Text(visible_line(self._title())),
            title_align="left",
        )

    def _facts(self) -> Iterator[tuple[str, str]]:
        """Lines of the panel: what is done now, the state of the rig, the best result."""
        status = self._status
        left = status.until_s
        remaining = f", {_duration(left - status.time_s)} of rig time" if left else ""
        yield "step", f"{status.step}{remaining}"
        chosen = status.conditions.get(status.index or 0)
        if chosen is not None:
            yield "condition", conditions_text(chosen, status.units)
        heaters = (
            f"{name} {degrees_text(heater.temperature_c)} (set {degrees_text(heater.set_point_c)})"
            for name, heater in status.heaters.items()
        )
        yield "heaters", "  ".join(heaters)
        rates = status.rig_state.commanded_rates_ul_min.items()
        yield "flows", "  ".join(f"{name} {rate:.1f} µL/min" for name, rate in rates) or "none"
        yield "best so far", f"{status.objective.name} {self._merit(status.best)}"
        if status.front is not None:
            yield "front", front_text(status.front.as_json())
        yield "rig time", _duration(status.time_s)


def _duration(duration_s: float) -> str:
    minutes, seconds = divmod(round(max(duration_s, 0.0)), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes:02d} min"
    return f"{minutes} min {seconds:02d} s" if minutes else f"{seconds} s"
