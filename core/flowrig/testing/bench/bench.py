"""A bench: one driver, its emulator, a tap on the wire between them, and the emulated bodies."""

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
    Place,
    Plate,
    Plunger,
    StillPlace,
)
from flowrig.emulation.bench_world import NUM_PIXELS
from flowrig.errors import DeviceError
from flowrig.interfaces import Device, DeviceSettings, Heater, Pump, Spectrometer, Syringe
from flowrig.interfaces.capabilities import Value
from flowrig.testing.bench.tap import Tap
from flowrig.testing.conformance.checks import finish, require

__all__ = [
    "MORE_PATIENCE",
    "BaseBench",
    "Bench",
    "HeaterBench",
    "KindBench",
    "PumpBench",
    "SpectrometerBench",
]

D = TypeVar("D", bound=Device)
T = TypeVar("T")

NAME: Final = "bench"

MORE_PATIENCE: Final = 3.0
"""Factor by which deadlines grow when a check is repeated on a late machine."""


class BaseBench(ABC, Generic[D]):
    """Drivers for one instrument, and calls on them that must return within a time limit.

    Args:
        clock: clock of the drivers.
        settings: settings of the drivers.
        patience_s: longest wait [s] of real time for a call; a longer call counts as a hang.

    Attributes:
        overdue: whether a call took as long as the driver's deadline, or longer.
        is_live: whether the instrument is real; its state is then known from its answers only.
        may_act: whether checks may move, heat or light the instrument.
        pause_s: time [s] that a check waits where time has to pass.
        clock: clock of the drivers.
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

    def restart(self) -> bool:
        """Set the bench up again with longer deadlines; returns False where that is impossible."""
        return False

    def another_driver(self) -> D:
        """A further closed driver for the same address; the bench closes it at the end."""
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
        """Close and open the driver under test, as a caller does after an error."""
        self.call(self.driver.close)
        return self.open()

    def call(self, function: Callable[[], T]) -> T:
        """Make a call on a sound wire, and return its value.

        Raises:
            AssertionError: the call raises an exception, or does not return in time.
        """
        outcome = self.attempt(function)
        if isinstance(outcome, Exception):
            raise AssertionError(
                f"on a sound wire the driver raised {type(outcome).__name__}: {outcome}; compare "
                "the emulator with the driver, and look for state that an earlier failure left"
            ) from outcome
        return outcome

    def attempt(self, function: Callable[[], T]) -> T | Exception:
        """Make a call, and return its value or the exception that it raises.

        Raises:
            AssertionError: the call does not return in time.
        """
        outcomes: list[T | Exception] = self.attempt_together(function)
        return outcomes[0]

    def attempt_together(self, *functions: Callable[[], Any]) -> list[Any]:
        """Make calls at the same time, each in a thread; return their values or exceptions.

        Raises:
            AssertionError: a call does not return in time.
        """
        began_s = time.monotonic()
        try:
            return finish(self.clock, self._patience_s, *functions)
        finally:
            self.overdue |= time.monotonic() - began_s >= self._settings.deadline_s

    def attempt_with_fault(self, function: Callable[[], T], what: str) -> T | DeviceError:
        """Make a call while the wire is disturbed; return its value or its `DeviceError`.

        Args:
            function: the call.
            what: name of the call in messages.

        Raises:
            AssertionError: the call does not return in time, or raises another exception.
        """
        outcome = self.attempt(function)
        if isinstance(outcome, Exception) and not isinstance(outcome, DeviceError):
            raise AssertionError(
                f"{what} raised {type(outcome).__name__} ({outcome}); catch every exception of "
                "the link and the parser, and raise self._fault(ConnectionLostError, …) or "
                "self._fault(ProtocolError, …) instead"
            ) from outcome
        return outcome


class Bench(BaseBench[D]):
    """A closed driver in front of a running emulator; a context manager.

    Args:
        driver: the driver's class.
        emulator: the class of the emulator that speaks its protocol, or a function that makes one.
            The emulator passes its protocol cores to a front through `context.tap`.
        settings: the driver's settings; the emulator's address replaces theirs. A short deadline
            keeps the checks quick: 0.5 s is enough for an emulator.
        patience_s: longest wait [s] of real time for a call; a longer call counts as a hang.

    Attributes:
        tap: the tap on the wire.
        clock: virtual clock of the driver and of the emulated bodies.
        world: the emulated bodies: plunger, plate and detector.
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
        """Make a new tap and new bodies."""
        self.tap = Tap(self.clock)
        self.world = BenchWorld(Plunger(self.clock), Plate(self.clock), Detector())

    def restart(self) -> bool:
        """Set the bench up again with new bodies and longer deadlines."""
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
        """Open a driver, by default the one under test.

        Raises:
            AssertionError: the driver does not open, or its bytes do not pass the tap.
        """
        driver = super().open(driver)
        require(
            self.tap.cores,
            "no bytes pass the tap of the bench: in the emulator, pass every protocol core to its "
            "front through the tap, as in serial_front(context.tap(core), …)",
        )
        return driver

    def _make_driver(self) -> D:
        driver = self._new_driver(NAME, self._served, self.clock)
        driver.exclusive = False  # the emulator is in this process, and no other can reach it
        return driver


