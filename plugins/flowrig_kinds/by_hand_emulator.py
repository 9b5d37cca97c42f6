"""A simulated person at an emulated device that nothing connects."""

from collections.abc import Iterable
from itertools import count
from typing import Final
from weakref import WeakValueDictionary

from flowrig.emulation import Emulator, EmulatorContext
from flowrig_kinds.bodies import NumberBody, SensorBody, ValveBody
from flowrig_kinds.by_hand_settings import ATTENDANT

__all__ = ["Attendant", "attendant_of"]

UNKNOWN_VALUE: Final = 1.0
"""What is read of a quantity for which the place of a device has no value."""

_numbers = count(1)
_attendants: "WeakValueDictionary[str, Attendant]" = WeakValueDictionary()
"""The attendants of this process, by the address that leads to each."""


class Attendant(Emulator):
    """Works and reads the body of a device at once, as a person does who is asked.

    Quantities named pressure [bar], temperature [°C] and flow [µL/min] are those of the place where
    the device sits; others are 1.

    Args:
        context: name and settings of the device, the world with its body, and the clock.
    """

    def __init__(self, context: EmulatorContext) -> None:
        super().__init__(context)
        self._body: ValveBody | NumberBody | SensorBody = context.world.body(context.device)
        self._address = f"{ATTENDANT}{next(_numbers)}"

    def start(self) -> str:
        """Stand beside the device; returns the address under which its driver finds them."""
        _attendants[self._address] = self
        return self._address

    def stop(self) -> None:
        """Leave."""
        _attendants.pop(self._address, None)

    def work(self, value: float) -> None:
        """Set the device to a number, or turn it to the position with a number."""
        if isinstance(self._body, ValveBody):
            self._body.turn(round(value))
        elif isinstance(self._body, NumberBody):
            self._body.tell(value)

    def read(self, names: Iterable[str]) -> dict[str, float]:
        """What the device shows, by quantity."""
        assert isinstance(self._body, SensorBody)
        known = {
            "pressure": self._body.pressure_bar,
            "temperature": self._body.temperature_c,
            "flow": self._body.flow_ul_min,
        }
        return {name: known.get(name, UNKNOWN_VALUE) for name in names}


def attendant_of(address: str) -> Attendant | None:
    """Who stands beside the emulated device with an address; None at a real one."""
    return _attendants.get(address)
