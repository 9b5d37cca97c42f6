"""A computer that was suspended: rig time goes on, and the run says what it could not watch."""

import time
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue

import pytest
from watched_rig import WORLD, plugins_with, run_watched

from flowrig import clock as clocks
from flowrig.clock import RealClock, VirtualClock
from flowrig.journal.events import Measured, Suspended
from flowrig.journal.journal import AnyEvent
from flowrig.run.lease import RENEW
from flowrig.run.options import RunOptions
from flowrig.run.start import start_run
from flowrig.run.watchdog import End, watch
from flowrig.run_record.reader import RunRecord

Short = Callable[..., Path]


class SuspendOnce:
    """A listener that suspends the computer in the first experiment."""

    def __init__(self, clock: VirtualClock, duration_s: float) -> None:
        self._clock = clock
        self._left_s = [duration_s]
        self._begun = False

    def __call__(self, event: AnyEvent) -> None:
        self._begun |= event.kind == "experiment"
        if self._begun and event.kind == "reading" and self._left_s:
            self._clock.skip(self._left_s.pop())


def suspended_run(profile: Path, folder: Path, duration_s: float) -> tuple[str, str]:
    """State and reason of a run whose computer is suspended once."""
    clock = VirtualClock()
    outcome = start_run(
        profile,
        RunOptions(
            folder=folder,
            simulate=True,
            clock=clock,
            plugins=plugins_with(),
            listeners=[SuspendOnce(clock, duration_s)],
        ),
    )
    return outcome.state, outcome.reason


def test_a_short_suspend_is_written_down_and_flags_its_experiment(
    short: Short, tmp_path: Path
) -> None:
    """The experiment under way is doubtful and says why; the next one is good."""
    state, _ = suspended_run(short(2, 1, WORLD), tmp_path / "run", 20.0)
    assert state == "finished"
    with RunRecord(tmp_path / "run", plugins_with()) as record:
        (slept,) = record.journal.events(Suspended)
        first, *others = [event.data for event in record.journal.events(Measured)]
    assert slept.data.slept_s == pytest.approx(20.0)
    assert first.quality == "doubtful"
    assert any("suspended for 20 s" in flag for flag in first.flags)
    assert all(other.quality == "good" for other in others)


def test_a_long_suspend_asks_for_a_person(short: Short, tmp_path: Path) -> None:
    """Nothing watched the rig for longer than a run may be silent: it is made safe."""
    state, reason = suspended_run(short(2, 1, WORLD), tmp_path / "run", 3600.0)
    assert state == "held"
    assert "suspended for 3600 s" in reason


def test_a_run_that_never_slept_says_nothing(short: Short, tmp_path: Path) -> None:
    """No event, and no flag."""
    run_watched(short(1, 1, WORLD), tmp_path / "run")
    with RunRecord(tmp_path / "run", plugins_with()) as record:
        assert not list(record.journal.events(Suspended))


def test_the_real_clock_counts_the_time_of_a_suspend(monkeypatch: pytest.MonkeyPatch) -> None:
    """Instruments go on meanwhile, so that rig time does; and the clock knows for how long."""
    slept_s = 0.0
    running = clocks._running_s
    monkeypatch.setattr(clocks, "_running_s", lambda: running() + slept_s)
    monkeypatch.setattr(clocks, "_suspended_s", lambda: slept_s)
    clock = RealClock(100.0)
    assert clock.slept_s() < 1.0
    slept_s = 5000.0
    assert clock.slept_s() == pytest.approx(5000.0, abs=1.0)
    assert clock.now_s() >= 5100.0
    slept_s = 4000.0  # a wall clock that is set back, on a system that has no better one
    assert clock.slept_s() == pytest.approx(5000.0, abs=1.0)


def test_the_clocks_of_this_system_agree() -> None:
    """A computer that is awake shows no suspend, and its clocks go on together."""
    before_s, suspended_s = clocks._running_s(), clocks._suspended_s()
    time.sleep(0.05)
    assert clocks._running_s() > before_s
    assert clocks._suspended_s() == pytest.approx(suspended_s, abs=1.0)


class SleptClock(VirtualClock):
    """A clock whose computer has slept for an hour."""

    def slept_s(self) -> float:
        return 3600.0


class SilentOnce(SimpleQueue[bytes]):
    """Messages of a run that is silent for one lease, then lives, then dies."""

    def __init__(self) -> None:
        super().__init__()
        self.silences = 1
        for message in (RENEW + b"1.0\n", b""):
            self.put(message)

    def get(self, block: bool = True, timeout: float | None = None) -> bytes:
        if self.silences:
            self.silences -= 1
            raise Empty
        return super().get(block, timeout)


def test_the_watchdog_does_not_end_a_run_that_slept_as_well() -> None:
    """A lease that ran out while the computer was suspended begins again."""
    end = watch(SilentOnce(), engine=0, lease_s=60.0, clock=SleptClock())
    assert isinstance(end, End)
    assert "without a goodbye" in end.why
