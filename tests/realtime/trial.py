"""One trial: a run on the hot rig, a fault in the middle of it, and what the hardware did then."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from attrs import define, evolve, frozen
from hardware import NEVER_S, Hardware
from processes import Command, RigProcess, wait_until, watchdogs_of

from flowrig.journal.events import Ended, Measured
from flowrig.journal.journal import FILE_NAME, Journal

__all__ = ["PUMPS", "Outcome", "Scenario", "Trial", "play"]

PUMPS = ("pump_cui", "pump_zni2", "pump_csoa", "pump_ode", "pump_pfo")
DEVICES = (*PUMPS, "plate", "hdx_absorbance", "hdx_pl")

START_S = 180.0
"""Longest wait [s] for a run to heat and pump."""
END_S = 240.0
"""Longest wait [s] for a command to end, and for the rig to come to rest."""
WATCH_S = 3.0
"""For so long [s] the rig is watched after it came to rest."""

RIG = """\
extends = "cs3cu2i5-heatup-chem3"

[[interlocks]]
kind = "syringe-not-empty"
streams = ["CuI", "ZnI2", "CsOA", "ODE", "PFO"]
remainder = "100 uL"
action = "hold"

[path.reactor]
volume = "60 uL"
[path.cooling]
volume = "30 uL"
[path.mixer]
volume = "20 uL"

[steady]
tolerance = "3 degC"
hold = "1 s"
poll = "1 s"

[calibration]
duration = "1 s"
dark_frames = 1
reference_frames = 1

[analysis]
frames = 60
frame_interval = "100 ms"
dark_frames = 1
reactive_frames = 5

[supervision]
lease = "6 s"

[[safe_state]]
do = "heater-off"
heaters = ["plate"]
[[safe_state]]
do = "stop"
streams = ["CuI", "ZnI2", "CsOA"]
[[safe_state]]
do = "light-off"
spectrometers = ["hdx_absorbance", "hdx_pl"]
[[safe_state]]
do = "flush"
flow_rates = { ODE = "200 uL/min", PFO = "200 uL/min" }
until_below = "112 degC"
at_most = "90 s"
[[safe_state]]
do = "stop"
streams = ["ODE", "PFO"]

[[space]]
name = "temperature"
heater = "plate"
range = ["118 degC", "119 degC"]
[[space]]
name = "ODE"
stream = "ODE"
range = ["220 uL/min", "280 uL/min"]

[dependent_flows]
PFO = "0.5 * (CuI + ZnI2 + CsOA + ODE)"
CuI = "0.4 * ODE"
ZnI2 = "0.4 * ODE"
CsOA = "0.2 * ODE"

[campaign]
title = "two experiments"

