"""Steps of a procedure; each is one frozen value.

A procedure is a generator that yields steps and is sent their results. The executor performs them,
the journal shows them, and nothing else in flowrig moves an actuator during a run.
"""

from collections.abc import Generator, Mapping
from typing import Any, Literal

from attrs import field, frozen

from flowrig.interfaces.capabilities import Value

__all__ = [
    "Acquire",
    "Divert",
    "Draw",
    "Keep",
    "LookAtRig",
    "Procedure",
    "PutIn",
    "RequireVolume",
    "SetFlowRates",
    "SetLight",
    "SetTemperatures",
    "SetValues",
    "Settle",
    "Start",
    "Step",
    "Stop",
    "TellChanges",
    "TellKept",
    "TellReadings",
    "Wait",
    "WaitSteady",
]


@frozen
class Step:
    """Base of every step."""


@frozen
class RequireVolume(Step):
    """Require volumes [µL] by stream in the syringes.

    Those that a reservoir fills are filled first; for others the run holds.
    """

    volumes_ul: Mapping[str, float]


@frozen
class PutIn(Step):
    """Have components of some volumes [µL] in the path; a person changes those that differ."""

    volumes_ul: Mapping[str, float]


@frozen
class SetTemperatures(Step):
    """Set set points [°C] by heater."""

    set_points_c: Mapping[str, float]


@frozen
class WaitSteady(Step):
    """Wait until heaters are stable at set points [°C].

    With `within_c` only until all of them are that near [°C].
    """

    set_points_c: Mapping[str, float]
    within_c: float | None = None


@frozen
class SetValues(Step):
    """Set devices to numbers in their units, or turn them to positions, by device."""

    values: Mapping[str, Value]


@frozen
class Divert(Step):
    """Set devices while liquid flows; where it stops, and on every hold, they are set back."""

    values: Mapping[str, Value]
    back: Mapping[str, Value]


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
class Keep(Step):
    """Let control loops work until the next stop of a stream, or a hold.

    `conditions` are those of the experiment, and `at` has, by loop, the value at which it keeps its
    reading, in the unit of the reading.
    """

    conditions: Mapping[str, Value]
    at: Mapping[str, float]


@frozen
class TellKept(Step):
    """Ask control loops about the newest sample.

    The result is one sentence for each loop that did not have its reading at its value.
    """


@frozen
class TellRinse(Step):
    """Ask how much [µL] has to flow, by stream, until lines behind selectors are rinsed."""

    streams: tuple[str, ...]


@frozen
class Draw(Step):
    """Let the pumps of streams draw volumes [µL] from their reservoirs, and wait for their end.

    Their valves lead to the reservoirs. The result is the volume [µL] that each has drawn.
    """

    volumes_ul: Mapping[str, float]


@frozen
class Settle(Step):
    """Wait for a time [s] until the pressure in syringes that were filled has evened out."""

    duration_s: float


@frozen
class Wait(Step):
    """Wait for a time [s], watching heaters and pumps.

    The result is whether the heaters of `steady_at_c` are stable at these set points [°C] at its
    end; None without any.
    """

    duration_s: float
    reason: str
    steady_at_c: Mapping[str, float] = field(factory=dict)


@frozen
class SetLight(Step):
    """Open or shut the light sources that spectrometers control."""

    spectrometers: tuple[str, ...]
    on: bool


@frozen
class Acquire(Step):
    """Take frames on detectors at once, watching the rig; the result is `Frames` by device.

    `own` has another number of frames and another interval [s] by device.
    """

    spectrometers: tuple[str, ...]
    frames: int
    interval_s: float
    purpose: Literal["dark", "reference", "look", "sample"]
    own: Mapping[str, tuple[int, float]] = field(factory=dict)


@frozen
class LookAtRig(Step):
    """Read heaters and pumps, and compare them with what they were told."""


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


@frozen
class TellToCome(Step):
    """Tell what off-line analyses will find of the sample; only a simulated rig knows it.

    The result is a number by CHANNEL.QUANTITY; none for a real rig.
    """


Procedure = Generator[Step, Any, Any]
