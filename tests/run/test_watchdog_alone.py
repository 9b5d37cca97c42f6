"""What the watchdog hears, and what it does where it can do little."""

import sqlite3
import threading
import time
from contextlib import ExitStack, suppress
from pathlib import Path
from queue import Empty, SimpleQueue

import pytest
from patience import LONG_S
from some_events import resumed

from flowrig.clock import RealClock, VirtualClock
from flowrig.errors import FlowrigError, InputError
from flowrig.journal.events import Ended, SafeStateSought
from flowrig.journal.journal import FILE_NAME, Journal
from flowrig.operator.requests import OperatorRequests
from flowrig.plugins.registry import Plugins
from flowrig.profile import Profile, load_profile
from flowrig.run import lease, watchdog
from flowrig.run.control_socket import STATUS, ControlServer, ask_run, lock_or_take_over
from flowrig.run.lease import FLUSHED, GOODBYE, NOTE_NAME, RENEW, UNSAFE, Lease
from flowrig.run.rescue import LeftRig, Rescue
from flowrig.run.watchdog import End, LeftRun, make_safe, watch
from flowrig.run_record.lock import LOCK_NAME, locked
from flowrig.run_record.reader import LoadedRun
from flowrig.safety import safe_state
from flowrig.safety.safe_state import SafeState
from flowrig.safety.syringes import SyringeLedger

NOBODY = "127.0.0.1"
"""Where nothing answers at the ports 1 to 8."""

DEAD_RIG = f"""\
extends = "cs3cu2i5-heatup-chem3"
title = "A rig without power"

[devices.plate]
address = "{NOBODY}:1"

[devices.hdx_absorbance]
address = "{NOBODY}:2"

[devices.hdx_pl]
address = "{NOBODY}:3"
""" + "".join(
    f'\n[devices.pump_{name}]\naddress = "socket://{NOBODY}:{port}"\n'
    for port, name in enumerate(("cui", "zni2", "csoa", "ode", "pfo"), 4)
)


@pytest.fixture
def dead(tmp_path: Path) -> Profile:
    """A rig of which no instrument answers."""
    (tmp_path / "dead.toml").write_text(DEAD_RIG, encoding="utf-8")
    return load_profile(tmp_path / "dead.toml", Plugins.discover())


def left(profile: Profile) -> LeftRun:
    """A run whose journal was not examined yet."""
    rig = LeftRig(profile=profile, ledger=SyringeLedger(profile), references={})
    return LeftRun(LoadedRun(Plugins.discover(), profile), rig)


class Trying:
    """A watchdog that tries in a thread, until this process takes over."""

    def __init__(self, folder: Path, profile: Profile) -> None:
        self._folder = folder
        self._found: list[SafeState | None] = []
        end = End("the run ended without a goodbye", RealClock(100.0))
        self._thread = threading.Thread(
            target=lambda: self._found.append(make_safe(folder, left(profile), end))
        )
        self._thread.start()

    def wait_for(self, text: str) -> str:
        """Wait until its report has a text; returns the report."""
        until_s = time.monotonic() + LONG_S
        while time.monotonic() < until_s:
            with suppress(OSError):
                note = (self._folder / NOTE_NAME).read_text(encoding="utf-8")
                if text in note:
                    return note
            time.sleep(0.05)
        pytest.fail(f"the watchdog does not report {text!r}")

    def end(self) -> SafeState | None:
        """What it has found."""
        self._thread.join(LONG_S)
        return self._found[0]


def take_over(stack: ExitStack, folder: Path) -> None:
    """Ask for the lock until the watchdog hands it over, which it does between two tries."""
    until_s = time.monotonic() + LONG_S
    while True:
        try:
            return lock_or_take_over(stack, folder)
        except InputError:
            if time.monotonic() > until_s:
                raise


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tries follow each other at once."""
    monkeypatch.setattr(safe_state, "PAUSES_S", ())
    monkeypatch.setattr(watchdog, "PAUSE_S", (0.1, 0.1))
    monkeypatch.setattr(watchdog, "LOOK_S", 0.02)
    monkeypatch.setattr(watchdog, "REPORT_S", 0.0)


def heard(*words: bytes) -> End | None:
    """What comes of some words."""
    queue: SimpleQueue[bytes] = SimpleQueue()
    for word in words:
        queue.put(word)
    return watch(queue, engine=0, lease_s=60.0, clock=RealClock())


def test_a_goodbye_ends_the_watch() -> None:
    """However many renewals came before."""
    assert heard(RENEW + b"1.0\n", RENEW + b"2.0\n", GOODBYE) is None


@pytest.mark.parametrize("last", [b"", b"goodb", RENEW + b"1234.5"])
def test_a_pipe_that_closes_is_no_goodbye(last: bytes) -> None:
    """Not even in the middle of one; the clock goes on where the run's was."""
    end = heard(RENEW + b"77.5\n", last)
    assert end is not None
    assert "without a goodbye" in end.why
    assert 77.5 <= end.clock.now_s() < 77.5 + 60.0


