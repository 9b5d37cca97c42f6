"""The watchdog of a run, a process of its own: if the run dies or hangs, it makes the rig safe.

    python -m flowrig.run.watchdog FOLDER PID LEASE_S

The run starts it and sends it messages through its standard input. It connects only to the
instruments of the run's own profile, and tries until the safe state is confirmed, or until a person
takes over with `flowrig safe` or `flowrig resume`. It is no substitute for a hardware
over-temperature cut-off: without power the computer runs no watchdog.
"""

import os
import signal
import sys
import threading
import time
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, SimpleQueue

from attrs import evolve, frozen

from flowrig.clock import Clock, RealClock
from flowrig.errors import FlowrigError, InputError, InUseError
from flowrig.journal.events import Ended, Notice, Resumed, SafeStateSought, StepBegun
from flowrig.journal.journal import FILE_NAME, Journal
from flowrig.journal.visible import visible
from flowrig.operator.requests import OperatorRequests
from flowrig.rig.claimed import claimed
from flowrig.run.control_socket import ControlServer
from flowrig.run.lease import ANSWER, FLUSHED, GOODBYE, NOTE_NAME, READY, RENEW, UNSAFE
from flowrig.run.rescue import LeftRig, Rescue, RescueJournal
from flowrig.run_record.lock import is_locked, locked
from flowrig.run_record.reader import LoadedRun, RunRecord
from flowrig.run_record.rig_of import missing_drivers, rig_of
from flowrig.run_record.status import RunStatus
from flowrig.run_record.trips import latched_trips
from flowrig.safety.safe_state import SafeState

__all__ = ["End", "LeftRun", "make_safe", "watch"]

KILL_S = 10.0
"""Longest wait [s] for the pipe of a killed process to close."""

LOCK_S = 20.0
"""Wait [s] for a run that has ended to unlock its folder, before others may have taken it over."""

MOST_REFUSALS = 3
"""After so many looks at a folder that cannot be locked, the rig is made safe without the lock."""

LOOK_S = 1.0
"""Time [s] between two looks at a lock, and between two looks whether a person takes over."""

PAUSE_S = (3.0, 60.0)
"""Shortest and longest time [s] between two tries of steps that were not confirmed."""

PATIENCE = 60.0
"""Tries become rarer: this many in the time for which the watchdog has been trying."""

REPORT_S = 30.0
"""Time [s] between two reports; it doubles while nothing changes."""

STDIN = 0
CHUNK = 4096


def main(folder: Path, engine: int, lease_s: float) -> int:
    """Watch one run.

    Args:
        folder: the run's folder.
        engine: process number of the run.
        lease_s: how long [s] it may be silent.

    Returns:
        0 if the run said goodbye, 1 if the rig was brought to its safe state, 4 if the state of the
        rig is not known.
    """
    _ignore_signals()
    loaded = rig_of(folder)
    for device, reason in missing_drivers(loaded.profile).items():
        raise FlowrigError(f"{device}: {reason}")
    with RunRecord(folder, loaded=loaded) as record:
        run, newest = LeftRun.of(record), record.journal.last()
    messages: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_listen, args=(messages,), daemon=True).start()
    _answer(READY)
    begin_s = 0.0 if newest is None else newest.time_s
    end = watch(messages, engine, lease_s, RealClock(begin_s))
    if end is None:
        return 0
    safe = make_safe(folder, run, end)
    return 4 if safe is None or not safe.reached else 1


@frozen
class End:
    """How a run ended without a goodbye.

    Attributes:
        why: the reason, in words.
        clock: continues the run's clock from its last message on.
        is_flushed: whether the run has flushed the flow path on its way to the safe state.
    """

    why: str
    clock: Clock
    is_flushed: bool = False


@frozen
class LeftRun:
    """A run as it was when its watchdog started.

    Attributes:
        loaded: profile of the run, and examined events.
        rig: its rig.
        newest: number of the newest event of its journal.
    """

    loaded: LoadedRun
    rig: LeftRig
    newest: int = 0

    @classmethod
    def of(cls, record: RunRecord) -> "LeftRun":
        """The run of a record, as its journal says now."""
        newest = record.journal.last()
        rig = LeftRig(
            profile=record.profile,
            ledger=record.ledger(),
            references=record.lights(),
            trips=tuple((trip.rule, trip.device) for trip in latched_trips(record.journal)),
        )
        return cls(record.loaded, rig, 0 if newest is None else newest.sequence)


