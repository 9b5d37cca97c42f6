"""The watchdog of a run, a process of its own: if the run dies or hangs, it makes the rig safe.

    python -m flowrig.run.watchdog FOLDER PID LEASE_S

It is started by the run, listens to it on its standard input, and reaches nothing but the
instruments of the run's own profile. It is no substitute for a hardware over-temperature cut-off: a
computer without power has no watchdog.
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
from flowrig.plugins.registry import Plugins
from flowrig.profile import Profile
from flowrig.run.lease import GOODBYE, READY, RENEW
from flowrig.run.make_safe import LastWords
from flowrig.run_record.lock import locked
from flowrig.run_record.reader import RunRecord
from flowrig.safety.safe_state import SafeState
from flowrig.safety.syringes import SyringeLedger

__all__ = ["NOTE_NAME", "End", "make_safe", "watch"]

NOTE_NAME = "safe-state.txt"
"""What a person finds in the run's folder."""

KILL_S = 10.0
"""Longest time [s] until a process that was ended lets go of its pipe."""

LOCK_S = 20.0
"""Longest time [s] until a run that has ended lets go of its folder."""


def main(folder: Path, engine: int, lease_s: float) -> int:
    """Watch one run.

    Args:
        folder: the run's folder.
        engine: process number of the run.
        lease_s: how long [s] it may be silent.

    Returns:
        0 if the run said goodbye, 1 if the rig was brought to its safe state, 4 if what became of
        it is not known.
    """
    _ignore_signals()
    plugins = Plugins.discover()
    with RunRecord(folder, plugins) as record:
        profile, ledger, newest = record.profile, record.ledger(), record.journal.last()
    for device in profile.devices.values():
        device.offer.load()
    words: SimpleQueue[bytes] = SimpleQueue()
    threading.Thread(target=_listen, args=(words,), daemon=True).start()
    sys.stdout.buffer.write(READY)
    sys.stdout.buffer.flush()
    begin_s = 0.0 if newest is None else newest.time_s
    end = watch(words, engine, lease_s, RealClock(begin_s))
    if end is None:
        return 0
    safe = make_safe(folder, profile, ledger, plugins, end)
    return 4 if safe is None or not safe.reached else 1


@frozen
class End:
    """How a run ended that said no goodbye.

    Attributes:
        why: in words.
        clock: goes on where the run's clock was when it was last heard of.
    """

    why: str
    clock: Clock


def watch(words: "SimpleQueue[bytes]", engine: int, lease_s: float, clock: Clock) -> End | None:
    """Wait until the run ends, in whatever way.

    Args:
        words: what the run says, line by line; nothing at all when its pipe has closed.
        engine: process number of the run; it is ended if it hangs.
        lease_s: how long [s] it may be silent.
        clock: what the run's clock was when it began.

    Returns:
        None after a goodbye, else why the rig has to be brought to its safe state.
    """
    while True:
        try:
            word = words.get(timeout=lease_s)
        except Empty:
            _end(engine, words)
            return End(f"the run was silent for {lease_s:g} s, and was ended", clock)
        if word == GOODBYE:
            return None
        if not word.endswith(b"\n"):  # nothing, or what was said in the moment of its death
            return End("the run ended without a goodbye", clock)
        clock = RealClock(float(word.removeprefix(RENEW)))


def make_safe(
    folder: Path, profile: Profile, ledger: SyringeLedger, plugins: Plugins, end: End
) -> SafeState | None:
    """Bring the rig of a run to its safe state; journal, file and terminal tell what came of it.

    Args:
        folder: the run's folder.
        profile: the rig.
        ledger: the syringes as they were when the run began, should the journal not be readable.
        plugins: what is installed.
        end: how the run ended.

    Returns:
        what was confirmed; None if somebody else runs the folder by now.
    """
    why = end.why
    _tell(folder, f"{why}; the watchdog brings the rig to its safe state")
    with ExitStack() as stack:
        try:
            _lock(stack, folder)
        except InputError as error:
            _tell(folder, f"{why}; {error}, so the watchdog leaves the rig alone")
            return None
        references: LightReferences = {}
        with suppress(FlowrigError), RunRecord(folder, plugins) as record:
            ledger, references = record.ledger(), record.lights()
        words = stack.enter_context(LastWords.of(folder, end.clock))
        safe = words.reach(profile, ledger, references, f"{why}; this is the watchdog")
        text = f"{why}; {safe}"
        words.safe_state(safe, text, "watchdog")
        words.write(Ended(state="failed" if safe.reached else "unknown", reason=text))
    _tell(folder, text)
    return safe


def _lock(stack: ExitStack, folder: Path) -> None:
    """Take the run's folder over; who has just died lets go of it in a moment."""
    until_s = time.monotonic() + LOCK_S
    while True:
        try:
            stack.enter_context(locked(folder))
        except InputError:
            if time.monotonic() > until_s:
                raise
        else:
            return


def _end(engine: int, words: "SimpleQueue[bytes]") -> None:
    """End a process that hangs, and wait until it has let go of its ports."""
    with suppress(OSError):
        os.kill(engine, getattr(signal, "SIGKILL", signal.SIGTERM))
    until_s = time.monotonic() + KILL_S
    with suppress(Empty):
        while words.get(timeout=max(until_s - time.monotonic(), 0.0)):
            pass


def _listen(words: "SimpleQueue[bytes]") -> None:
    for line in sys.stdin.buffer:
        words.put(line)
    words.put(b"")


def _tell(folder: Path, text: str) -> None:
    """In a file and on the terminal, where there is one."""
    line = f"{datetime.now(UTC).isoformat(timespec='seconds')} {text}\n"
    with suppress(OSError), (folder / NOTE_NAME).open("a", encoding="utf-8") as file:
        file.write(line)
    with suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(f"watchdog: {line}")
        sys.stderr.flush()


def _ignore_signals() -> None:
    """What ends the run must not end what watches it."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)


if __name__ == "__main__":
    try:
        sys.exit(main(Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])))
    except FlowrigError as failure:
        sys.exit(f"watchdog: {failure}")
