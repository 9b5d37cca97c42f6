"""Steps of a procedure; each is one frozen value.

A procedure is a generator that yields steps and is sent their results. The executor performs them,
the journal shows them, and nothing else in flowrig moves an actuator during a run.
"""

from collections.abc import Generator, Mapping
from typing import Any, Literal

from attrs import frozen

from flowrig.interfaces.capabilities import Value

__all__ = [
    "Acquire",
    "Procedure",
    "RequireVolume",
    "SetFlowRates",
    "SetLight",
    "SetTemperatures",
    "SetValues",
    "Start",
    "Step",
    "Stop",
    "TellChanges",
    "TellReadings",
    "Wait",
    "WaitSteady",
]


@frozen
class Step:
    """Base of every step."""


@frozen
class RequireVolume(Step):
    """Require volumes [µL] by stream in the syringes; the run holds for a refill otherwise."""

    volumes_ul: Mapping[str, float]


@frozen
class SetTemperatures(Step):
    """Set set points [°C] by heater."""

    set_points_c: Mapping[str, float]


@frozen
class WaitSteady(Step):
    """Wait until heaters are stable at set points [°C]."""

    set_points_c: Mapping[str, float]


@frozen
class SetValues(Step):
    """Set devices to numbers in their units, or turn them to positions, by device."""

    values: Mapping[str, Value]


@frozen
class SetFlowRates(Step):
    """Set flow rates [µL/min] by stream; nothing starts."""

    flow_rates_ul_min: Mapping[str, float]


@frozen
class Start(Step):
    """Start streams together."""

    streams: tuple[str, ...]


@frozen
class Stop(Step):
    """Stop streams together, and charge their syringes for what they delivered."""

    streams: tuple[str, ...]


@frozen
class TellRinse(Step):
    """Ask how much [µL] has to flow, by stream, until lines behind selectors are rinsed."""

    streams: tuple[str, ...]


@frozen
class Wait(Step):
    """Wait for a time [s], watching heaters and pumps."""

    duration_s: float
    reason: str


@frozen
class SetLight(Step):
    """Open or shut the light sources that spectrometers control."""

    spectrometers: tuple[str, ...]
    on: bool


@frozen
class Acquire(Step):
    """Take frames on spectrometers at once, watching the rig; the result is `Frames` by device."""

    spectrometers: tuple[str, ...]
    frames: int
    interval_s: float
    purpose: Literal["dark", "reference", "look", "sample"]


@frozen
class TellChanges(Step):
    """Tell which settings somebody else has changed since the procedure began.

    The result is one clause for each.
    """


@frozen
class TellReadings(Step):
    """Tell the mean of what devices reported while the newest frames were taken.

    The result is a number by DEVICE.QUANTITY, not a number where there was no value.
    """


Procedure = Generator[Step, Any, Any]
