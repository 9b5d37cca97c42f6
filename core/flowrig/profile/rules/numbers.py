"""Rules for numbers that must be positive, or not negative."""

import math
from collections.abc import Iterator

from flowrig.interfaces import Syringe
from flowrig.profile.model import NO_LIMIT, Liquid, Profile, Stock, Stream
from flowrig.profile.problems import Finding, Path

__all__ = ["RULES"]

STROKE_MM = (10.0, 300.0)
"""Least and largest length [mm] of the liquid in a full syringe (assumed; common syringes have 50
to 130 mm)."""


MOST_FRAMES = 10_000
"""Largest number of frames of one sample: they are kept in memory, and as one array on the disk."""

MOST_RESIDENCE_TIMES = 1000.0
"""Largest number of residence times of the wait for the steady state."""


def _at_least(value: float | None, least: float, path: Path, unit: str = "") -> Iterator[Finding]:
    if value is not None and value < least:
        yield Finding(path, _got(value, unit), expected=f"at least {least:g} {unit}".rstrip())


def _at_most(value: float | None, most: float, path: Path, unit: str = "") -> Iterator[Finding]:
    if value is not None and value > most:
        yield Finding(path, _got(value, unit), expected=f"at most {most:g} {unit}".rstrip())


def _positive(value: float | None, path: Path, unit: str = "") -> Iterator[Finding]:
    if value is not None and not value > 0:
        yield Finding(path, _got(value, unit), expected=f"more than 0 {unit}".rstrip())


def _got(value: float, unit: str) -> str:
    return f"got {value:g} {unit}".rstrip()


def streams(profile: Profile) -> Iterator[Finding]:
    """Syringes and supplies have a size, flow rates are not negative, stocks have amounts."""
    for name, stream in profile.streams.items():
        here: Path = ("streams", name)
        if stream.syringe is not None:
            yield from _syringe(stream.syringe, (*here, "syringe"))
        yield from _positive(stream.supply_ul, (*here, "supply"), "µL")
        for supply in (stream.selector, stream.vessel):
            if supply is not None:
                yield from _positive(supply.rinse_ul, (*here, "supply", "rinse"), "µL")
        yield from _positive(stream.pressure_kpa, (*here, "pressure"), "kPa")
        yield from _at_least(stream.flow_rate_ul_min[0], 0, (*here, "flow_rate", 0), "µL/min")
        if stream.stock is not None:
            yield from _stock(stream.stock, (*here, "stock"))
        if stream.liquid is not None:
            yield from _liquid(stream, stream.liquid, (*here, "liquid"))


def _liquid(stream: Stream, liquid: Liquid, here: Path) -> Iterator[Finding]:
    """Properties are positive, and stand where design numbers use them."""
    for key, value, unit in (
        ("density", liquid.density_kg_m3, "kg/m3"),
        ("viscosity", liquid.viscosity_mpa_s, "mPa s"),
        ("interfacial_tension", liquid.interfacial_tension_mn_m, "mN/m"),
        ("diffusivity", liquid.diffusivity_m2_s, "m2/s"),
    ):
        if isinstance(value, tuple):
            yield from _positive(value[0], (*here, key, 0), unit)
        else:
            yield from _positive(value, (*here, key), unit)
    is_carrier = stream.is_carrier
    if is_carrier and liquid.diffusivity_m2_s is not None:
        message = f"{stream.name!r} is a carrier, in which nothing has to mix"
        expected = "a diffusivity of a reagent or solvent"
        yield Finding((*here, "diffusivity"), message, expected=expected, on_key=True)
    if not is_carrier and liquid.interfacial_tension_mn_m is not None:
        message = f"{stream.name!r} is no carrier"
        expected = "the interfacial tension of a carrier, to the liquid of the slugs"
        yield Finding((*here, "interfacial_tension"), message, expected=expected, on_key=True)


def _syringe(syringe: Syringe, here: Path) -> Iterator[Finding]:
    yield from _positive(syringe.volume_ul, (*here, "volume"), "µL")
    yield from _positive(syringe.inner_diameter_mm, (*here, "inner_diameter"), "mm")
    yield from _stroke(syringe, (*here, "inner_diameter"))


def _stroke(syringe: Syringe, path: Path) -> Iterator[Finding]:
    """Diameter and volume fit together: every flow rate depends on the square of the diameter."""
    if not (syringe.volume_ul > 0 and syringe.inner_diameter_mm > 0):
        return
    stroke_mm = syringe.volume_ul / (math.pi / 4 * syringe.inner_diameter_mm**2)
    if not STROKE_MM[0] <= stroke_mm <= STROKE_MM[1]:
        yield Finding(
            path,
            f"with {syringe.inner_diameter_mm:g} mm a syringe of {syringe.volume_ul / 1000:g} mL "
            f"would be {stroke_mm:.0f} mm long",
            expected=f"a diameter that makes it {STROKE_MM[0]:g} to {STROKE_MM[1]:g} mm long",
        )


def _stock(stock: Stock, here: Path) -> Iterator[Finding]:
    yield from _at_least(stock.dilution, 1, (*here, "dilution"))
    for index, solute in enumerate(stock.ingredients):
        path = (*here, "ingredients", index)
        if (solute.amount_mmol is None) == (solute.volume_ml is None):
            message = f"the ingredient {solute.name!r} needs exactly one quantity"
            yield Finding(path, message, expected="either `amount` or `volume`")
        yield from _positive(solute.amount_mmol, (*path, "amount"), "mmol")
        yield from _positive(solute.volume_ml, (*path, "volume"), "mL")