[[campaign.stages]]
name = "only"
optimizer = "random"
experiments = 2
"""


@frozen
class Outcome:
    """What became of a trial.

    Attributes:
        scenario: its name.
        exit_code: of the run; None if it was killed or did not end.
        state: of the run in its journal.
        counted_from: the moment from which the times count, in words.
        off_after_s: how long [s] after it heat, reagents, all flow and light ended for good.
        said: the last line on the terminal that is not empty.
        broken: promises that were broken, in words.
    """

    scenario: str
    exit_code: int | None
    state: str
    counted_from: str
    off_after_s: dict[str, float]
    said: str
    broken: tuple[str, ...] = ()


@define
class Scenario:
    """A fault and what must become of it.

    Attributes:
        name: of the scenario.
        strike: does it; returns the time [s] from which on flowrig can do something.
        counted_from: this moment in words.
        heat_off_s: within so many seconds after it heat must be off for good.
        rest_s: within so many seconds after it nothing moves and shines.
        states: states of the run that are allowed.
        ends_by_itself: whether the run is not hurt and has to finish.
        says: words of which one must stand on the terminal, or in the watchdog's note.
        resumes: whether the run is resumed afterwards, and must finish.
        posix: whether it needs signals that Windows does not have.
    """

    name: str
    strike: Callable[["Trial"], float]
    counted_from: str = "the fault"
    heat_off_s: float = 15.0
    rest_s: float = 150.0
    states: Sequence[str] = ("failed", "unknown", "stopped", "held", "finished")
    ends_by_itself: bool = False
    says: Sequence[str] = ()
    resumes: bool = False
    posix: bool = False


class Trial:
    """The rig and the run of a trial.

    Args:
        folder: an empty folder.

    Attributes:
        rig: the emulated rig.
        run: the command `flowrig run`.
        folder: the folder of the run.
    """

    def __init__(self, folder: Path) -> None:
        self._base = folder
        profile = folder / "emulated.toml"
        profile.write_text(RIG, encoding="utf-8")
        self.rig = RigProcess(profile, folder)
        addresses = "".join(
            f'\n[devices.{name}]\naddress = "{address}"\n'
            for name, address in self.rig.addresses.items()
        )
        self.profile = folder / "real.toml"
        self.profile.write_text(RIG + addresses, encoding="utf-8")
        self.folder = folder / "run"
        self.run = self.command("run", self.profile, "--out", self.folder)
        self._commands = [self.run]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for number in (*watchdogs_of(self.folder), *(c.process.pid for c in self._commands)):
            with contextlib.suppress(OSError):
                os.kill(number, getattr(signal, "SIGKILL", signal.SIGTERM))
        self.rig.close()

    def command(self, *arguments: object, name: str = "terminal") -> Command:
        """Start a command of flowrig."""
        command = Command(*arguments, terminal=self._base / f"{name}.txt")
        with contextlib.suppress(AttributeError):
            self._commands.append(command)
        return command

    @property
    def hardware(self) -> Hardware:
        """What the hardware has done until now."""
        return self.rig.hardware

    def await_flow(self) -> None:
        """Wait until the run heats, and reagents flow."""
        busy = wait_until(self._is_busy, START_S)
        if not busy:
            raise RuntimeError(f"the run did not come so far: {self.run.text}")

    def _is_busy(self) -> bool:
        if self.run.process.poll() is not None:
            raise RuntimeError(f"the run ended: {self.run.text}")
        hardware = self.hardware
        return bool(hardware.heats) and "pump_cui" in hardware.flows

    def await_flush(self) -> None:
        """Wait until a safe state flushes."""
        if not wait_until(lambda: not self.hardware.heats and self.hardware.flows, START_S):
            raise RuntimeError("there was no flush")

    def sleep(self, seconds: float) -> float:
        """Wait; returns the time [s] after it."""
        time.sleep(seconds)
        return time.time()

    def kill_watchdogs(self, name: str = "SIGKILL") -> float:
        """Send a signal to the watchdogs of the run; returns the time [s]."""
        for number in watchdogs_of(self.folder):
            os.kill(number, getattr(signal, name))
        return time.time()

    def kill_run(self) -> float:
        """End the run as a power cut of the program would; returns the time [s]."""
        self.run.process.kill()
        self.run.process.wait()
        return time.time()

    def at_rest(self) -> bool:
        """Whether nothing heats, moves or shines."""
        hardware = self.hardware
        return not (hardware.heats or hardware.flows or hardware.shines)

    def state(self) -> str:
        """State of the run in its journal; "" if it has none."""
        with Journal(self.folder / FILE_NAME, read_only=True) as journal:
            event = journal.last(Ended)
        return "" if event is None else event.data.state

    def measured(self) -> int:
        """How many experiments were measured."""
        with Journal(self.folder / FILE_NAME, read_only=True) as journal:
            return len({event.data.index for event in journal.events(Measured)})

    def note(self) -> str:
        """What the watchdog wrote into its file."""
        path = self.folder / "safe-state.txt"
        return path.read_text("utf-8") if path.is_file() else ""


def play(scenario: Scenario, folder: Path) -> Outcome:
    """Play one scenario in an empty folder."""
    with Trial(folder) as trial:
        trial.await_flow()
        from_s = scenario.strike(trial)
        code = trial.run.wait(END_S)
        wait_until(lambda: trial.at_rest() and not watchdogs_of(trial.folder), END_S)
        time.sleep(WATCH_S)
        off_after_s = dict(trial.hardware.off_after_s(from_s))
        text = trial.run.text + trial.note()
        outcome = Outcome(
            scenario.name,
            code,
            trial.state(),
            scenario.counted_from,
            off_after_s,
            next((line for line in reversed(text.splitlines()) if line.strip()), ""),
        )
        broken = list(_broken(scenario, outcome, text))
        if watchdogs_of(trial.folder):
            broken.append("a watchdog is left behind")
        if scenario.resumes:
            broken += _resumed(trial)
        return evolve(outcome, broken=tuple(broken))


def _broken(scenario: Scenario, outcome: Outcome, text: str) -> list[str]:
    off = outcome.off_after_s
    found = []
    if not scenario.ends_by_itself and off["heat"] > scenario.heat_off_s:
        found.append(f"heat was on for {_s(off['heat'])}, allowed {_s(scenario.heat_off_s)}")
    rest_s = max(off.values())
    if not scenario.ends_by_itself and rest_s > scenario.rest_s:
        found.append(f"at rest after {_s(rest_s)}, allowed {_s(scenario.rest_s)}")
    if rest_s == NEVER_S:
        found.append("not at rest at the end")
    if outcome.state not in scenario.states:
        found.append(f"the run is {outcome.state!r}, allowed: {', '.join(scenario.states)}")
    if scenario.ends_by_itself and outcome.exit_code != 0:
        found.append(f"exit code {outcome.exit_code}")
    if scenario.says and not any(words in text for words in scenario.says):
        found.append(f"none of these was said: {', '.join(scenario.says)}")
    for words in ("Traceback", "Fatal Python error"):
        if words in text:
            found.append(f"{words} on the terminal")
    return found


def _resumed(trial: Trial) -> list[str]:
    again = trial.command("resume", trial.folder, name="resume")
    code = again.wait(END_S)
    wait_until(trial.at_rest, END_S)
    found = []
    if code != 0:
        found.append(f"the resumption ended with {code}: {again.text[-300:]}")
    elif trial.measured() != 2:
        found.append(f"{trial.measured()} of 2 experiments")
    if not trial.at_rest():
        found.append("not at rest after the resumption")
    return found


def _s(seconds: float) -> str:
    return "ever" if seconds == NEVER_S else f"{seconds:.0f} s"
