"""Benches with a real instrument on them.

There is no emulator and no tap. Nobody sees what really moves: the benches show what the instrument
says of itself and, of the wire, what the driver tells. Every bench ends with the instrument at
rest: a pump that does not stand is stopped, and a heater that heats is switched off.
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


class ToldWire:
    """What drivers tell of the bytes that they send; nothing can be disturbed here.

    Attributes:
        sent: every byte that a driver told.
    """

    def __init__(self) -> None:
        self.sent = b""

    def hear(self, device: Device) -> None:
        """Listen to a driver from now on."""
        device.wire.listener = self._note

    def _note(self, direction: str, data: bytes, channel: str) -> None:
        if direction == "sent":
            self.sent += data

    @contextmanager
    def through(self, wire: object) -> Iterator[object]:
        """A real wire is what it is."""
        yield wire


class LiveBench(BaseBench[D]):
    """A closed driver in front of a real instrument, which is brought to rest in the end.

    Args:
        driver: the driver's class.
        settings: where the instrument is.
        may_act: whether it may be moved or heated.
        patience_s: longest wait [s] for a call; after it the driver counts as hanging.

    Attributes:
        tap: what the driver tells of the wire.
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
        self.tap = ToldWire()
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
            self._come_to_rest()
        finally:
            self._close_all()

    def first_look(self) -> Identity:
        """Open, ask who it is, and close; nothing is stopped.

        Raises:
            InputError: it is not at rest.
            DeviceError: it does not answer, or another instrument does.
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
        """What the instrument says that it does, for a person."""

    @property
    @abstractmethod
    def is_at_rest(self) -> bool:
        """Whether the instrument says that it stands and does not heat."""

    @abstractmethod
    def make_safe(self, driver: D) -> None:
        """Bring it to rest with an open driver."""

    def look(self, ask: Callable[[D], T]) -> T:
        """Ask the instrument, with a driver that is open or else with a new one."""
        driver = next((one for one in self._drivers if one.is_open), None)
        if driver is not None:
            return self.call(lambda: ask(driver))
        with self._make_driver() as other:
            return ask(other)

    def _make_driver(self) -> D:
        driver = self._new_driver(NAME, self._settings, self.clock)
        self.tap.hear(driver)
        return driver

    def _come_to_rest(self) -> None:
        """Bring the instrument to rest with a driver that is open, else with a new connection."""
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
            f"the instrument at {self._settings.address} was not seen to be at rest ({trouble}); "
            "look at it now"
        ) from trouble

    def _close_all(self) -> None:
        for driver in self._drivers:
            driver.close()


class LivePumpBench(LiveBench[Pump]):
    """A bench with a real pump on it.

    Args:
        driver: see `LiveBench`.
        settings: see `LiveBench`.
        may_act: see `LiveBench`.
        patience_s: see `LiveBench`.
        syringe: the syringe that is on the pump; without it the pump is told none, and what needs
            one is not asked.
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
        """The syringe that is on the pump.

        Raises:
            SkipTest: nobody has said.
        """
        if self._syringe is None:
            raise SkipTest("it needs to know the syringe that is on the pump")
        return self._syringe

    @property
    def plunger(self) -> "ToldPlunger":
        """What the pump says that it moves."""
        return ToldPlunger(self.look(lambda pump: pump.status()).state)

    @property
    def state(self) -> str:
        """What the pump says."""
        return self.plunger.state.value

    @property
    def is_at_rest(self) -> bool:
        """Whether it neither runs nor waits to run."""
        return not self.plunger.moves

    def make_safe(self, driver: Pump) -> None:
        """Stop it."""
        driver.stop()


@frozen
class ToldPlunger:
    """A plunger as its pump tells of it.

    Attributes:
        state: what the pump said.
    """

    state: PumpState

    @property
    def moves(self) -> bool:
        """Whether it moves, or is about to."""
        return self.state in MOVING

    @property
    def starts(self) -> int:
        """How often it was started since it last stood, as far as can be told."""
        return int(self.moves)


class LiveHeaterBench(LiveBench[Heater]):
    """A bench with a real heater on it; see `LiveBench`."""

    @property
    def plate(self) -> "ToldPlate":
        """What the heater says of what it heats."""
        return ToldPlate(self.look(lambda heater: heater.read()))

    @property
    def state(self) -> str:
        """What the heater says."""
        return f"{self.plate.temperature_c:g} °C, set to {self.plate.set_point_c:g} °C"

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing is heated above what a room may be."""
        return self.plate.set_point_c <= LUKEWARM_C

    def make_safe(self, driver: Heater) -> None:
        """Switch it off."""
        driver.off()


@frozen
class ToldPlate:
    """A plate as its controller tells of it.

    Attributes:
        reading: what the controller said.
    """

    reading: HeaterReading

    @property
    def temperature_c(self) -> float:
        """Its temperature [°C]."""
        return self.reading.temperature_c

    @property
    def set_point_c(self) -> float:
        """What it is driven to [°C]."""
        return self.reading.set_point_c

    @property
    def set_points_c(self) -> list[float]:
        """What it was driven to [°C], as far as can be told."""
        return [self.set_point_c]


class LiveSpectrometerBench(LiveBench[Spectrometer]):
    """A bench with a real spectrometer on it, whose light is left as it is; see `LiveBench`."""

    @property
    def detector(self) -> "UntoldDetector":
        """What no spectrometer tells."""
        return UntoldDetector()

    @property
    def state(self) -> str:
        """It does nothing by itself."""
        return "it waits to be asked"

    @property
    def is_at_rest(self) -> bool:
        """It does nothing by itself."""
        return True

    def make_safe(self, driver: Spectrometer) -> None:
        """Nothing moves and nothing heats."""


class UntoldDetector:
    """A detector of which nothing is known but its frames."""

    @property
    def lit(self) -> bool:
        """Whether the light is on.

        Raises:
            SkipTest: spectrometers do not tell.
        """
        raise SkipTest("a spectrometer does not tell whether its light is on")
