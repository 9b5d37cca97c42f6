"""What devices say that they are set to, against what the run told them.

A person at a panel, or another program, may change a setting at any time. Each look compares set
points, flow rates and diameters, and each acquisition the settings of its spectrometers.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence

from attrs import evolve, frozen

from flowrig.interfaces import HeaterReading, PumpReadBack, PumpState, SpectrometerReadBack
from flowrig.interfaces.capabilities import Value
from flowrig.profile import Profile
from flowrig.profile.supervision import ChangeAction
from flowrig.rig.rig import RigReading
from flowrig.safety.rig_state import RigState
from flowrig.safety_rules import Trip

__all__ = ["RULE", "Change", "ChangeWatch"]

RULE = "changed-elsewhere"
"""Name of the rule, as `--reset-trip` takes it."""

ROUNDED_C = 1.0
"""A controller may round a commanded set point by this much [°C]."""

ROUNDED_SHARE = 0.01
"""A pump may round a commanded flow rate, a spectrometer an integration time, by this share, and a
device of another kind a number, by this share of its limits."""

ROUNDED_MM = 0.01
"""A pump may round the inner diameter of a syringe by this much [mm]."""

MOVED_C = 0.06
"""From this distance [°C] on a set point has moved away from the command."""

MOVED_SHARE = 0.002
"""From this share on a flow rate has moved away from the command."""

MOVING = (PumpState.RUNNING, PumpState.DELAYED)
"""States of a pump that delivers liquid, or is about to."""

STATE = "state"
"""What a pump does, as a setting."""


@frozen
class Change:
    """A setting that is another one than the run has commanded.

    Attributes:
        device: its name.
        setting: what is set, for instance "set point".
        commanded: value that the run has commanded; of a setting that it commands never, the value
            at the first look.
        found: value that the device reports.
        unit: of both; empty for words.
    """

    device: str
    setting: str
    commanded: Value
    found: Value
    unit: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Device and setting."""
        return self.device, self.setting

    @property
    def text(self) -> str:
        """Setting, value found and value commanded, in one clause."""
        return f"its {self.setting} is {self._shown(self.found)}, not {self._shown(self.commanded)}"

    def shown(self) -> tuple[str, str]:
        """The value commanded and the value found, without unit."""
        return _plain(self.commanded), _plain(self.found)

    def _shown(self, value: Value) -> str:
        return f"{_plain(value)} {self.unit}".rstrip()


def _plain(value: Value) -> str:
    return value if isinstance(value, str) else f"{value:.6g}"


