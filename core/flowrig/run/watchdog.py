"""The watchdog of a run, a process of its own: if the run dies or hangs, it makes the rig safe.

    python -m flowrig.run.watchdog FOLDER PID LEASE_S

The run starts it and sends it messages through its standard input. It connects only to the
instruments of the run's own profile. It is no substitute for a hardware over-temperature cut-off:
without power the computer runs no watchdog.
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

from attrs import frozen

from flowrig.clock import Clock, RealClock
from flowrig.errors import FlowrigError, InputError
from flowrig.journal.events import Ended
from flowrig.measurement.light_check import LightReferences
from flowrig.run.lease import GOODBYE, READY, RENEW
from flowrig.run.make_safe import RescueJournal
from flowrig.run_record.lock import locked
from flowrig.run_record.reader import LoadedRun, RunRecord
from flowrig.run_record.rig_of import missing_drivers, rig_of
from flowrig.safety.safe_state import SafeState
from flowrig.safety.syringes import SyringeLedger

__all__ = ["NOTE_NAME", "End", "make_safe", "watch"]

NOTE_NAME = "safe-state.txt"
"""File in the run's folder in which the watchdog reports its actions."""

KILL_S = 10.0
"""Longest wait [s] for the pipe of a killed process to close."""

LOCK_S = 20.0
"""Longest wait [s] for a run that has ended to unlock its folder."""


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
        loaded, ledger, newest = record.loaded, record.ledger(), record.journal.last()
    messages: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_listen, args=(messages,), daemon=True).start()
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()
    begin_s = 0.0 if newest is None else newest.time_s
    end = watch(messages, engine, lease_s, RealClock(begin_s))
    if end is None:
        return 0
    safe = make_safe(folder, loaded, ledger, end)
    return 4 if safe is None or not safe.reached else 1


@frozen
class End:
    """How a run ended without a goodbye.

    Attributes:
        why: the reason, in words.
        clock: continues the run's clock from its last message on.
    """

    why: str
    clock: Clock


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
    while True:
        try:
            message = messages.get(timeout=lease_s)
        except Empty:
            _end(engine, messages)
            return End(f"the run was silent for {lease_s:g} s, and was ended", clock)
        if message == GOODBYE:
            return None
        if not message.endswith(b"\n"):  # the pipe closed, or the run died while it wrote
            return End("the run ended without a goodbye", clock)
        clock = RealClock(float(message.removeprefix(RENEW)))


def make_safe(folder: Path, loaded: LoadedRun, ledger: SyringeLedger, end: End) -> SafeState | None:
    """Bring the rig of a run to its safe state; journal, file and terminal report the result.

    Args:
        folder: the run's folder.
        loaded: the run as it was when the watchdog started.
        ledger: the syringes as they were then, in case the journal cannot be read.
        end: how the run ended.

    Returns:
        which steps were confirmed; None if another process runs the folder now.
    """
    why = end.why
    _report(folder, f"{why}; the watchdog brings the rig to its safe state")
    with ExitStack() as stack:
        try:
            _lock(stack, folder)
        except InputError as error:
            _report(folder, f"{why}; {error}, so the watchdog leaves the rig alone")
            return None
        references: LightReferences = {}
        with suppress(FlowrigError), RunRecord(folder, loaded=loaded) as record:
            ledger, references, loaded = record.ledger(), record.lights(), record.loaded
        journal = stack.enter_context(RescueJournal.of(folder, end.clock, loaded.examined))
        safe = journal.reach(loaded.profile, ledger, references, f"{why}; this is the watchdog")
        text = f"{why}; {safe}"
        journal.safe_state(safe, text, "watchdog")
        journal.write(Ended(state="failed" if safe.reached else "unknown", reason=text))
    _report(folder, text)
    return safe


def _lock(stack: ExitStack, folder: Path) -> None:
    """Lock the run's folder; the lock of a process that has just died ends in a moment."""
    until_s = time.monotonic() + LOCK_S
    while True:
        try:
            stack.enter_context(locked(folder))
        except InputError:
            if time.monotonic() > until_s:
                raise
        else:
            return


def _end(engine: int, messages: "SimpleQueue[bytes]") -> None:
    """End a process that hangs, and wait until it has released its ports."""
    with suppress(OSError):
        os.kill(engine, getattr(signal, "SIGKILL", signal.SIGTERM))
    until_s = time.monotonic() + KILL_S
    with suppress(Empty):
        while messages.get(timeout=max(until_s - time.monotonic(), 0.0)):
            pass


def _listen(messages: "SimpleQueue[bytes]") -> None:
    for line in sys.stdin.buffer:
        messages.put(line)
    messages.put(b"")


def _report(folder: Path, text: str) -> None:
    """Report in a file, and on the terminal if there is one."""
    line = f"{datetime.now(UTC).isoformat(timespec='seconds')} {text}\n"
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