def watch(messages: "SimpleQueue[bytes]", engine: int, lease_s: float, clock: Clock) -> End | None:
    """Wait until the run ends, in whatever way.

    Args:
        messages: lines that the run sends; an empty one when its pipe has closed.
        engine: process number of the run; the process is ended if it hangs.
        lease_s: how long [s] the run may be silent.
        clock: the run's clock as it was at the beginning.

    Returns:
        None after a goodbye, else why the rig has to be brought to its safe state.
    """
    slept_s = 0.0
    while True:
        try:
            message = messages.get(timeout=lease_s)
        except Empty:
            if clock.slept_s() > slept_s + LOOK_S:  # the run slept as well
                slept_s = clock.slept_s()
                continue
            _end(engine, messages)
            return End(f"the run was silent for {lease_s:g} s, and was ended", clock)
        if message == GOODBYE:
            return None
        if message in (UNSAFE, FLUSHED):
            why = "the run could not confirm its safe state"
            return End(why, clock, is_flushed=message == FLUSHED)
        if not message.endswith(b"\n"):  # the pipe closed, or the run died while it wrote
            return End("the run ended without a goodbye", clock)
        with suppress(ValueError):
            clock, slept_s = RealClock(float(message.removeprefix(RENEW))), 0.0
        _answer(ANSWER)


def make_safe(folder: Path, run: LeftRun, end: End) -> SafeState | None:
    """Bring the rig of a run to its safe state; journal, file and terminal report the result.

    It tries until the safe state is confirmed, a person has to do the rest by hand, or a person
    takes over with `flowrig safe` or `flowrig resume`.

    Args:
        folder: the run's folder.
        run: the run as it was when the watchdog started.
        end: how the run ended.

    Returns:
        which steps were confirmed; None if another process runs the folder now.
    """
    _report(folder, f"{end.why}; the watchdog brings the rig to its safe state")
    with ExitStack() as stack:
        if not _lock(stack, folder, run):
            text = "another process has taken the run over, so the watchdog leaves the rig alone"
            _report(folder, f"{end.why}; {text}")
            return None
        with suppress(FlowrigError), RunRecord(folder, loaded=run.loaded) as record:
            run = LeftRun.of(record)
        status = RunStatus()
        journal = stack.enter_context(
            RescueJournal.of(folder, end.clock, run.loaded.examined, [status])
        )
        return _Attempts(folder, journal, end, status).run(run.rig)


class _Attempts:
    """Tries to make a rig safe, and reports where that stands.

    Args:
        folder: the run's folder.
        journal: of the run.
        end: how the run ended.
        status: follows the journal; other processes may ask for it.
    """

    def __init__(self, folder: Path, journal: RescueJournal, end: End, status: RunStatus) -> None:
        self._folder = folder
        self._journal = journal
        self._end = end
        self._requests = OperatorRequests()
        self._server = ControlServer(
            folder, self._requests, status.as_json, hand_over=self._take_over
        )
        self._lock = threading.Lock()
        self._begin_s = time.monotonic()
        self._is_waiting = self._is_taken_over = False
        self._reported, self._report_after_s = "", 0.0

    def run(self, rig: LeftRig) -> SafeState | None:
        """Try until nothing is left to try, or a person takes over.

        Returns:
            what is confirmed; None if another program uses the instruments.
        """
        rig = evolve(rig, is_flushed=self._end.is_flushed)
        self._rescue = Rescue(rig, self._journal, lambda: self._requests.hurried)
        with ExitStack() as stack:
            try:
                stack.enter_context(
                    claimed(rig.profile, self._folder, partly=True, patience_s=LOCK_S)
                )
            except InUseError as error:
                text = f"{error}; the watchdog leaves the rig alone"
                self._journal.write(Notice(text=f"the watchdog: {text}"))
                _report(self._folder, f"{self._end.why}; {text}")
                return None
            with suppress(OSError):  # then no other process can ask how far it is
                stack.enter_context(self._server)
            safe = self._rescue.run(f"{self._end.why}; this is the watchdog", self._wait)
        if self._is_taken_over:
            text = f"{self._end.why}; a person takes over from the watchdog; {safe}"
        else:
            text = f"{self._end.why}; {safe}"
        self._write_end(safe, text)
        return safe

    def _write_end(self, safe: SafeState, text: str) -> None:
        self._journal.safe_state(safe, text, "watchdog")
        self._journal.write(Ended(state="failed" if safe.reached else "unknown", reason=text))
        _report(self._folder, text)

    def _wait(self) -> bool:
        """Wait until it is time to try again; returns whether to, and not a person takes over."""
        tried_s = time.monotonic() - self._begin_s
        self._tell(tried_s)
        until_s = time.monotonic() + min(max(tried_s / PATIENCE, PAUSE_S[0]), PAUSE_S[1])
        with self._lock:
            self._is_waiting = True
        while time.monotonic() < until_s and not self._is_taken_over:
            time.sleep(LOOK_S)
        with self._lock:
            self._is_waiting = False
            return not self._is_taken_over

    def _tell(self, tried_s: float) -> None:
        """Report what is not confirmed: at first, when it changes, and at times."""
        safe = self._rescue.safe
        if not self._reported:
            self._write_end(safe, f"{self._end.why}; {safe}; the watchdog goes on trying")
        elif tried_s < self._report_after_s:
            return
        else:
            text = f"still trying after {tried_s:.0f} s: {safe}"
            self._journal.write(Notice(text=f"the watchdog: {text}"))
            _report(self._folder, text)
        what = f"the watchdog goes on trying; to take over: flowrig safe {self._folder}; {safe}"
        self._journal.write(StepBegun(what=what, duration_s=None))
        is_news = str(safe) != self._reported
        self._reported = str(safe)
        self._report_after_s = tried_s + (REPORT_S if is_news else max(REPORT_S, tried_s))

    def _take_over(self) -> str:
        """A person takes over; returns why not, or ""."""
        with self._lock:
            self._is_taken_over |= self._is_waiting
            if self._is_taken_over:
                return ""
        seconds = time.monotonic() - self._begin_s
        return (
            f"since {seconds:.0f} s its watchdog has been bringing the rig to its safe state, "
            f"because {self._end.why}; wait until {self._folder / NOTE_NAME} reports the result"
        )


