"""The fake program with its folder: files in, files out, and what can go wrong with them."""

import contextlib
import tempfile
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from flowrig.clock import Clock
from flowrig.emulation import Burst, DeviceFault, EmulatorContext, HangUp, ProtocolCore
from flowrig_dropfolder.emulator.cores import Frames, Machines
from flowrig_dropfolder.layout import ASK, COMMANDS, STATUS, TEMPERATURE
from flowrig_dropfolder.settings import CommandSettings, FolderSettings
from flowrig_dropfolder.share import serve_here

__all__ = ["Program", "program_of"]

BACK_S: Final = 0.3
"""Time [s, real time] after which a share that broke once is back."""

SPECTRA: Final = ("Abs", "PL")
"""Words in the published names of files with frames."""

SEEN_NM: Final = (200.0, 1100.0)
"""Wavelengths [nm] of the first and of the last pixel of the spectrometers of a whole program."""

LOOK_S: Final = 0.02
"""Interval [s, real time] at which the program looks into its folder."""


class _Loop:
    """One loop of the program, with wires in front of its core.

    Devices that share a file have a wire each: what a driver of this process writes goes over its
    own. Of a file in a real folder nobody knows who wrote it, so that it goes over all of them.
    """

    def __init__(self, core: Machines | Frames, files: tuple[str, ...]) -> None:
        self.core = core
        self.files = files
        self.seen: dict[str, bytes] = {}
        self._all: ProtocolCore = core
        self._wires: dict[str, ProtocolCore] = {}

    def add(self, context: EmulatorContext) -> None:
        """Put the wire of a device in front of the core."""
        mine = self._wires[context.device] = context.tap(self.core)
        self._all = mine if len(self._wires) == 1 else context.wire().wrap(self._all)

    def feed(self, data: bytes, device: str) -> bytes:
        """Pass what a device has written to the core; the device may be unknown."""
        return self._wires.get(device, self._all).feed(data)


