"""Benches with a real instrument.

There is no emulator and no tap: plunger and plate are known only from the instrument's answers, and
bytes on the wire only from the driver's wire log. Every bench leaves the instrument at rest: a pump
that runs is stopped, and a heater that heats is switched off.
"""

from abc import abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, ClassVar, Final, Self, TypeVar
from unittest import SkipTest

from attrs import frozen

from flowrig.clock import Clock, RealClock
from flowrig.errors import InputError, UnsafeStateError
from flowrig.interfaces import (
    Device,
    DeviceSettings,
    Heater,
    HeaterReading,
    Identity,
    Pump,
    PumpState,
    Spectrometer,
    Syringe,
)
from flowrig.testing.bench.bench import BaseBench
from flowrig.testing.conformance.heater import LUKEWARM_C

__all__ = ["LiveBench", "LiveHeaterBench", "LivePumpBench", "LiveSpectrometerBench"]

D = TypeVar("D", bound=Device)
T = TypeVar("T")

NAME: Final = "instrument"
PATIENCE_S: Final = 60.0
MOVING: Final = (PumpState.RUNNING, PumpState.DELAYED)


class ReportedWire:
    """The bytes in the drivers' wire logs, in the place of a tap; it disturbs nothing.

    Attributes:
        sent: every byte that a driver reported as sent.
    """

    def __init__(self) -> None:
        self.sent = b""

    def hear(self, device: Device) -> None:
        """Record the wire log of a driver from now on."""
        device.wire.listener = self._note

    def _note(self, direction: str, data: bytes, channel: str) -> None:
        if direction == "sent":
            self.sent += data

    @contextmanager
    def through(self, wire: object) -> Iterator[object]:
        """Leave the real wire as it is."""
        yield wire


class LiveBench(BaseBench[D]):
    """A closed driver for a real instrument, which the bench brings to rest at the end.

    Args:
        driver: the driver's class.
        settings: the driver's settings, with the instrument's address.
        may_act: whether checks may move or heat the instrument.
        patience_s: longest wait [s] for a call; a longer call counts as a hang.

    Attributes:
        tap: the bytes that the drivers report.
    """

    is_live: ClassVar[bool] = True
    pause_s: ClassVar[float] = 1.0

    def __init__(
        self,
        driver: Callable[[str, Any, Clock], D],
        settings: DeviceSettings,
        *,
        may_act: bool = False,
        patience_s: float = PATIENCE_S,
    ) -> None:
        super().__init__(RealClock(), settings, patience_s)
        self.tap = ReportedWire()
        self.may_act = may_act
        self._new_driver = driver

    def __enter__(self) -> Self:
        self.driver = self.another_driver()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self._bring_to_rest()
        finally:
            self._close_all()

    def identify_at_rest(self) -> Identity:
        """Open, identify the instrument, and close; the instrument is never stopped here.

        Raises:
            InputError: the instrument is not at rest.
            DeviceError: the instrument does not answer, or another one does.
        """
        self.driver = self.another_driver()
        try:
            who = self.driver.open()
            if not self.is_at_rest:
                raise InputError(
                    f"{who.vendor} {who.model} at {self._settings.address} is at work: "
                    f"{self.state}; bring it to rest first"
                )
            return who
        finally:
            self._close_all()

    @property
    @abstractmethod
    def state(self) -> str:
        """State that the instrument reports, for messages."""

    @property
    @abstractmethod
    def is_at_rest(self) -> bool:
        """Whether the instrument reports that it neither moves nor heats."""

    @abstractmethod
    def make_safe(self, driver: D) -> None:
        """Bring the instrument to rest with an open driver."""

    def look(self, ask: Callable[[D], T]) -> T:
        """Query the instrument with an open driver, or with a new one if none is open."""
        driver = next((one for one in self._drivers if one.is_open), None)
        if driver is not None:
            return self.call(lambda: ask(driver))
        with self._make_driver() as other:
            return ask(other)

    def _make_driver(self) -> D:
        driver = self._new_driver(NAME, self._settings, self.clock)
        self.tap.hear(driver)
        return driver

    def _bring_to_rest(self) -> None:
        """Bring the instrument to rest, the second time over a new connection."""
        self.clock.clear_interrupt()
        trouble: Exception | None = None
        for _ in range(2):
            try:
                if self.may_act or not self.is_at_rest:
                    self.look(self.make_safe)
            except Exception as error:
                trouble = error
                self._close_all()
            else:
                return
        raise UnsafeStateError(
            f"the instrument at {self._settings.address} is not confirmed to be at rest "
            f"({trouble}); look at it now"
        ) from trouble

    def _close_all(self) -> None:
        for driver in self._drivers:
            driver.close()


