"""The processes of a trial: the emulated rig, flowrig's commands, and the watchdogs behind them."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from hardware import Hardware

__all__ = ["Command", "RigProcess", "wait_until", "watchdogs_of"]

POLL_S = 0.1


def wait_until(is_so: Callable[[], object], at_most_s: float) -> bool:
    """Wait until something is so; returns whether it became so in time."""
    until_s = time.monotonic() + at_most_s
    while time.monotonic() < until_s:
        if is_so():
            return True
        time.sleep(POLL_S)
    return bool(is_so())


class RigProcess:
    """The emulated rig.

    Args:
        profile: path of the profile.
        folder: a folder for its log.
    """

    def __init__(self, profile: Path, folder: Path) -> None:
        self._log = folder / "hardware.jsonl"
        script = Path(__file__).with_name("hot_rig.py")
        self._process = subprocess.Popen(
            [sys.executable, script, profile, self._log],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=(folder / "rig.txt").open("wb"),
            text=True,
            encoding="utf-8",
        )
        assert self._process.stdout is not None
        first = self._process.stdout.readline()
        if not first:
            raise RuntimeError((folder / "rig.txt").read_text("utf-8"))
        self.addresses: dict[str, str] = json.loads(first)

    @property
    def hardware(self) -> Hardware:
        """What the hardware has done until now."""
        return Hardware.of(self._log)

    def order(self, do: str, **more: Any) -> float:
        """Plan a fault; returns the time [s] at which it was planned."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, **more}) + "\n")
        self._process.stdin.flush()
        return float(json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        """End the rig."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        try:
            self._process.wait(30)
        except subprocess.TimeoutExpired:
            self._process.kill()


class Command:
    """A command of flowrig in a process of its own; its terminal is a file.

    Args:
        arguments: of the command line.
        terminal: the file.
    """

    def __init__(self, *arguments: object, terminal: Path) -> None:
        self._terminal = terminal
        with terminal.open("ab") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "flowrig", *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
            )

    @property
    def text(self) -> str:
        """All that it printed, and what its watchdog printed."""
        return self._terminal.read_text("utf-8", errors="replace")

    def signal(self, name: str) -> None:
        """Send a signal by its name; it is skipped where the system does not have it."""
        if hasattr(signal, name):
            os.kill(self.process.pid, getattr(signal, name))

    def wait(self, at_most_s: float) -> int | None:
        """Its exit code; None if it does not end in time."""
        try:
            return self.process.wait(at_most_s)
        except subprocess.TimeoutExpired:
            return None


def watchdogs_of(folder: Path) -> list[int]:
    """Process numbers of the watchdogs of a run; none on a system without /proc."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
            is_zombie = (entry / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except OSError:
            continue
        if b"flowrig.run.watchdog" in words and str(folder).encode() in words and not is_zombie:
            found.append(int(entry.name))
    return found