class PumpBench(Bench[Pump]):
    """A bench with a pump.

    Args:
        driver: see `Bench`.
        emulator: see `Bench`.
        settings: see `Bench`.
        syringe: the syringe in the emulated pump.
        withdraws: whether the offer of the driver says that it draws liquid in.
        patience_s: see `Bench`.
    """

    def __init__(
        self,
        driver: Callable[[str, Any, Clock], Pump],
        emulator: Callable[[EmulatorContext], Emulator],
        settings: DeviceSettings,
        *,
        syringe: Syringe = Syringe(volume_ul=10_000.0, inner_diameter_mm=14.567),  # noqa: B008
        withdraws: bool = False,
        patience_s: float = 20.0,
    ) -> None:
        self.syringe = syringe
        self.withdraws = withdraws
        super().__init__(driver, emulator, settings, patience_s=patience_s)

    def _set_up(self) -> None:
        super()._set_up()
        self.plunger.inner_diameter_mm = self.syringe.inner_diameter_mm

    @property
    def plunger(self) -> Plunger:
        """The plunger that the pump moves."""
        return self.world.plunger


class HeaterBench(Bench[Heater]):
    """A bench with a heater; see `Bench`."""

    @property
    def plate(self) -> Plate:
        """The plate that the heater heats."""
        return self.world.plate


class SpectrometerBench(Bench[Spectrometer]):
    """A bench with a spectrometer; see `Bench`.

    Args:
        driver: see `Bench`.
        emulator: see `Bench`.
        settings: see `Bench`.
        detector: the detector in the spectrometer; by default one with as many pixels as the
            emulator names in `num_pixels`, or 2068.
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
        num_pixels = getattr(emulator, "num_pixels", lambda _: NUM_PIXELS)
        self._detector = detector or Detector(num_pixels(settings))
        super().__init__(driver, emulator, settings, patience_s=patience_s)

    def _set_up(self) -> None:
        super()._set_up()
        self.world.detector, self._detector = self._detector, deepcopy(self._detector)

    @property
    def detector(self) -> Detector:
        """The detector in the spectrometer."""
        return self.world.detector


class KindBench(Bench[Any]):
    """A bench with a device of a kind that a plugin offers.

    Args:
        driver: see `Bench`.
        emulator: see `Bench`.
        settings: see `Bench`.
        body: class of the kind's emulated body, which takes a `flowrig.emulation.Place`.
        safe: the number or position at which every device of the kind is safe, as the offer of the
            kind says it; None where each profile says its own.
        patience_s: see `Bench`.

    Attributes:
        body: the emulated body.
        place: where it sits.
        safe: as above.
    """

    body: Any
    place: StillPlace

    def __init__(
        self,
        driver: Callable[[str, Any, Clock], Device],
        emulator: Callable[[EmulatorContext], Emulator],
        settings: DeviceSettings,
        *,
        body: Callable[[Place], Any],
        safe: Value | None = None,
        patience_s: float = 20.0,
    ) -> None:
        self._new_body = body
        self.safe = safe
        super().__init__(driver, emulator, settings, patience_s=patience_s)

    def _set_up(self) -> None:
        super()._set_up()
        self.place = StillPlace(self.clock)
        self.body = self._new_body(self.place)
        self.world.other = self.body

    @contextmanager
    def as_new(self) -> Iterator[None]:
        """Within this context, `body` is another one, to which nothing has happened yet."""
        mine, self.body = self.body, self._new_body(StillPlace(self.clock))
        try:
            yield
        finally:
            self.body = mine
