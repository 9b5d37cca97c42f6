"""A bench: one driver, the emulator that it talks to, a tap between them, and what really moves."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from copy import deepcopy
from types import TracebackType
from typing import Any, ClassVar, Final, Generic, Self, TypeVar

from attrs import evolve

from flowrig.clock import Clock, VirtualClock
from flowrig.emulation import (
    BenchWorld,
    Detector,
    Emulator,
    EmulatorContext,
    Plate,
    Plunger,
)
from flowrig.errors import DeviceError
from flowrig.interfaces import Device, DeviceSettings, Heater, Pump, Spectrometer, Syringe
from flowrig.testing.bench.tap import Tap
from flowrig.testing.conformance.checks import finish, require

__all__ = ["MORE_PATIENCE", "BaseBench", "Bench", "HeaterBench", "PumpBench", "SpectrometerBench"]

D = TypeVar("D", bound=Device)
T = TypeVar("T")

NAME: Final = "bench"

MORE_PATIENCE: Final = 3.0
"""How many times longer deadlines are when a check is made again on a late machine."""


class BaseBench(ABC, Generic[D]):
    """Drivers for one instrument, and calls on them that must come to an end.

    Args:
        clock: of the drivers.
        settings: of the drivers.
        patience_s: longest wait [s], real time, for a call; after it the driver counts as hanging.

    Attributes:
        overdue: whether a call took as long as the driver's deadline, or longer.
        is_live: whether the instrument is a real one: what it does, only it can tell.
        may_act: whether it may be moved, heated or lit.
        pause_s: how long [s] a check lets time pass.
        clock: of the drivers.
        driver: the driver under test, closed at first.
    """

    is_live: ClassVar[bool] = False
    may_act: bool = True
    pause_s: ClassVar[float] = 10.0
    driver: D

    def __init__(self, clock: Clock, settings: DeviceSettings, patience_s: float) -> None:
        self.clock = clock
        self.overdue = False
        self._settings = settings
        self._patience_s = patience_s
        self._drivers: list[D] = []

    def begin_anew(self) -> bool:
        """Start over with longer deadlines; returns False where that is not possible."""
        return False

    def another_driver(self) -> D:
        """A further driver for the same address, closed; the bench closes it in the end."""
        driver = self._make_driver()
        self._drivers.append(driver)
        return driver

    @abstractmethod
    def _make_driver(self) -> D:
        """A closed driver for the instrument of this bench."""

    def open(self, driver: D | None = None) -> D:
        """Open a driver, by default the one under test."""
        driver = driver or self.driver
        self.call(driver.open)
        return driver

    def reopen(self) -> D:
        """Close and open the driver under test, as one does after an error."""
        self.call(self.driver.close)
        return self.open()

    def call(self, function: Callable[[], T]) -> T:
        """What a call on a sound wire returns.

        Raises:
            AssertionError: it raises something, or does not come to an end.
        """
        outcome = self.attempt(function)
        if isinstance(outcome, Exception):
            raise AssertionError(
                f"on a sound wire the driver raised {type(outcome).__name__}: {outcome}; compare "
                "the emulator with the driver, and look at what is left of an earlier failure"
            ) from outcome
        return outcome

    def attempt(self, function: Callable[[], T]) -> T | Exception:
        """What a call returns or raises; it must come to an end.

        Raises:
            AssertionError: it did not.
        """
        outcomes: list[T | Exception] = self.attempt_together(function)
        return outcomes[0]

    def attempt_together(self, *functions: Callable[[], Any]) -> list[Any]:
        """What calls that are made side by side return or raise."""
        began_s = time.monotonic()
        try:
            return finish(self.clock, self._patience_s, *functions)
        finally:
            self.overdue |= time.monotonic() - began_s >= self._settings.deadline_s

    def attempt_despite_a_fault(self, function: Callable[[], T], what: str) -> T | DeviceError:
        """What a call returns while something is wrong, or how it says so.

        Args:
            function: the call.
            what: how messages name it.

        Raises:
            AssertionError: it hangs, or lets an exception out that is no `DeviceError`.
        """
        outcome = self.attempt(function)
        if isinstance(outcome, Exception) and not isinstance(outcome, DeviceError):
            raise AssertionError(
                f"{what} let a {type(outcome).__name__} out ({outcome}); catch what the link and "
                "the parser can raise, and raise self._fault(ConnectionLostError, …) or "
                "self._fault(ProtocolError, …) instead"
            ) from outcome
        return outcome


class Bench(BaseBench[D]):
    """A closed driver in front of a running emulator; a context manager.

    Args:
        driver: the driver's class.
        emulator: the class of the emulator that speaks its protocol, or what makes one. It hands
            its protocol cores to a front through `context.tap`.
        settings: the driver's settings; the emulator's address takes the place of theirs. A short
            deadline keeps the checks quick: 0.5 s is enough for an emulator.
        patience_s: longest wait [s], real time, for a call; after it the driver counts as hanging.

    Attributes:
        tap: the wire.
        clock: virtual time, of the driver and of what really moves.
        world: what really moves.
        driver: the driver under test, closed at first.
    """

    def __init__(
        self,
        driver: Callable[[str, Any, Clock], D],
        emulator: Callable[[EmulatorContext], Emulator],
        settings: DeviceSettings,
        *,
        patience_s: float = 20.0,
    ) -> None:
        super().__init__(VirtualClock(), settings, patience_s)
        self._new_driver = driver
        self._new_emulator = emulator
        self._set_up()

    def _set_up(self) -> None:
        """Make the world and the wire."""
        self.tap = Tap(self.clock)
        self.world = BenchWorld(Plunger(self.clock), Plate(self.clock), Detector())

    def begin_anew(self) -> bool:
        """Start over in a new world, with longer deadlines."""
        self.__exit__(None, None, None)
        self.clock = VirtualClock()
        self.overdue = False
        self._drivers.clear()
        self._patience_s *= MORE_PATIENCE
        self._settings = evolve(
            self._settings, deadline_s=MORE_PATIENCE * self._settings.deadline_s
        )
        self._set_up()
        self.__enter__()
        return True

    def __enter__(self) -> Self:
        context = EmulatorContext(NAME, self._settings, self.world, self.clock, self.tap.wrap)
        self._emulator = self._new_emulator(context)
        self._served = self._emulator.serve()
        self.driver = self.another_driver()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for driver in self._drivers:
            driver.close()
        self._emulator.stop()

    def open(self, driver: D | None = None) -> D:
        """Open a driver, by default the one under test, and make sure that the tap hears it."""
        driver = super().open(driver)
        require(
            self.tap.cores,
            "the bench hears nothing on the wire: in the emulator, hand every protocol core to its "
            "front through the tap, as in serial_front(context.tap(core))",
        )
        return driver

    def _make_driver(self) -> D:
        return self._new_driver(NAME, self._served, self.clock)


class PumpBench(Bench[Pump]):
    """A bench with a pump on it.

    Args:
        driver: see `Bench`.
        emulator: see `Bench`.
        settings: see `Bench`.
        syringe: the syringe that really is on the pump.
        patience_s: see `Bench`.
    """

    def __init__(
        self,
        driver: Callable[[str, Any, Clock], Pump],
        emulator: Callable[[EmulatorContext], Emulator],
        settings: DeviceSettings,
        *,
        syringe: Syringe = Syringe(volume_ul=10_000.0, inner_diameter_mm=14.567),  # noqa: B008
        patience_s: float = 20.0,
    ) -> None:
        self.syringe = syringe
        super().__init__(driver, emulator, settings, patience_s=patience_s)

    def _set_up(self) -> None:
        super()._set_up()
        self.plunger.inner_diameter_mm = self.syringe.inner_diameter_mm

    @property
    def plunger(self) -> Plunger:
        """What the pump moves."""
        return self.world.plunger


class HeaterBench(Bench[Heater]):
    """A bench with a heater on it; see `Bench`."""

    @property
    def plate(self) -> Plate:
        """What the heater heats."""
        return self.world.plate


class SpectrometerBench(Bench[Spectrometer]):
    """A bench with a spectrometer on it; see `Bench`.

    Args:
        driver: see `Bench`.
        emulator: see `Bench`.
        settings: see `Bench`.
        detector: what the spectrometer sees; by default one of 2068 pixels.
        patience_s: see `Bench`.
    """

    def __init__(
        self,
        driver: Callable[[str, Any, Clock], Spectrometer],
        emulator: Callable[[EmulatorContext], Emulator],
        settings: DeviceSettings,
        *,
        detector: Detector | None = None,
        patience_s: float = 20.0,
    ) -> None:
        self._detector = detector or Detector()
        super().__init__(driver, emulator, settings, patience_s=patience_s)

    def _set_up(self) -> None:
        super()._set_up()
        self.world.detector, self._detector = self._detector, deepcopy(self._detector)

    @property
    def detector(self) -> Detector:
        """What the spectrometer sees."""
        return self.world.detector
