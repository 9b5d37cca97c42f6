"""Devices of every kind that a person works and reads, because nothing connects them.

The run asks the person, and tells the driver afterwards; the driver remembers it. In front of an
emulated device it does what the person does there.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from flowrig.interfaces import Device, Identity, Quantity
from flowrig_kinds.by_hand_emulator import Attendant, attendant_of
from flowrig_kinds.by_hand_settings import HandReadings
from flowrig_kinds.numbers import FlowController, Light, Stage, Stirrer
from flowrig_kinds.sensor import Sensor
from flowrig_kinds.valve import Collector, Valve

__all__ = [
    "HandCollector",
    "HandFlowController",
    "HandLight",
    "HandSensor",
    "HandStage",
    "HandStirrer",
    "HandValve",
]


class _ByHand(Device):
    """What all of them share."""

    _attendant: Attendant | None = None
    _told: Any = None

    def _do_open(self) -> None:
        self._attendant = attendant_of(self.settings.address)

    def _do_close(self) -> None:
        self._attendant = None

    def _do_identify(self) -> Identity:
        return Identity("by hand", type(self).__name__.removeprefix("Hand").lower())

    def _remember(self, value: Any, work: float) -> None:
        """Remember a value; an emulated device gets the number that stands for it."""
        self._told = value
        if self._attendant is not None:
            self._attendant.work(work)


class _HandPositions(_ByHand):
    """A device with positions."""

    def _do_select(self, position: str) -> None:
        self._remember(position, float(self.settings.positions[position]))  # type: ignore[attr-defined]

    def _do_position(self) -> str:
        return self._told or "not known"


class _HandNumber(_ByHand):
    """A device with a number; nobody has read another one before it was told the first."""

    def _do_set(self, value: float) -> None:
        self._remember(value, value)

    def _do_setting(self) -> float:
        return self._told if self._told is not None else self.limits[0]  # type: ignore[attr-defined,no-any-return]

    def _do_read(self) -> Mapping[str, float]:
        return {}


class HandValve(_HandPositions, Valve):
    """A valve that a person turns."""


class HandCollector(_HandPositions, Collector):
    """A collector whose tubes a person changes."""


class HandStirrer(_HandNumber, Stirrer):
    """A stirrer that a person sets; nobody reads its speed."""

    quantities: Sequence[Quantity] = ()


class HandFlowController(_HandNumber, FlowController):
    """A needle valve or a flow controller that a person sets; nobody reads its flow."""

    quantities: Sequence[Quantity] = ()


class HandStage(_HandNumber, Stage):
    """A stage that a person moves."""


class HandLight(_HandNumber, Light):
    """A lamp that a person sets."""


class HandSensor(_ByHand, Sensor):
    """A display that a person reads, such as that of a balance."""

    settings: HandReadings

    def _do_read(self) -> Mapping[str, float]:
        names = self.settings.reads
        if self._attendant is None:
            return dict.fromkeys(names, math.nan)
        return self._attendant.read(tuple(names))
