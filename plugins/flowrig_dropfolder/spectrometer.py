"""Driver for a spectrometer that a program of the lab reads, behind a drop folder."""

import contextlib
import re
import threading
import time
import warnings
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from flowrig.clock import Clock
from flowrig.errors import (
    ConnectionLostError,
    FlowrigWarning,
    NotReadyError,
    ProtocolError,
    RefusedError,
    UnknownOutcomeError,
    UnsupportedError,
)
from flowrig.interfaces import Identity, Spectrometer, SpectrometerLimits, SpectrometerReadBack
from flowrig_dropfolder.commands import STABLE_S, last_number
from flowrig_dropfolder.frames import frames_of, head_of, wavelengths_of
from flowrig_dropfolder.layout import BadRow, Taken, row_of
from flowrig_dropfolder.settings import SpectrometerSettings
from flowrig_dropfolder.share import POLL_S, Share

__all__ = ["DropFolderSpectrometer"]

T = TypeVar("T")

KEEP: Final = -1
"""Number for a light that shall stay as it is."""


class DropFolderSpectrometer(Spectrometer):
    """A spectrometer behind a drop folder.

    `Take_Abs.csv` has the number of a take, and `Abs_17.csv` is the answer to take 17: a first row
    with what was set, then one row for each pixel with all frames. A take without frames only asks
    or sets.

    Args:
        name: the device's name in the rig profile.
        settings: folder, names of the files, light and limits.
        clock: gives the times of frames.
    """

    settings: SpectrometerSettings

    def __init__(
        self, name: str, settings: SpectrometerSettings, clock: Clock | None = None
    ) -> None:
        super().__init__(name, settings, clock)
        self._share = Share(settings.address, settings.deadline_s)
        self._integration_time_us = settings.integration_time_us
        self._wavelengths_nm: NDArray[np.float64] | None = None
        self._number = 0
        self._read: set[str] = set()
        self._open: set[int] = set()
        self._before: set[str] = set()
        self._told: set[str] = set()
        self._lock = threading.Lock()
        # An order replaces one that the program has not read yet. On the virtual clock it reads at
        # once, and a lock that is held while time passes would stop the clock.
        self._turn: AbstractContextManager[object] = (
            contextlib.nullcontext() if self.clock.is_virtual else threading.Lock()
        )

    @property
    def controls_light(self) -> bool:
        """Whether the program opens and shuts the light."""
        return self.settings.light == "program"

    def _do_open(self) -> None:
        self._share.connect()
        self._wavelengths_nm = None
        with self._lock:
            self._number = max(self._number, *self._numbers())

    def _do_close(self) -> None:
        """A folder needs not be closed."""

    def _do_identify(self) -> Identity:
        self._asked()
        return Identity("program of the lab", f"drop folder, spectra {self.settings.spectra}")

    def _do_limits(self) -> SpectrometerLimits:
        settings = self.settings
        return SpectrometerLimits(
            settings.integration_time_min_us,
            settings.integration_time_max_us,
            settings.saturation_counts,
        )

    def _do_wavelengths_nm(self) -> NDArray[np.float64]:
        if self._wavelengths_nm is None:
            name = f"Wavelength_{self.settings.spectra}.csv"
            self._wavelengths_nm = self._wait_for(name, wavelengths_of, is_answer=False)
        return self._wavelengths_nm

    def _do_set_integration_time(self, integration_time_us: int) -> None:
        self._integration_time_us = integration_time_us

    def _do_integration_time_us(self) -> int:
        return self._integration_time_us

    def _do_set_light(self, on: bool) -> None:
        if not self.controls_light:
            raise UnsupportedError(f"{self.name}: its program opens and shuts no light")
        try:
            found = self._set(int(on)).light
        except (ConnectionLostError, ProtocolError) as error:
            raise self._fault(
                UnknownOutcomeError,
                f"the program did not confirm it: {error.message}",
                error.command,
            ) from error
        if found != int(on):
            raise self._fault(
                RefusedError,
                f"the light was told {int(on)}, and the program reports {found}",
            )

    def _do_read_back(self) -> SpectrometerReadBack:
        found = self._asked()
        lights = {0: False, 1: True} if self.controls_light else {}
        return SpectrometerReadBack(
            time_s=self.clock.now_s(),
            integration_time_us=found.integration_time_us,
            is_light_on=lights.get(found.light),
        )

    def _do_acquire_frame(self) -> NDArray[np.uint16]:
        frame: NDArray[np.uint16] = self._do_acquire_series(1, 0.0)[0]
        return frame

    def _do_acquire_series(self, count: int, period_s: float) -> NDArray[np.uint16]:
        with self._turn:
            return self._series_now(count, period_s)

    def _series_now(self, count: int, period_s: float) -> NDArray[np.uint16]:
        pixels = len(self._do_wavelengths_nm())
        number = self._order(count, period_s)
        try:
            frames = self._taken(number, count, period_s, pixels)
        except NotReadyError:  # abandoned: nobody waits for its file
            self._read.add(self._answer(number))
            raise
        finally:
            self._open.discard(number)
        self._finished(number, keep=self.settings.keep)
        return frames

    def _taken(self, number: int, count: int, period_s: float, pixels: int) -> NDArray[np.uint16]:
        """The frames of a take that was ordered now."""
        start_s = self.clock.now_s()
        period_s = max(period_s, self._integration_time_us * 1e-6)
        for index in range(count):
            self._wait_until(start_s + (index + 1) * period_s)
            self._share.look()  # an emulated program exposes its next frame now

        def whole(data: bytes) -> NDArray[np.uint16] | None:
            head = self._own(head_of(data), number)
            if head is None:
                return None
            if head.frames != count:
                raise BadRow(f"it has {head.frames} frames where {count} were asked for")
            if head.integration_time_us != self._integration_time_us:
                raise BadRow(
                    f"its frames were exposed for {head.integration_time_us} µs, and "
                    f"{self._integration_time_us} µs were asked for"
                )
            return frames_of(data, count, pixels)

        return self._wait_for(self._answer(number), whole)

    def _do_send_safe_action(self) -> None:
        if not self.controls_light:
            raise UnsupportedError(f"{self.name}: its program opens and shuts no light")
        with self._lock:
            self._number = max(self._number, *self._numbers())
        self._open.discard(self._order(0, 0.0, light=0))

    def _asked(self) -> Taken:
        """Ask what is set, when no other thread waits for an answer."""
        with self._turn:
            return self._set(KEEP)

    def _set(self, light: int) -> Taken:
        """Set integration time and light, and return what the program reports.

        A light is switched at once: frames that are taken meanwhile are given up.
        """
        number = self._order(0, 0.0, light)
        try:
            found = self._wait_for(
                self._answer(number), lambda data: self._own(head_of(data), number)
            )
        finally:
            self._open.discard(number)
        self._finished(number, keep=False)
        return found

    def _order(self, frames: int, period_s: float, light: int = KEEP) -> int:
        """Write the order of a take; returns its number."""
        settings = self.settings
        name = f"Take_{settings.spectra}.csv"
        with self._lock:
            self._number += 1
            number = self._number
            self._open.add(number)
            row = row_of([number, frames, period_s, self._integration_time_us, light])
            self.wire.sent(f"{name} ".encode("ascii") + row)
            try:
                self._share.write(name, row, self.name)
            except OSError as error:
                raise self._fault(
                    ConnectionLostError, str(error), f"{name}: {row.decode('ascii').strip()}"
                ) from error
        return number

    def _own(self, head: Taken | None, number: int) -> Taken | None:
        if head is not None and head.number != number:
            raise BadRow(f"its first row is about take {head.number}")
        return head

    def _wait_for(
        self, name: str, parse: Callable[[bytes], T | None], *, is_answer: bool = True
    ) -> T:
        """Wait until a file is written to its end, and return what it says."""
        end_s = time.monotonic() + self.settings.deadline_s
        seen: bytes | None = None
        reason, stable_s = "", 0.0
        while True:
            self._share.look()
            try:
                data = self._share.read(name)
            except OSError as error:
                raise self._fault(ConnectionLostError, str(error)) from error
            now_s = time.monotonic()
            if data is not None and data != seen:
                seen, stable_s = data, now_s + STABLE_S
                reason = ""
                try:
                    found = parse(data)
                except BadRow as wrong:
                    found, reason = None, str(wrong)
                if found is not None:
                    if is_answer:
                        self.wire.received(data)
                        self._tell_others(name)
                    return found
            if seen is not None and reason and now_s >= stable_s:
                self.wire.received(seen)
                raise self._fault(ProtocolError, f"{name}: {reason}; it is not used")
            if now_s >= end_s:
                what = "there is no such file" if seen is None else "it is not written to its end"
                raise self._fault(
                    ConnectionLostError,
                    f"{name}: {what} after {self.settings.deadline_s:g} s{self._others(name)}",
                )
            time.sleep(POLL_S)

    def _finished(self, number: int, *, keep: bool) -> None:
        """Note that an answer was read; its number is never asked for again."""
        name = self._answer(number)
        self._read.add(name)
        if not keep:
            self._share.remove(name)

    def _answer(self, number: int) -> str:
        return f"{self.settings.spectra}_{number}.csv"

    def _others(self, name: str) -> str:
        """Files of its spectra that nobody has asked for, as the end of a message."""
        try:
            found = self._strangers(name)
        except OSError:
            return ""
        return f"; not used: {', '.join(found)}" if found else ""

    def _tell_others(self, name: str) -> None:
        """Warn once of each file that came late, twice, or under another name."""
        try:
            found = [one for one in self._strangers(name) if one not in self._told]
        except OSError:
            return
        self._told.update(found)
        if found:
            text = f"{self.name}: files that answer no open question are in the folder and are not "
            # Where warnings are errors, the frames must not be lost for it.
            with contextlib.suppress(FlowrigWarning):
                warnings.warn(f"{text}used: {', '.join(found)}", FlowrigWarning, stacklevel=2)

    def _strangers(self, name: str) -> list[str]:
        known = {name, *self._read, *self._before, *map(self._answer, self._open)}
        mine = re.compile(rf"{self.settings.spectra}(?![A-Za-z0-9]).*\.csv", re.IGNORECASE)
        return [one for one in self._share.names() if mine.fullmatch(one) and one not in known]

    def _numbers(self) -> list[int]:
        """Numbers of the last order and of all answers that are in the folder."""
        prefix = f"{self.settings.spectra}_"
        names = [one for one in self._share.names() if one.startswith(self.settings.spectra)]
        self._before = {*names}
        words = [one.removeprefix(prefix).removesuffix(".csv") for one in names]
        numbers = [int(word) for word in words if word.isascii() and word.isdigit()]
        return [0, *numbers, last_number(self._share, f"Take_{self.settings.spectra}.csv", 0)]
