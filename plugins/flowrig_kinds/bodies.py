"""What emulated devices do; the emulators of drivers speak the protocols."""

from collections.abc import Mapping
from typing import ClassVar

from flowrig.emulation import DeviceFault, Place

__all__ = [
    "FlowControllerBody",
    "FlowSourceBody",
    "LightBody",
    "NumberBody",
    "SensorBody",
    "StageBody",
    "StirrerBody",
    "ValveBody",
]

RISE_BAR_MIN = 2.0
"""Rise of the pressure [bar/min] where a line slowly blocks (assumed)."""

SLOWED = 0.8
"""Share of the flow to which somebody turns it down."""


class ValveBody:
    """The rotor of a valve, or the arm of a collector.

    Args:
        place: where it sits.

    Attributes:
        number: number of the position at which it stands.
        turns: how often it was turned to another position.
        faults: the faults that it can have.
    """

    def __init__(self, place: Place) -> None:
        self._place = place
        self._is_stuck = False
        self.number = 1
        self.turns = 0
        self.faults: Mapping[str, DeviceFault] = {
            "stuck-valve": DeviceFault("the valve does not turn, whatever it is told", self._stick),
            "turned-by-hand": DeviceFault(
                "somebody turns the valve to the next position", self._turn_on
            ),
        }

    def turn(self, number: int) -> None:
        """Turn to a position; a stuck valve stays where it is."""
        if self._is_stuck:
            return
        self.turns += number != self.number
        self.number = number
        self._place.act("position", float(number))

    def _stick(self, on: bool) -> None:
        self._is_stuck = on

    def _turn_on(self, on: bool) -> None:
        if on:
            self.turn(self.number + 1)


class SensorBody:
    """What a sensor measures where it sits.

    Args:
        place: where it sits.

    Attributes:
        place: as above.
        faults: the faults that it can have.
    """

    def __init__(self, place: Place) -> None:
        self.place = place
        self._held: tuple[float, float, float, float] | None = None
        self._rises_since_s: float | None = None
        self.faults: Mapping[str, DeviceFault] = {
            "frozen-sensor": DeviceFault("the sensor keeps its last values", self._freeze),
            "pressure-rises": DeviceFault(
                f"the pressure rises by {RISE_BAR_MIN:g} bar/min, as behind a line that blocks",
                self._rise,
            ),
        }

    @property
    def pressure_bar(self) -> float:
        """Absolute pressure [bar]."""
        return self._now[0]

    @property
    def temperature_c(self) -> float:
        """Temperature [°C]."""
        return self._now[1]

    @property
    def flow_ul_min(self) -> float:
        """Flow rate [µL/min]."""
        return self._now[2]

    @property
    def velocity_mm_s(self) -> float:
        """Velocity [mm/s] of what passes."""
        return self._now[3]

    @property
    def _now(self) -> tuple[float, float, float, float]:
        if self._held is not None:
            return self._held
        rise_bar = 0.0
        if self._rises_since_s is not None:
            minutes = (self.place.clock.now_s() - self._rises_since_s) / 60.0
            rise_bar = RISE_BAR_MIN * minutes
        place = self.place
        return (
            place.pressure_bar + rise_bar,
            place.temperature_c,
            place.flow_ul_min(),
            place.velocity_mm_s(),
        )

    def _freeze(self, on: bool) -> None:
        self._held = self._now if on else None

    def _rise(self, on: bool) -> None:
        self._rises_since_s = self.place.clock.now_s() if on else None


class NumberBody:
    """A device that keeps a number, and brings something to it at once.

    Args:
        place: where it sits.

    Attributes:
        place: as above.
        told: the number that it keeps.
        faults: the faults that it can have.
    """

    effect: ClassVar[str]
    """What it does where it sits, as `Place.act` takes it."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.told = 0.0
        self._is_deaf = False
        self._is_idle = False
        self.faults: Mapping[str, DeviceFault] = {
            "stuck-setting": DeviceFault(
                "the device keeps its number, whatever it is told", self._stick
            ),
            "no-effect": DeviceFault(
                "the device keeps its number, and nothing happens", self._idle
            ),
        }

    @property
    def value(self) -> float:
        """What the device really does, in the unit of the number."""
        return 0.0 if self._is_idle else self.told

    def tell(self, value: float) -> None:
        """Tell it a number."""
        if not self._is_deaf:
            self.told = value
            self._act()

    def _act(self) -> None:
        self.place.act(self.effect, self.value)

    def _stick(self, on: bool) -> None:
        self._is_deaf = on

    def _idle(self, on: bool) -> None:
        self._is_idle = on
        self._act()


class FlowControllerBody(NumberBody):
    """The valve of a flow controller; pressure and temperature are those of its place.

    Args:
        place: where it sits.
    """

    effect = "drive"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._newest = 0.0
        self.faults = {
            **self.faults,
            "panel-rate": DeviceFault("somebody turns the flow down at the device", self._turn),
            "panel-start": DeviceFault("somebody starts the flow at the device", self._start),
        }

    def tell(self, value: float) -> None:
        """Tell it a number."""
        self._newest = value or self._newest
        super().tell(value)

    def _turn(self, on: bool) -> None:
        if on:
            self._set_by_hand(SLOWED * self.told)

    def _start(self, on: bool) -> None:
        if on:
            self._set_by_hand(self._newest or 1.0)

    def _set_by_hand(self, value: float) -> None:
        self.told = value
        self._act()


class FlowSourceBody(FlowControllerBody):
    """A pump without a syringe, or another source of flow; its number is in µL/min."""

    effect = "drive_ul_min"

    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self._counted_ul = 0.0
        self._since_s = place.clock.now_s()
        self._since_ul_min = 0.0

    @property
    def total_ul(self) -> float:
        """Volume [µL] that it has delivered since it was made."""
        seconds = self.place.clock.now_s() - self._since_s
        return self._counted_ul + self._since_ul_min * seconds / 60.0

    def _act(self) -> None:
        self._counted_ul = self.total_ul
        self._since_s, self._since_ul_min = self.place.clock.now_s(), self.value
        super()._act()


class StirrerBody(NumberBody):
    """The motor of a stirrer."""

    effect = "stir_rpm"


class StageBody(NumberBody):
    """The carriage of a stage."""

    effect = "probe_at_mm"


class LightBody(NumberBody):
    """The lamp of a light."""

    effect = "light_percent"