def test_a_rig_that_does_not_answer_is_tried_until_a_person_takes_over(
    dead: Profile, tmp_path: Path
) -> None:
    """Journal, file and status say what is not known; a person who asks gets the lock."""
    Journal.create(tmp_path / FILE_NAME).close()
    trying = Trying(tmp_path, dead)
    note = trying.wait_for("still trying after")
    assert "NOT known" in note
    assert "plate off" in note
    with Journal(tmp_path / FILE_NAME, read_only=True) as journal:
        ended, sought = journal.last(Ended), journal.last(SafeStateSought)
    assert ended is not None
    assert sought is not None
    assert (ended.data.state, sought.data.by) == ("unknown", "watchdog")
    assert "goes on trying" in ended.data.reason
    assert ended.time_s >= 100.0
    assert "plate off" in ask_run(tmp_path, STATUS)["step"]

    with ExitStack() as stack:
        take_over(stack, tmp_path)
        safe = trying.end()
        assert safe is not None
        assert not safe.reached
        assert "a person takes over" in trying.wait_for("a person takes over")


def test_a_journal_that_is_gone_keeps_no_rig_from_its_safe_state(
    dead: Profile, tmp_path: Path
) -> None:
    """The file reports the result nevertheless."""
    trying = Trying(tmp_path, dead)
    assert "NOT known" in trying.wait_for("NOT known")
    with ExitStack() as stack:
        take_over(stack, tmp_path)
        assert trying.end() is not None


def test_a_folder_that_is_gone_keeps_no_rig_from_its_safe_state(
    dead: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a folder there is no lock, no journal and no report; the rig is made safe."""
    tried = list[str]()
    monkeypatch.setattr(Rescue, "run", lambda self, why, wait: tried.append(why) or SafeState(()))
    end = End("the run ended without a goodbye", RealClock())
    assert make_safe(tmp_path / "gone", left(dead), end) is not None
    assert tried


def test_a_run_that_goes_on_elsewhere_is_left_alone(
    dead: Profile, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody who resumes it has brought the rig to its safe state first."""
    monkeypatch.setattr(watchdog, "LOCK_S", 0.0)
    with Journal.create(tmp_path / FILE_NAME) as journal:
        journal.append(resumed(), 0.0)
    other = sqlite3.connect(tmp_path / LOCK_NAME, isolation_level=None)
    other.execute("BEGIN EXCLUSIVE")
    end = End("the run ended without a goodbye", RealClock())
    assert make_safe(tmp_path, left(dead), end) is None
    other.close()
    assert "leaves the rig alone" in (tmp_path / NOTE_NAME).read_text(encoding="utf-8")


def test_a_watchdog_at_work_is_not_disturbed_and_named(tmp_path: Path) -> None:
    """Who asks for the lock meanwhile is told who works, since when, and what to wait for."""
    busy = "since 3 s its watchdog has been bringing the rig to its safe state"
    server = ControlServer(tmp_path, OperatorRequests(), dict, hand_over=lambda: busy)
    told = pytest.raises(InputError, match=r"another process.*since 3 s its watchdog")
    with locked(tmp_path), server, ExitStack() as stack, told:
        lock_or_take_over(stack, tmp_path)
    with locked(tmp_path), ExitStack() as stack, pytest.raises(InputError, match="another process"):
        lock_or_take_over(stack, tmp_path)


@pytest.mark.parametrize(("last", "is_flushed"), [(UNSAFE, False), (FLUSHED, True)])
def test_a_run_that_gives_up_says_whether_it_flushed(last: bytes, is_flushed: bool) -> None:
    """The watchdog goes on trying, and flushes no second time."""
    end = heard(RENEW + b"7.0\n", last)
    assert end is not None
    assert end.is_flushed == is_flushed
    assert "could not confirm" in end.why


def test_nonsense_in_the_pipe_does_not_end_the_watch() -> None:
    """A line that is none of the run's counts as a sign of life."""
    assert heard(b"renew soon\n", b"\xff\n", GOODBYE) is None


def test_a_run_without_a_watchdog_does_not_begin(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A folder that cannot be read, or is missing, is reported before anything moves."""
    with Lease(tmp_path / "nowhere", 60.0) as held:
        with pytest.raises(FlowrigError, match="nothing moves without it"):
            held.require_ready(0.0)
        assert held._process is not None
        held._process.wait(lease.END_S)
        with pytest.raises(FlowrigError, match="must not go on"):
            held.renew(1.0)
        held.say_goodbye()
    assert "is not there" in capfd.readouterr().err


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
