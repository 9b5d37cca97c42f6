"""Rules for interlocks and for the supervision of heaters."""

from collections.abc import Iterator

from flowrig.profile.model import Profile
from flowrig.profile.model.devices import units_of_readings
from flowrig.profile.problems import Finding, Path
from flowrig.profile.quantity import QuantityError, split_suffix
from flowrig.profile.rules import names
from flowrig.profile.supervision import Interlock

__all__ = ["RULES"]

_KEYS = {
    "heat-needs-flow": ("heater", "above_c"),
    "flow-needs-steady-temperature": ("heater", "tolerance_c", "or_below_c"),
    "syringe-not-empty": ("remainder_ul",),
    "reading": ("frozen_after_s",),
}
"""Keys of each kind of interlock besides `streams`, `grace` and `action`."""

_THRESHOLDS_C = ("near_c", "progress_c", "runaway_c", "above_limit_c")
_THRESHOLDS_S = ("rise_s", "fall_s", "frozen_s", "lease_s")

_OPTIONAL = ("or_below_c", "remainder_ul", "frozen_after_s")


def interlocks(profile: Profile) -> Iterator[Finding]:
    """An interlock names streams and heaters of the rig, and has the keys of its kind."""
    for index, interlock in enumerate(profile.interlocks):
        here: Path = ("interlocks", index)
        if interlock.reading is not None:
            yield from _reading(profile, interlock, here)
        elif not interlock.streams:
            yield Finding((*here, "streams"), "no stream is given", expected="at least one")
        for position, stream in enumerate(interlock.streams):
            path = (*here, "streams" if interlock.reading is None else "while_flowing", position)
            yield from names.one_of(stream, profile.streams, "stream", path)
            if interlock.kind == "syringe-not-empty":
                yield from _has_an_end(profile, stream, path)
        if interlock.heater is not None:
            yield from names.device(profile, interlock.heater, "heater", (*here, "heater"))
        for field in ("heater", "above_c", "tolerance_c", *_OPTIONAL):
            key = split_suffix(field)[0]
            wanted, given = field in _KEYS[interlock.kind], getattr(interlock, field)
            if wanted and given is None and field not in _OPTIONAL:
                yield Finding(here, f"{interlock.kind} needs a key {key!r}")
            elif not wanted and given:
                message = f"{interlock.kind} takes no key {key!r}"
                yield Finding((*here, key), message, on_key=True)


def _has_an_end(profile: Profile, name: str, path: Path) -> Iterator[Finding]:
    """What is watched for being empty has a volume."""
    stream = profile.streams.get(name)
    if stream is not None and stream.syringe is None and stream.supply_ul is None:
        yield Finding(
            path,
            f"{name!r} is drawn from what counts as never empty",
            expected=f"a volume as `supply` in [streams.{name}], or `streams` without {name!r}",
        )


def _reading(profile: Profile, interlock: Interlock, here: Path) -> Iterator[Finding]:
    """An interlock names a reading that there is, and has a limit in its unit."""
    assert interlock.reading is not None
    units = units_of_readings(profile.devices)
    if interlock.reading not in units:
        yield from names.one_of(interlock.reading, units, "reading", (*here, "reading"))
        return
    if interlock.frozen_after_s is not None:
        yield from _frozen(interlock, interlock.frozen_after_s, here)
        return
    try:
        interlock.limit_in(units[interlock.reading])
    except QuantityError as error:
        key = interlock.breaks.replace(" ", "_")
        yield Finding((*here, key), error.message, expected=error.expected)


def _frozen(interlock: Interlock, after_s: float, here: Path) -> Iterator[Finding]:
    """A reading has to change only while something flows: at rest a sound one may stand still."""
    yield from _positive(after_s, (*here, "frozen_after"), "s")
    if not interlock.streams:
        message = "without flow a sound reading may stand still"
        expected = "a key `while_flowing` with the streams that move the reading"
        yield Finding((*here, "frozen_after"), message, expected=expected, on_key=True)


def thresholds(profile: Profile) -> Iterator[Finding]:
    """Thresholds are positive, and so are the divisors of a commissioning."""
    supervision = profile.supervision
    for field in (*_THRESHOLDS_C, *_THRESHOLDS_S):
        key, unit = split_suffix(field)
        yield from _positive(getattr(supervision, field), ("supervision", key), unit)
    for heater, measured in supervision.commissioning.items():
        for field in ("time_constant_s", "heating_c_min"):
            key, unit = split_suffix(field)
            path: Path = ("supervision", "commissioning", heater, key)
            yield from _positive(getattr(measured, field), path, unit)


def _positive(value: float, path: Path, unit: str) -> Iterator[Finding]:
    if not value > 0:
        yield Finding(path, f"got {value:g} {unit}", expected=f"more than 0 {unit}")


def commissioned(profile: Profile) -> Iterator[Finding]:
    """Commissionings belong to heaters of the rig."""
    for heater in profile.supervision.commissioning:
        path: Path = ("supervision", "commissioning", heater)
        yield from names.device(profile, heater, "heater", path)


def margins(profile: Profile) -> Iterator[Finding]:
    """The search space leaves time to detect a broken sensor before the rig is too hot."""
    for index, variable in enumerate(profile.variables):
        if variable.heater is None:
            continue
        path: Path = ("space", index, "range", 1)
        yield from margin(profile, variable.heater, variable.range[1], path)


def margin(profile: Profile, heater: str, highest_c: float, path: Path) -> Iterator[Finding]:
    """A finding if a broken sensor at a set point [°C] would be detected too late."""
    limit_c = profile.limits.set_point_c(heater)[1]
    at = profile.supervision.thresholds(heater, limit_c, profile.steady.heating_c_min)
    if highest_c >= at.highest_set_point_c():
        yield Finding(
            path,
            f"at {highest_c:g} °C a broken sensor would be detected after {at.detection_s:.0f} s, "
            f"up to {at.margin_c:.0f} °C higher, and the rig must never reach "
            f"{at.never_above_c:g} °C",
            expected=f"less than {at.highest_set_point_c():.0f} °C, or shorter times in "
            "[supervision]",
        )


RULES = (interlocks, thresholds, commissioned, margins)