class ChangeWatch:
    """Finds settings that somebody else has changed.

    A device rounds what it is told, and a set point may follow a ramp. So a set point or a flow
    rate may be a rounding away from the command at first, or a set point on its way from the one
    before; from then on it must not move away from the command again.

    A heater that was told nothing yet, or to be off, must not get a higher set point. A pump that
    stands still, and that nobody told to start, must not run.

    Args:
        profile: the rig.
        state: what the rig was commanded.
    """

    def __init__(self, profile: Profile, state: RigState) -> None:
        self._profile = profile
        self._state = state
        self._set_points: dict[str, _Way] = {}
        self._rates: dict[str, float] = {}
        self._lowest_c: dict[str, float] = {}
        self._found_c: dict[str, float] = {}
        self._controls: dict[str, bool] = {}
        self._rested: set[str] = set()
        self._spectrometers: dict[str, SpectrometerReadBack] = {}
        self._standing: dict[tuple[str, str], Change] = {}
        self._noted: dict[tuple[str, str], Change] = {}

    @property
    def noted(self) -> tuple[Change, ...]:
        """Changes since `forget`, and those before that were not put back yet."""
        return tuple((self._noted | self._standing).values())

    def forget(self) -> None:
        """Forget changes that were put back."""
        self._noted.clear()

    def are_known(self, changes: Iterable[Change]) -> bool:
        """Whether changes are in none but settings that differed at the last look already."""
        return all(change.key in self._standing for change in changes)

    def note(self, changes: Iterable[Change], devices: Iterable[str]) -> list[Change]:
        """Note the changes that a look at devices has found; returns those that are new."""
        found, looked_at = {change.key: change for change in changes}, set(devices)
        fresh = {key: change for key, change in found.items() if key not in self._standing}
        others = {k: change for k, change in self._standing.items() if k[0] not in looked_at}
        self._standing = others | found
        self._noted |= fresh
        return list(fresh.values())

    def heaters_told(self, set_points_c: Mapping[str, float]) -> None:
        """Note a command with set points [°C], by heater."""
        for heater, told_c in set_points_c.items():
            self._set_points[heater] = _Way.between(self._found_c.get(heater, math.nan), told_c)
            self._lowest_c.pop(heater, None)

    def pumps_told(self, streams: Iterable[str]) -> None:
        """Note a command to the pumps of streams."""
        for stream in streams:
            self._rates.pop(stream, None)

    def changes(self, reading: RigReading, *, settled: bool = False) -> list[Change]:
        """Settings of devices in a reading that somebody else has changed.

        Args:
            reading: the reading.
            settled: whether set points have to be where they were commanded, and no ramp counts.
        """
        found = [
            change
            for heater, read in reading.heaters.items()
            for change in self._of_heater(heater, read, settled)
        ]
        for stream, state in reading.pumps.items():
            found += self._of_pump(stream, state, reading.read_backs.get(stream))
        for device, one in reading.others.items():
            found += self._of_other(device, one.value)
        return found

    def learn(self, reading: RigReading) -> None:
        """Remember a reading; the next one must not be farther from the commands."""
        for heater, read in reading.heaters.items():
            if read.controls is not None:
                self._controls[heater] = read.controls
            if not math.isfinite(read.set_point_c):
                continue
            self._found_c[heater] = read.set_point_c
            if heater in self._set_points:
                self._set_points[heater] = self._set_points[heater].after(read.set_point_c)
            lowest_c = self._lowest_c.get(heater, math.inf)
            self._lowest_c[heater] = min(lowest_c, read.set_point_c)
        for stream, state in reading.pumps.items():
            if state not in MOVING:
                self._rested.add(stream)
            told, found = self._rates_of(stream, reading.read_backs.get(stream))
            if found is not None:
                most = self._rates.get(stream, ROUNDED_SHARE)
                self._rates[stream] = min(most, _error(told, found) + MOVED_SHARE)

    def _of_heater(self, heater: str, read: HeaterReading, settled: bool) -> Iterator[Change]:
        told_c = self._state.heater(heater).set_point_c
        if told_c is None:
            before = self._controls.get(heater, True)
            if read.controls and not before:
                yield Change(heater, "control loop", "off", "on")
            lowest_c = self._lowest_c.get(heater, math.inf)
            if read.set_point_c > lowest_c + ROUNDED_C:
                yield Change(heater, "set point", lowest_c, read.set_point_c, "°C")
            return
        if read.controls is False:
            yield Change(heater, "control loop", "on", "off")
        way = self._set_points.get(heater, _Way(told_c))
        if not math.isfinite(read.set_point_c):
            return
        if not way.allows(read.set_point_c) or (settled and not way.is_end(read.set_point_c)):
            yield Change(heater, "set point", told_c, read.set_point_c, "°C")

    def _of_pump(
        self, stream: str, state: PumpState, read_back: PumpReadBack | None
    ) -> Iterator[Change]:
        device = self._profile.streams[stream].pump
        if self._state.stream(stream).flow is None:
            if state in MOVING and stream in self._rested:
                yield Change(device, STATE, "stopped", state.value)
            return
        told, found = self._rates_of(stream, read_back)
        if found is not None and _error(told, found) > self._rates.get(stream, ROUNDED_SHARE):
            yield Change(device, "flow rate", told, found, "µL/min")
        syringe = self._profile.streams[stream].syringe
        found_mm = None if read_back is None else read_back.inner_diameter_mm
        if syringe is None or found_mm is None:
            return
        told_mm = syringe.inner_diameter_mm
        if abs(found_mm - told_mm) > ROUNDED_MM:
            yield Change(device, "syringe diameter", told_mm, found_mm, "mm")

    def _of_other(self, device: str, found: Value | None) -> Iterator[Change]:
        told, abilities = self._state.device(device).told, self._profile.devices[device].abilities
        if told is None or found is None:
            return
        if isinstance(told, str) or isinstance(found, str):
            if told != found:
                yield Change(device, "position", told, found)
            return
        assert abilities.limits is not None
        low, high = abilities.limits
        if abs(found - told) > ROUNDED_SHARE * (high - low):
            yield Change(device, "value", told, found, abilities.unit)

    def _rates_of(self, stream: str, read_back: PumpReadBack | None) -> tuple[float, float | None]:
        """Flow rate [µL/min] that a stream was told, and the one found; None where unknown."""
        one = self._state.stream(stream)
        if one.flow is None or read_back is None:
            return 0.0, None
        told = one.set_rate_ul_min if one.flow.draws_ul is None else one.flow.rate_ul_min
        return (told, read_back.rate_ul_min) if told else (0.0, None)

    def spectrometer_changes(
        self, read_backs: Mapping[str, SpectrometerReadBack], told_us: Mapping[str, int]
    ) -> list[Change]:
        """Settings of spectrometers that somebody else has changed.

        What the first read-back reports counts as told, if its integration time is the driver's.

        Args:
            read_backs: by spectrometer.
            told_us: integration time [µs] that each driver has set.
        """
        found: list[Change] = []
        for name, now in read_backs.items():
            known = self._spectrometers.setdefault(name, SpectrometerReadBack(time_s=now.time_s))
            told = _first_known(known, now, told_us[name])
            self._spectrometers[name] = told
            told = evolve(told, is_light_on=self._state.lights.get(name))
            found += _differences(name, told, now)
        return found

    def trips(self, changes: Iterable[Change]) -> list[Trip]:
        """One trip for each device with a changed setting, with the action of the profile.

        A pump that runs unasked pushes liquid that nobody counts: it trips in any case, and is
        stopped.
        """
        wanted = self._profile.supervision.changed_elsewhere
        by_device: dict[str, list[Change]] = {}
        for change in changes:
            if wanted != "flag" or change.setting == STATE:
                by_device.setdefault(change.device, []).append(change)
        return [_trip(device, changed, wanted) for device, changed in by_device.items()]