def _lock(stack: ExitStack, folder: Path, run: LeftRun) -> bool:
    """Lock the run's folder as soon as it is free; returns whether nobody else took the run over.

    Args:
        stack: keeps the lock.
        folder: the run's folder.
        run: the run as it was when the watchdog started.
    """
    until_s, refusals = time.monotonic() + LOCK_S, 0
    while True:
        try:
            stack.enter_context(locked(folder))
        except InputError:
            if not is_locked(folder):  # it cannot be locked, or was unlocked a moment ago
                refusals += 1
            if refusals >= MOST_REFUSALS:
                return True
            if time.monotonic() > until_s and _is_taken_over(folder, run):
                return False
            time.sleep(LOOK_S)
        else:
            return not _is_taken_over(folder, run)


def _is_taken_over(folder: Path, run: LeftRun) -> bool:
    """Whether another process resumed the run or made its rig safe since."""
    try:
        since = run.loaded.examined
        with Journal(folder / FILE_NAME, read_only=True, since=since) as journal:
            for event in journal.events(Resumed, SafeStateSought, after=run.newest):
                data = event.data
                if isinstance(data, Resumed) or (data.reached and data.by == "flowrig safe"):
                    return True
    except FlowrigError:
        pass
    return False


def _end(engine: int, messages: "SimpleQueue[bytes]") -> None:
    """End a process that hangs, and wait until it has released its ports."""
    with suppress(OSError):
        os.kill(engine, getattr(signal, "SIGKILL", signal.SIGTERM))
    until_s = time.monotonic() + KILL_S
    with suppress(Empty):
        while messages.get(timeout=max(until_s - time.monotonic(), 0.0)):
            pass


def _listen(messages: "SimpleQueue[bytes]") -> None:
    """Put every line of the standard input in the queue, then what is left at its end.

    `os.read` holds no lock while it waits, as a buffered reader does: a program whose thread holds
    that lock at its end is aborted.
    """
    heard = b""
    with suppress(OSError):
        while data := os.read(STDIN, CHUNK):
            *lines, heard = (heard + data).split(b"\n")
            for line in lines:
                messages.put(line + b"\n")
    if heard:
        messages.put(heard)
    messages.put(b"")


def _answer(message: bytes) -> None:
    """Answer the run; one that has ended meanwhile leaves the rig to the watchdog."""
    with suppress(OSError, ValueError):
        sys.stdout.buffer.write(message)
        sys.stdout.buffer.flush()


def _report(folder: Path, text: str) -> None:
    """Report in a file, and on the terminal if there is one."""
    line = f"{datetime.now(UTC).isoformat(timespec='seconds')} {visible(text)}\n"
    with suppress(OSError), (folder / NOTE_NAME).open("a", encoding="utf-8") as file:
        file.write(line)
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(f"watchdog: {line}")
        sys.stderr.flush()


def _ignore_signals() -> None:
    """A signal that ends the run must not end its watchdog."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)


if __name__ == "__main__":
    try:
        sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
    except FlowrigError as failure:
        sys.exit(f"watchdog: {failure}")
