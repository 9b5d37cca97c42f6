"""The watchdog, with real processes, real time and an emulated rig in a process of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from left_rig import RIG
from test_interrupted import wait_for

from flowrig.errors import InputError
from flowrig.journal.events import Ended, ExperimentBegun, Outcome, SafeStateSought
from flowrig.journal.journal import FILE_NAME, Event, Journal
from flowrig.run.lease import NOTE_NAME

pytestmark = pytest.mark.xdist_group("watchdog")  # what they share is made once

REAL = (
    RIG
    + """
[steady] # as good as at once: the plate has to be hot, not steady
tolerance = "300 degC"
hold = "0 s"

[calibration]
duration = "0.2 s"
dark_frames = 1
reference_frames = 1

[supervision]
lease = "{lease} s"
"""
)


class EmulatedRig:
    """The process of the bench, which reports plunger positions and the heater."""

    def __init__(self, folder: Path) -> None:
        profile = folder / "emulated.toml"
        profile.write_text(REAL.format(lease=60), encoding="utf-8")
        self._process = subprocess.Popen(
            [
                sys.executable,
                Path(__file__).parents[1] / "helpers" / "rig_in_a_process.py",
                profile,
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin, self._process.stdout
        self.addresses: dict[str, str] = json.loads(self._out.readline())

    def close(self) -> None:
        self._in.close()
        self._process.wait(120)
        self._out.close()

    def state(self) -> dict[str, float]:
        self._in.write("?\n")
        self._in.flush()
        positions: dict[str, float] = json.loads(self._out.readline())
        return positions

    def change(self, device: str, fault: str) -> None:
        """Plan a fault of a device, or of every device, "*"; "heal" ends its faults."""
        self._in.write(f"{device} {fault}\n")
        self._in.flush()
        self.state()  # the line before was obeyed

    def assert_busy(self) -> None:
        """Something flows, and the plate is heated."""
        before, after = self._twice()
        assert after["plate"] >= 120.0
        assert after["pump_cui"] > before["pump_cui"]

    def assert_at_rest(self) -> None:
        """No plunger moves, and the plate is not heated."""
        before, after = self._twice()
        assert after["plate"] <= 20.0
        assert after == before

    def _twice(self) -> tuple[dict[str, float], dict[str, float]]:
        before = self.state()
        time.sleep(0.5)
        return before, self.state()


SILENT = "deaf"
"""A fault: requests are neither obeyed nor answered."""


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmulatedRig]:
    """Emulated instruments that outlive every run."""
    served = EmulatedRig(tmp_path_factory.mktemp("rig"))
    yield served
    served.close()


@pytest.fixture
def run(rig: EmulatedRig, tmp_path: Path) -> Iterator[Callable[[int], "subprocess.Popen[bytes]"]]:
    """Starts a real run, with a lease of some seconds, and waits until it heats and pumps."""
    started: list[subprocess.Popen[bytes]] = []

    def start(lease_s: int) -> "subprocess.Popen[bytes]":
        addresses = "".join(
            f'\n[devices.{name}]\naddress = "{address}"\n'
            for name, address in rig.addresses.items()
        )
        profile = tmp_path / "real.toml"
        profile.write_text(REAL.format(lease=lease_s) + addresses, encoding="utf-8")
        folder = tmp_path / "run"
        with (tmp_path / "terminal.txt").open("wb") as terminal:
            process = subprocess.Popen(
                [sys.executable, "-m", "flowrig", "run", profile, "--out", folder],
                stdout=terminal,
                stderr=terminal,
            )
        started.append(process)
        wait_for(folder, "experiment", 1, process)
        wait_for(folder, "outcome", outcomes(folder) + 3, process)  # set, set, start
        return process

    yield start
    rig.change("*", "heal")
    for process in started:
        process.kill()
        process.wait()


def outcomes(folder: Path) -> int:
    """How many commands came before the experiment."""
    with Journal(folder / FILE_NAME, read_only=True) as journal:
        kinds = [event.kind for event in journal.events(Outcome, ExperimentBegun)]
    return kinds.index("experiment")


def kill_with_its_watchdog(process: "subprocess.Popen[bytes]") -> None:
    """Nobody is left who makes the rig safe."""
    os.kill(watchdog_of(process), signal.SIGKILL)
    process.kill()
    process.wait()


def watchdog_of(process: "subprocess.Popen[bytes]") -> int:
    """Process number of the watchdog of a run."""
    found = subprocess.run(
        ["pgrep", "-P", str(process.pid), "-f", "flowrig.run.watchdog"],
        capture_output=True,
        check=True,
        text=True,
    )
    return int(found.stdout.split()[0])


def ended(folder: Path, state: str = "failed") -> Event[Ended]:
    """The end that the watchdog writes, as soon as it has."""
    until_s = time.monotonic() + 180.0
    while time.monotonic() < until_s:
        try:
            with Journal(folder / FILE_NAME, read_only=True) as journal:
                event = journal.last(Ended)
                if event is not None and event.data.state == state:
                    return event
        except InputError:
            pass
        time.sleep(0.05)
    pytest.fail(f"the watchdog did not end the run: {(folder / NOTE_NAME).read_text('utf-8')}")


def assert_reported(folder: Path, why: str) -> None:
    """Journal, file and terminal say why, and what was confirmed."""
    with Journal(folder / FILE_NAME, read_only=True) as journal:
        safe = journal.last(SafeStateSought)
    assert safe is not None
    assert safe.data.by == "watchdog"
    assert safe.data.reached
    terminal = folder.with_name("terminal.txt").read_text(encoding="utf-8")
    for text in ((folder / NOTE_NAME).read_text(encoding="utf-8"), terminal, safe.data.text):
        assert why in text
        assert "the rig is in its safe state" in text


def test_a_rig_whose_run_is_killed_is_made_safe(
    rig: EmulatedRig, run: Callable[[int], "subprocess.Popen[bytes]"], tmp_path: Path
) -> None:
    """After kill -9 the pumps stand still, the heater is off; the journal names the watchdog."""
    process = run(60)
    rig.assert_busy()
    process.kill()
    process.wait()
    assert ended(tmp_path / "run").data.state == "failed"
    rig.assert_at_rest()
    assert_reported(tmp_path / "run", "the run ended without a goodbye")


@pytest.mark.slow
def test_a_rig_under_way_has_no_second_run(
    rig: EmulatedRig, run: Callable[[int], "subprocess.Popen[bytes]"], tmp_path: Path
) -> None:
    """It is told which run has the rig, which goes on; killed, that run leaves the rig free."""
    process = run(60)
    second = [sys.executable, "-m", "flowrig", "run", tmp_path / "real.toml", "--out"]
    done = subprocess.run(
        [*second, tmp_path / "second"], capture_output=True, text=True, check=False, timeout=250
    )
    assert done.returncode == 2, done.stderr
    assert f"in use by the run in {tmp_path / 'run'} (process {process.pid}" in done.stderr
    assert not (tmp_path / "second").exists()
    rig.assert_busy()
    process.kill()
    process.wait()
    assert ended(tmp_path / "run").data.state == "failed"
    rig.assert_at_rest()


@pytest.mark.skipif(not hasattr(signal, "SIGSTOP"), reason="this system cannot stop a process")
def test_a_run_that_hangs_is_ended_and_its_rig_made_safe(
    rig: EmulatedRig, run: Callable[[int], "subprocess.Popen[bytes]"], tmp_path: Path
) -> None:
    """A run that is silent for longer than its lease is ended first, so that the ports are free."""
    process = run(7)
    os.kill(process.pid, signal.SIGSTOP)
    assert ended(tmp_path / "run").data.state == "failed"
    assert process.wait(120) == -signal.SIGKILL
    rig.assert_at_rest()
    assert_reported(tmp_path / "run", "the run was silent for 7 s")


@pytest.mark.skipif(sys.platform == "win32", reason="no way to find the watchdog of a run")
def test_a_rig_that_was_left_alone_is_made_safe_by_a_word(
    rig: EmulatedRig, run: Callable[[int], "subprocess.Popen[bytes]"], tmp_path: Path, flowrig: Any
) -> None:
    """A refused resume reports that the rig is unchanged; `flowrig safe` uses the old profile."""
    process, folder = run(60), tmp_path / "run"
    kill_with_its_watchdog(process)
    frozen = folder / "profile.toml"
    frozen.write_text(frozen.read_text("utf-8") + "\n[broken", encoding="utf-8")
    refused = flowrig("resume", folder, code=2).stderr
    assert f"flowrig safe {folder}" in refused.replace("\n", " ")
    rig.assert_busy()

    said = flowrig("safe", folder).stdout
    assert "the rig is in its safe state" in said
    rig.assert_at_rest()
    with Journal(folder / FILE_NAME, read_only=True) as journal:
        safe, end = journal.last(SafeStateSought), journal.last(Ended)
        (stop,) = [
            e.data.dispensed_ul
            for e in journal.events(Outcome)
            if e.data.command == "stop" and "CuI" in e.data.dispensed_ul
        ]
    assert safe is not None
    assert end is not None
    assert (safe.data.by, end.data.state) == ("flowrig safe", "stopped")
    assert stop["CuI"] > 0.0
    assert "flowrig safe" not in flowrig("resume", folder, code=2).stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Ctrl-C reaches the whole console there")
@pytest.mark.slow
def test_a_run_that_says_goodbye_leaves_nothing_to_the_watchdog(
    rig: EmulatedRig, run: Callable[[int], "subprocess.Popen[bytes]"], tmp_path: Path
) -> None:
    """A run that is stopped makes the rig safe, and its watchdog ends without a report."""
    process = run(60)
    process.send_signal(signal.SIGINT)
    assert process.wait(120) == 3
    rig.assert_at_rest()
    assert not (tmp_path / "run" / NOTE_NAME).exists()
    terminal = (tmp_path / "terminal.txt").read_text(encoding="utf-8")
    assert "watchdog" not in terminal
    assert "Fatal Python error" not in terminal


@pytest.mark.slow
def test_links_that_come_back_late_are_waited_for(
    rig: EmulatedRig, run: Callable[[int], "subprocess.Popen[bytes]"], tmp_path: Path
) -> None:
    """The watchdog says what is not confirmed, and goes on trying until it is."""
    process, folder = run(60), tmp_path / "run"
    rig.change("*", SILENT)
    process.kill()
    process.wait()
    waits = ended(folder, "unknown").data.reason
    assert "plate off" in waits
    assert "goes on trying" in waits
    rig.assert_busy()
    rig.change("*", "heal")
    ended(folder)
    rig.assert_at_rest()
    assert_reported(folder, "the run ended without a goodbye")


@pytest.mark.slow
def test_a_run_that_gives_up_hands_over_to_its_watchdog(
    rig: EmulatedRig, run: Callable[[int], "subprocess.Popen[bytes]"], tmp_path: Path
) -> None:
    """The run ends with exit code 4 and says who goes on; that one switches the plate off."""
    process, folder = run(60), tmp_path / "run"
    rig.change("plate", SILENT)
    assert process.wait(300) == 4
    assert "the watchdog goes on trying" in (tmp_path / "terminal.txt").read_text(encoding="utf-8")
    assert rig.state()["plate"] >= 120.0
    rig.change("plate", "heal")
    ended(folder)
    rig.assert_at_rest()
    assert_reported(folder, "the run could not confirm its safe state")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="this system cannot stop a process")
def test_a_watchdog_that_is_stopped_is_noticed(
    rig: EmulatedRig, run: Callable[[int], "subprocess.Popen[bytes]"], tmp_path: Path
) -> None:
    """The run must not go on without it: it ends in its safe state, and says why."""
    process = run(60)
    watchdog = watchdog_of(process)
    os.kill(watchdog, signal.SIGSTOP)
    try:
        assert process.wait(300) == 1
    finally:
        os.kill(watchdog, signal.SIGCONT)
    rig.assert_at_rest()
    terminal = (tmp_path / "terminal.txt").read_text(encoding="utf-8")
    assert "has not answered" in terminal


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no way to find the watchdog of a run")
def test_a_resume_that_misses_an_instrument_makes_the_others_safe(
    rig: EmulatedRig, run: Callable[[int], "subprocess.Popen[bytes]"], tmp_path: Path, flowrig: Any
) -> None:
    """Heat and flow go off, the missing one is named, and so is the next command."""
    process, folder = run(60), tmp_path / "run"
    kill_with_its_watchdog(process)
    rig.change("hdx_pl", SILENT)
    rig.assert_busy()
    said = flowrig("resume", folder, code=1)
    text = " ".join((said.stdout + said.stderr).split())
    rig.assert_at_rest()
    assert "hdx_pl" in text
    assert f"flowrig resume {folder}" in text