class LivePumpBench(LiveBench[Pump]):
    """A bench with a real pump.

    Args:
        driver: see `LiveBench`.
        settings: see `LiveBench`.
        may_act: see `LiveBench`.
        patience_s: see `LiveBench`.
        syringe: the syringe in the pump. Without it no syringe is set, and checks that need one
            are skipped.
    """

    def __init__(
        self,
        driver: Callable[[str, Any, Clock], Pump],
        settings: DeviceSettings,
        *,
        may_act: bool = False,
        patience_s: float = PATIENCE_S,
        syringe: Syringe | None = None,
    ) -> None:
        super().__init__(driver, settings, may_act=may_act, patience_s=patience_s)
        self._syringe = syringe

    @property
    def syringe(self) -> Syringe:
        """The syringe in the pump.

        Raises:
            SkipTest: the syringe is unknown.
        """
        if self._syringe is None:
            raise SkipTest("this check needs the syringe that is on the pump")
        return self._syringe

    @property
    def plunger(self) -> "ReportedPlunger":
        """The plunger as the pump reports it."""
        return ReportedPlunger(self.look(lambda pump: pump.status()).state)

    @property
    def state(self) -> str:
        """State that the pump reports."""
        return self.plunger.state.value

    @property
    def is_at_rest(self) -> bool:
        """Whether the pump neither runs nor waits to run."""
        return not self.plunger.moves

    def make_safe(self, driver: Pump) -> None:
        """Stop the pump."""
        driver.stop()


@frozen
class ReportedPlunger:
    """A plunger as its pump reports it.

    Attributes:
        state: state of the pump.
    """

    state: PumpState

    @property
    def moves(self) -> bool:
        """Whether the plunger moves, or is about to."""
        return self.state in MOVING

    @property
    def starts(self) -> int:
        """Number of starts since the last standstill; 0 or 1, as more cannot be known."""
        return int(self.moves)


class LiveHeaterBench(LiveBench[Heater]):
    """A bench with a real heater; see `LiveBench`."""

    @property
    def plate(self) -> "ReportedPlate":
        """The plate as the heater reports it."""
        return ReportedPlate(self.look(lambda heater: heater.read()))

    @property
    def state(self) -> str:
        """Temperature and set point that the heater reports."""
        return f"{self.plate.temperature_c:g} °C, set to {self.plate.set_point_c:g} °C"

    @property
    def is_at_rest(self) -> bool:
        """Whether the set point is no higher than a room's temperature may be."""
        return self.plate.set_point_c <= LUKEWARM_C

    def make_safe(self, driver: Heater) -> None:
        """Switch the heater off."""
        driver.off()


@frozen
class ReportedPlate:
    """A plate as its controller reports it.

    Attributes:
        reading: reading of the controller.
    """

    reading: HeaterReading

    @property
    def temperature_c(self) -> float:
        """Temperature of the plate [°C]."""
        return self.reading.temperature_c

    @property
    def set_point_c(self) -> float:
        """Set point of the controller [°C]."""
        return self.reading.set_point_c

    @property
    def set_points_c(self) -> list[float]:
        """Set points so far [°C]; only the present one can be known."""
        return [self.set_point_c]


class LiveSpectrometerBench(LiveBench[Spectrometer]):
    """A bench with a real spectrometer, whose light is left as it is; see `LiveBench`."""

    @property
    def detector(self) -> "UnobservableDetector":
        """The detector, of which only frames can be known."""
        return UnobservableDetector()

    @property
    def state(self) -> str:
        """A spectrometer acts on request only."""
        return "it waits for a request"

    @property
    def is_at_rest(self) -> bool:
        """A spectrometer acts on request only."""
        return True

    def make_safe(self, driver: Spectrometer) -> None:
        """Do nothing: a spectrometer neither moves nor heats."""


class UnobservableDetector:
    """A detector of which only frames can be known."""

    @property
    def lit(self) -> bool:
        """Whether the light is on.

        Raises:
            SkipTest: spectrometers do not report it.
        """
        raise SkipTest("a spectrometer does not report whether its light is on")