def _trip(device: str, changes: Sequence[Change], wanted: ChangeAction) -> Trip:
    runs_unasked = any(change.setting == STATE for change in changes)
    return Trip(
        RULE,
        device,
        f"{'; '.join(change.text for change in changes)}: somebody else has changed it",
        "find out who did it, at the panel or from another program",
        "safe" if wanted == "flag" or (runs_unasked and wanted == "hold") else wanted,
    )


@frozen
class _Way:
    """The way of a set point from the one before a command to the commanded one.

    Attributes:
        told_c: the commanded set point [°C].
        most_c: largest distance [°C] from it.
        side: sign of `found - told` on a ramp; 0 where there can be none.
    """

    told_c: float
    most_c: float = ROUNDED_C
    side: float = 0.0

    @classmethod
    def between(cls, before_c: float, told_c: float) -> "_Way":
        gap_c = before_c - told_c
        if not abs(gap_c) > ROUNDED_C:  # also where the set point before is not known
            return cls(told_c)
        return cls(told_c, abs(gap_c) + MOVED_C, math.copysign(1.0, gap_c))

    def allows(self, found_c: float) -> bool:
        gap_c = found_c - self.told_c
        is_on_ramp = gap_c * self.side > 0.0 and abs(gap_c) <= self.most_c
        return is_on_ramp or abs(gap_c) <= min(self.most_c, ROUNDED_C)

    def is_end(self, found_c: float) -> bool:
        return abs(found_c - self.told_c) <= ROUNDED_C

    def after(self, found_c: float) -> "_Way":
        """The rest of the way; a set point that has moved away changes nothing."""
        if not self.allows(found_c):
            return self
        return evolve(self, most_c=min(self.most_c, abs(found_c - self.told_c) + MOVED_C))


def _error(told: float, found: float) -> float:
    """Distance of a flow rate from the one that was told, as a share of it."""
    return abs(found - told) / told


def _first_known(
    known: SpectrometerReadBack, now: SpectrometerReadBack, told_us: int
) -> SpectrometerReadBack:
    """What a spectrometer was told, where its first read-back shows it."""
    time_us = known.integration_time_us
    if time_us is None and now.integration_time_us is not None:
        is_rounded = abs(now.integration_time_us - told_us) <= ROUNDED_SHARE * told_us
        time_us = now.integration_time_us if is_rounded else told_us
    return evolve(
        known,
        integration_time_us=time_us,
        exposures_averaged=_either(known.exposures_averaged, now.exposures_averaged),
        trigger_mode=_either(known.trigger_mode, now.trigger_mode),
        boxcar_width=_either(known.boxcar_width, now.boxcar_width),
    )


def _either(first: int | None, second: int | None) -> int | None:
    return second if first is None else first


def _differences(
    name: str, told: SpectrometerReadBack, now: SpectrometerReadBack
) -> Iterator[Change]:
    for setting, before, found, unit in (
        ("integration time", told.integration_time_us, now.integration_time_us, "µs"),
        ("number of averaged exposures", told.exposures_averaged, now.exposures_averaged, ""),
        ("trigger mode", told.trigger_mode, now.trigger_mode, ""),
        ("boxcar width", told.boxcar_width, now.boxcar_width, ""),
    ):
        if before is not None and found is not None and before != found:
            yield Change(name, setting, before, found, unit)
    if told.is_light_on is not None and now.is_light_on not in (None, told.is_light_on):
        words = ("on", "off") if told.is_light_on else ("off", "on")
        yield Change(name, "light", *words)