def path(profile: Profile) -> Iterator[Finding]:
    """Bores and lengths are positive, and volumes are not negative."""
    for name, component in profile.path.items():
        here: Path = ("path", name)
        yield from _positive(component.inner_diameter_mm, (*here, "inner_diameter"), "mm")
        yield from _positive(component.length_mm, (*here, "length"), "mm")
        if component.volume_window_ul is not None:
            yield from _positive(component.volume_window_ul[0], (*here, "volume", 0), "µL")
        elif not isinstance(component.given_volume_ul, tuple):
            yield from _at_least(component.given_volume_ul, 0, (*here, "volume"), "µL")


def times(profile: Profile) -> Iterator[Finding]:
    """The wait for the steady state and the total flow rate are not negative."""
    path: Path = ("residence_time", "equilibrium")
    yield from _positive(profile.residence_time.equilibrium, path)
    yield from _at_most(profile.residence_time.equilibrium, MOST_RESIDENCE_TIMES, path)
    for name, section in profile.sections.items():
        here: Path = ("sections", name, "reaction_time")
        yield from _positive(section.reaction_time_s, here, "s")
    total_flow = profile.limits.total_flow_ul_min
    if total_flow != NO_LIMIT:  # the streams, which give the limit, could not be read
        yield from _at_least(total_flow[0], 0, ("limits", "total_flow", 0), "µL/min")


def steady(profile: Profile) -> Iterator[Finding]:
    """The times of a heater are positive, and the wait is longer than the hold."""
    rule = profile.steady
    yield from _positive(rule.tolerance_c, ("steady", "tolerance"), "°C")
    yield from _at_least(rule.hold_s, 0, ("steady", "hold"), "s")
    yield from _positive(rule.poll_s, ("steady", "poll"), "s")
    yield from _positive(rule.heating_c_min, ("steady", "heating"), "°C/min")
    yield from _positive(rule.cooling_c_min, ("steady", "cooling"), "°C/min")
    yield from _positive(rule.settling_s, ("steady", "settling"), "s")
    if rule.loss_s <= rule.settling_s:
        yield Finding(
            ("steady", "loss"),
            f"got {rule.loss_s:g} s",
            expected=f"longer than `settling`, {rule.settling_s:g} s",
        )
    if rule.timeout_s <= rule.hold_s:
        yield Finding(
            ("steady", "timeout"),
            f"got {rule.timeout_s:g} s",
            expected=f"longer than `hold`, {rule.hold_s:g} s",
        )


def frames(profile: Profile) -> Iterator[Finding]:
    """Every sample has frames, and no more reactive frames than frames."""
    analysis = profile.analysis
    for key, count in (("frames", analysis.frames), ("dark_frames", analysis.dark_frames)):
        yield from _at_most(count, MOST_FRAMES, ("analysis", key))
    yield from _at_least(analysis.frames, 1, ("analysis", "frames"))
    yield from _at_least(analysis.frame_interval_s, 0, ("analysis", "frame_interval"), "s")
    yield from _at_least(analysis.dark_frames, 0, ("analysis", "dark_frames"))
    if analysis.reactive_frames is not None:
        yield from _picked(analysis.reactive_frames, analysis.frames, ("analysis",), "reactive_")
    if analysis.pick is not None and analysis.pick != "all":
        yield from _picked(analysis.pick.frames, analysis.frames, ("analysis", "pick"))
    for channel in analysis.channel_tables.values():
        if channel.frames is not None:
            here = (*channel.path, "frames")
            yield from _at_least(channel.frames, 1, here)
            yield from _at_most(channel.frames, MOST_FRAMES, here)
        if channel.frame_interval_s is not None:
            here = (*channel.path, "frame_interval")
            yield from _at_least(channel.frame_interval_s, 0, here, "s")
        if channel.picked is not None:
            here = (*channel.path, "pick")
            yield from _picked(channel.picked.frames, analysis.frames_of(channel.device), here)


def _picked(count: int, frames: int, table: Path, prefix: str = "") -> Iterator[Finding]:
    """At least one frame of a sample shows the reactive phase, and at most all do."""
    path = (*table, f"{prefix}frames")
    yield from _at_least(count, 1, path)
    if count > frames:
        yield Finding(path, f"got {count}", expected=f"no more than `frames`, {frames}")


def calibration(profile: Profile) -> Iterator[Finding]:
    """Dark frames and lamp reference are averages of at least one frame."""
    settings = profile.calibration
    if settings is None:
        return
    for key in ("dark_frames", "reference_frames"):
        yield from _at_most(getattr(settings, key), MOST_FRAMES, ("calibration", key))
    yield from _at_least(settings.duration_s, 0, ("calibration", "duration"), "s")
    yield from _at_least(settings.dark_frames, 1, ("calibration", "dark_frames"))
    yield from _at_least(settings.reference_frames, 1, ("calibration", "reference_frames"))


def campaign(profile: Profile) -> Iterator[Finding]:
    """Every stage has experiments, and every limit of time is positive."""
    if profile.campaign is None:
        return
    for index, stage in enumerate(profile.campaign.stages):
        here: Path = ("campaign", "stages", index)
        yield from _at_least(stage.experiments, 1, (*here, "experiments"))
        yield from _at_least(stage.batch, 1, (*here, "batch"))
    yield from _positive(profile.campaign.stop.at_most_s, ("campaign", "stop", "at_most"), "s")


RULES = (streams, path, times, steady, frames, calibration, campaign)