class Program:
    """A program that watches a folder, in front of the bodies of emulated instruments.

    Args:
        folder: where it makes its folder; None for a temporary one.
        clock: the run's clock. On the virtual clock the program looks when a driver of this process
            waits for it; on the real one in a thread of its own.
    """

    def __init__(self, folder: Path | None, clock: Clock) -> None:
        self._temporary = tempfile.TemporaryDirectory(prefix="flowrig-") if folder is None else None
        self.folder = folder or Path(self._temporary.name) / "drop"  # type: ignore[union-attr]
        self.folder.mkdir(exist_ok=True)
        self.clock = clock
        self.users = 0
        self.faults = Faults(self)
        self._lock = threading.RLock()
        self._machines = Machines(clock)
        self._loops = {STATUS: _Loop(self._machines, (ASK, COMMANDS))}
        self._gone_until_s: float | None = None
        self._over = threading.Event()
        self._thread: threading.Thread | None = None
        self._end: Callable[[], None] = lambda: None

    def add_pump(self, context: EmulatorContext, column: str) -> None:
        """Put a pump behind a column."""
        with self._lock:
            self._machines.pumps[column] = context.world.pump(context.device)
            self._wire_machines(context)

    def add_heater(self, context: EmulatorContext) -> None:
        """Put a heater behind the column of the temperature."""
        with self._lock:
            self._machines.heater = context.world.heater(context.device)
            self._wire_machines(context)

    def add_spectrometer(self, context: EmulatorContext, spectra: str, pixels: int) -> None:
        """Put a spectrometer behind the files with a word in their names."""
        with self._lock:
            body = context.world.spectrometer(context.device)
            core = Frames(body, self.clock, f"Take_{spectra}.csv")
            self._loops[spectra] = _Loop(core, (core.name,))
            self._wire(spectra, context)
            self._write_wavelengths(spectra, body.wavelength_coefficients, pixels)

    def _write_wavelengths(self, spectra: str, coefficients: Sequence[float], pixels: int) -> None:
        terms = list(enumerate(coefficients))
        rows = (
            f"{sum(one * pixel**power for power, one in terms):.6f}\n" for pixel in range(pixels)
        )
        self._write(f"Wavelength_{spectra}.csv", "".join(rows).encode("ascii"))

    def add_others(self, context: EmulatorContext, pixels: int) -> None:
        """Put the bodies of a bench behind all that has none yet.

        A bench has one body of each kind, so that all pumps together move one plunger.
        """
        settings = context.settings
        columns = settings.rows.columns if isinstance(settings, CommandSettings) else ()
        for column in columns:
            if column != TEMPERATURE and column not in self._machines.pumps:
                self._machines.pumps[column] = context.world.pump(context.device)
        if columns and self._machines.heater is None:
            self._machines.heater = context.world.heater(context.device)
        for spectra in SPECTRA:
            if spectra not in self._loops:
                self.add_spectrometer(context, spectra, pixels)
                first_nm, last_nm = SEEN_NM
                self._write_wavelengths(
                    spectra, (first_nm, (last_nm - first_nm) / (pixels - 1)), pixels
                )

    def _wire_machines(self, context: EmulatorContext) -> None:
        settings = context.settings
        assert isinstance(settings, CommandSettings)
        self._machines.columns, self._machines.idle_c = settings.rows.columns, settings.idle_c
        self._wire(STATUS, context)

    def _wire(self, loop: str, context: EmulatorContext) -> None:
        self._loops[loop].add(context)

    def start(self) -> None:
        """Watch the folder."""
        self.users += 1
        if self.users > 1:
            return
        if self.clock.is_virtual:
            self._end = serve_here(str(self.folder), self)
            return
        self._over.clear()
        self._thread = threading.Thread(target=self._work, name="drop-folder", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop watching, when the last device stops."""
        self.users -= 1
        if self.users > 0:
            return
        self._end()
        self._over.set()
        if self._thread is not None:
            self._thread.join(timeout=2.0)
            self._thread = None
        self.come_back()
        if self._temporary is not None:
            self._temporary.cleanup()

    def _work(self) -> None:
        while not self._over.wait(LOOK_S):
            for loop in list(self._loops.values()):
                for file in loop.files:
                    self.wrote(file)
            self.look()

    def wrote(self, name: str, device: str = "") -> None:
        """Read a file, and answer what is new in it."""
        with self._lock:
            self._machines.watch()
            for word, loop in self._loops.items():
                if name in loop.files:
                    self._read(word, loop, name, device)

    def look(self, *, reopened: bool = False) -> None:
        """Stop what the watchdog stops, expose frames, and let a share be back."""
        with self._lock:
            gone_until_s = self._gone_until_s
            if gone_until_s is not None and (reopened or time.monotonic() >= gone_until_s):
                self.come_back()
            self._machines.watch()
            for word, loop in self._loops.items():
                if isinstance(loop.core, Frames) and loop.core.is_ready():
                    self._exchange(word, loop, b"")

    def _read(self, word: str, loop: _Loop, file: str, device: str) -> None:
        try:
            data = (self.folder / file).read_bytes()
        except OSError:
            return
        # flowrig replaces whole files, so that none is read half.
        if data != loop.seen.get(file):
            loop.seen[file] = data
            loop.core.begin()
            self._exchange(word, loop, f"{file} ".encode("ascii") + data, device)

    def _exchange(self, name: str, loop: _Loop, data: bytes, device: str = "") -> None:
        try:
            answer = loop.feed(data, device)
        except HangUp as end:
            self._answer(name, loop, end.answer)
            self.vanish(BACK_S)
            return
        if isinstance(answer, Burst):
            self._answer(name, loop, answer.parts[0])
            time.sleep(answer.pause_s)
        self._answer(name, loop, bytes(answer))

    def _answer(self, name: str, loop: _Loop, data: bytes) -> None:
        if data:
            file = name if name == STATUS else f"{name}_{loop.core.number}.csv"  # type: ignore[union-attr]
            self.faults.write(file, data)

    def write(self, name: str, data: bytes) -> None:
        """Write a file as a program does that replaces nothing: it is empty first, then whole."""
        self._write(name, data)

    def _write(self, name: str, data: bytes) -> None:
        with contextlib.suppress(OSError):  # the share is gone
            (self.folder / name).write_bytes(data)

    def vanish(self, for_s: float = float("inf")) -> None:
        """Let the share be gone for a time [s, real time], or until `come_back`."""
        with self._lock:
            self._gone_until_s = time.monotonic() + for_s
            with contextlib.suppress(OSError):
                self.folder.rename(self._elsewhere)

    def come_back(self) -> None:
        """Let the share be there again."""
        with self._lock:
            self._gone_until_s = None
            with contextlib.suppress(OSError):
                self._elsewhere.rename(self.folder)

    @property
    def _elsewhere(self) -> Path:
        return self.folder.with_name(f"{self.folder.name}.gone")


class Faults:
    """What can go wrong with the files that the program writes.

    Args:
        program: the program.
    """

    def __init__(self, program: Program) -> None:
        self._program = program
        self._on: set[str] = set()
        self._late: list[tuple[str, bytes]] = []

    def switches(self) -> Mapping[str, DeviceFault]:
        """The faults by name."""
        summaries = {
            "half-written": "the program writes its files to the middle, and stops there",
            "doubled": "every file of the program comes twice, the second one as a copy",
            "missing": "the program obeys, and writes no file",
            "late-files": "every file of the program comes with the next one, too late",
        }
        switches = {
            name: DeviceFault(text, lambda on, name=name: self._switch(name, on))  # type: ignore[misc]
            for name, text in summaries.items()
        }
        gone = DeviceFault("the shared folder is gone", self._go)
        return {**switches, "share-gone": gone}

    def write(self, name: str, data: bytes) -> None:
        """Write a file, with the faults that are on."""
        if "missing" in self._on:
            return
        if "half-written" in self._on:
            data = data[: len(data) // 2]
        if "late-files" in self._on:
            due, self._late = self._late, [(name, data)]
        else:
            due, self._late = [*self._late, (name, data)], []
        for one, content in due:
            self._program.write(one, content)
            if "doubled" in self._on:
                copy = Path(one)
                self._program.write(f"{copy.stem} - Copy{copy.suffix}", content)

    def _switch(self, name: str, on: bool) -> None:
        (self._on.add if on else self._on.discard)(name)

    def _go(self, on: bool) -> None:
        if on:
            self._program.vanish()
        else:
            self._program.come_back()


_programs: dict[tuple[int, str], Program] = {}
_lock = threading.Lock()


def program_of(context: EmulatorContext, folder: Path | None) -> tuple[Program, Callable[[], None]]:
    """The program that all devices of a rig with one address share.

    Args:
        context: of one of them.
        folder: where the program makes its folder; None for a temporary one.

    Returns:
        the program, and a function that forgets it.
    """
    settings = context.settings
    assert isinstance(settings, FolderSettings)
    key = (id(context.clock), settings.address)
    with _lock:
        program = _programs.get(key)
        if program is None:
            program = _programs[key] = Program(folder, context.clock)
    found = program

    def forget() -> None:
        with _lock:
            if _programs.get(key) is found:
                del _programs[key]

    return found, forget
