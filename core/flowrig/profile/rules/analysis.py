"""Rules for calibration, spectra and objective."""

import math
import re
from collections.abc import Iterator, Mapping

from attrs import frozen

from flowrig.errors import InputError
from flowrig.problem.objective import MaximumResponse, Objective, TargetObjective
from flowrig.profile.expressions import ExpressionError
from flowrig.profile.model import Feature, Profile, Window, bind_features
from flowrig.profile.model.devices import units_of_readings
from flowrig.profile.problems import Finding, Path, nearest
from flowrig.profile.rules import names
from flowrig.profile.rules.limits import outside

__all__ = [
    "RULES",
    "AnalysedWindow",
    "analysed_windows",
    "features_of",
    "flow_rates",
    "require_pixels",
    "require_seen",
]

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
"""Names of channels: arrays in the journal are called after them, and expressions use them."""


def flow_rates(
    profile: Profile, rates_ul_min: Mapping[str, float], path: Path
) -> Iterator[Finding]:
    """Fixed flow rates belong to streams and lie within their limits; 0 is always allowed."""
    for name, rate in rates_ul_min.items():
        here = (*path, name)
        yield from names.one_of(name, profile.streams, "stream", here, on_key=True)
        if name in profile.streams and rate != 0:
            window = profile.streams[name].flow_rate_ul_min
            yield from outside(rate, window, "uL/min", f"the limits of the stream {name!r}", here)


def calibration(profile: Profile) -> Iterator[Finding]:
    """The flow rates of the calibration belong to streams, and analyses that need it have one."""
    path: Path = ("calibration", "flow_rates")
    if profile.calibration is not None:
        yield from flow_rates(profile, profile.calibration.flow_rates_ul_min, path)
        return
    for channel in profile.analysis.channels.values():
        if channel.offer.needs_light:
            yield Finding(
                channel.path,
                f"the channel {channel.name!r} compares the sample with the lamp, and there is no "
                "reference of the lamp",
                expected="a table [calibration]",
                on_key=True,
            )


def channels(profile: Profile) -> Iterator[Finding]:
    """There is a channel, no two have one name, and both keys of the reactive frames are given."""
    settings = profile.analysis
    here: Path = ("analysis",)
    if not settings.channels:
        expected = "a table [analysis.channels.NAME]"
        yield Finding(here, "nothing is looked at", expected=expected, on_key=True)
    older = {"absorbance": settings.absorbance, "photoluminescence": settings.photoluminescence}
    for name, channel in settings.channel_tables.items():
        if older.get(name) is not None:
            message = f"[analysis.{name}] is a channel called {name!r} already"
            yield Finding(channel.path, message, expected="another name", on_key=True)
        if not _PLAIN.fullmatch(name):
            expected = "letters, digits and underscores, a letter first"
            yield Finding(channel.path, f"got {name!r}", expected=expected, on_key=True)
        if name in profile.devices:
            message = f"{name!r} is the name of a device"
            yield Finding(channel.path, message, expected="another name", on_key=True)
    for key, other, given in (
        ("reactive_frames", "reactive_window", settings.reactive_frames),
        ("reactive_window", "reactive_frames", settings.reactive_window_nm),
    ):
        both = None not in (settings.reactive_frames, settings.reactive_window_nm)
        if given is not None and not both:
            message = f"`{key}` needs `{other}`"
            yield Finding((*here, key), message, expected=f"a key `{other}`", on_key=True)
        elif given is not None and settings.pick is not None:
            message = f"`{key}` and `pick` say the same"
            yield Finding((*here, key), message, expected="`pick` alone", on_key=True)


def spectrometers(profile: Profile) -> Iterator[Finding]:
    """The spectrometer of every channel exists, and is at a flow cell."""
    watched = {component.spectrometer for component in profile.path.values()}
    for channel in profile.analysis.channels.values():
        path = channel.key("device")
        wrong = list(names.device(profile, channel.device, "spectrometer", path))
        yield from wrong
        if not wrong and channel.device not in watched:
            message = f"the spectrometer {channel.device!r} is at no flow cell"
            expected = f'a flow cell in [path] with `spectrometer = "{channel.device}"`'
            yield Finding(path, message, expected=expected)


def darks(profile: Profile) -> Iterator[Finding]:
    """A stored dark is given where it is used, and only there."""
    for channel in profile.analysis.channels.values():
        if channel.dark == "stored" and not channel.stored_dark:
            message = 'dark = "stored" needs the dark'
            expected = "a key `stored_dark` with the counts of every pixel"
            yield Finding(channel.key("dark"), message, expected=expected)
        if channel.dark != "stored" and channel.stored_dark:
            message = f'a channel with dark = "{channel.dark}" uses no `stored_dark`'
            expected = 'dark = "stored", or no such key'
            yield Finding(channel.key("stored_dark"), message, expected=expected, on_key=True)
        for number, counts in enumerate(channel.stored_dark):
            if not 0 <= counts < math.inf:
                path = (*channel.key("stored_dark"), number)
                yield Finding(path, f"got {counts:g} counts", expected="0 or more")


def require_pixels(profile: Profile, pixels: Mapping[str, int]) -> None:
    """Check that stored darks have as many pixels as their detectors.

    Args:
        profile: the rig.
        pixels: number of pixels by spectrometer.

    Raises:
        InputError: one has not; the message names the key of the profile.
    """
    for channel in profile.analysis.channels.values():
        count = len(channel.stored_dark)
        if channel.stored_dark and count != pixels[channel.device]:
            raise InputError(
                f"{'.'.join(map(str, channel.key('stored_dark')))}: it has {count} values, and "
                f"{channel.device!r} {pixels[channel.device]} pixels; store a dark of this "
                "spectrometer"
            )


def lights(profile: Profile) -> Iterator[Finding]:
    """No step of the safe state shuts a light that nothing opens again."""
    shuttered, read = profile.analysis.shuttered, profile.analysis.devices
    for index, step in enumerate(profile.safe_state):
        for number, name in enumerate(step.spectrometers):
            if name in read and name not in shuttered:
                yield Finding(
                    ("safe_state", index, "spectrometers", number),
                    f"nothing opens the light of {name!r} again: its channels take no dark",
                    expected='a spectrometer whose channel has dark = "shutter"',
                )


RESERVED = (
    "index",
    "stage",
    "objective",
    "quality",
    "flags",
    "started_s",
    "ended_s",
    "predicted_objective",
    "predicted_sd",
)
"""Columns of exports that are no features."""

SLACK_NM = 1.0
"""How far [nm] a window may be beyond the first or last pixel of a detector."""


@frozen
class AnalysedWindow:
    """Wavelengths that the analysis reads from a spectrometer.

    Attributes:
        path: path of their key in the profile.
        spectrometer: name of the device.
        low_nm: shortest of them [nm].
        high_nm: longest of them [nm].
    """

    path: Path
    spectrometer: str
    low_nm: float
    high_nm: float

    def problem(self, range_nm: Window, slack_nm: float = 0.0) -> str:
        """Why a detector with a range [nm] cannot see them all; "" if it can.

        Args:
            range_nm: shortest and longest wavelength of the detector [nm].
            slack_nm: how far they may be beyond its ends [nm].
        """
        low, high = range_nm
        if low - slack_nm <= self.low_nm and self.high_nm <= high + slack_nm:
            return ""
        what = f"{self.low_nm:g}"
        what += "" if self.low_nm == self.high_nm else f" to {self.high_nm:g}"
        return (
            f"{what} nm is beyond the detector of {self.spectrometer!r}, which sees {low:g} to "
            f"{high:g} nm"
        )


def analysed_windows(profile: Profile) -> Iterator[AnalysedWindow]:
    """All wavelengths that the analysis reads, of every channel."""
    settings = profile.analysis
    channels = settings.channels
    for channel in channels.values():
        if channel.picked is not None:
            given = channel.name in settings.channel_tables
            given = given and settings.channel_tables[channel.name].pick is not None
            word = "darkest" if channel.picked.darkest_nm is not None else "brightest"
            path: Path = ("analysis", "reactive_window")
            if given or settings.pick is not None:
                path = (*(channel.path if given else ("analysis",)), "pick", word)
            yield AnalysedWindow(path, channel.device, *channel.picked.window_nm)
        if channel.baseline_nm is not None:
            yield AnalysedWindow(channel.key("baseline"), channel.device, *channel.baseline_nm)
    for feature in features_of(profile).values():
        for reading in feature.readings:
            device = channels[reading.channel].device
            yield AnalysedWindow(feature.key, device, *reading.window_nm)


def require_seen(profile: Profile, ranges_nm: Mapping[str, Window]) -> None:
    """Check that detectors see all wavelengths that the analysis reads.

    Args:
        profile: the rig.
        ranges_nm: by spectrometer, wavelength of the first and of the last pixel [nm].

    Raises:
        InputError: one does not; the message names the key of the profile.
    """
    for wanted in analysed_windows(profile):
        if problem := wanted.problem(ranges_nm[wanted.spectrometer], SLACK_NM):
            raise InputError(
                f"{'.'.join(map(str, wanted.path))}: {problem}; expected wavelengths inside, or "
                "another spectrometer"
            )


def windows(profile: Profile) -> Iterator[Finding]:
    """Wavelengths are positive, and within the range that the driver's offer declares."""
    for one in analysed_windows(profile):
        if not one.low_nm > 0:
            yield Finding(one.path, f"got {one.low_nm:g} nm", expected="more than 0 nm")
        device = profile.devices.get(one.spectrometer)
        declared = None if device is None else device.offer.limits.get("wavelength_nm")
        if declared is not None and (problem := one.problem(declared)):
            expected = f"wavelengths from {declared[0]:g} to {declared[1]:g} nm"
            yield Finding(one.path, problem, expected=expected)


def read_cells(profile: Profile) -> Iterator[Finding]:
    """Every spectrometer is one that a channel reads."""
    read = profile.analysis.devices
    if any(spectrometers(profile)):  # one mistake in a name is reported once
        return
    expected = f"one that [analysis] reads, {' or '.join(map(repr, read))}"
    watched = set()
    for name, component in profile.path.items():
        if component.spectrometer is None:
            continue
        watched.add(component.spectrometer)
        if component.kind == "flow-cell" and component.spectrometer not in read:
            yield Finding(
                ("path", name, "spectrometer"),
                f"nobody reads the spectrometer {component.spectrometer!r} of the flow cell "
                f"{name!r}",
                expected=f'{expected}, or tubing (kind = "tubing") in its place',
            )
    for name, device in profile.devices.items():
        if device.offer.kind == "spectrometer" and name not in {*read, *watched}:
            message = f"nobody reads the spectrometer {name!r}"
            expected = "a channel in [analysis.channels] that reads it, or no such device"
            yield Finding(("devices", name), message, expected=expected, on_key=True)


def features_of(profile: Profile) -> dict[str, Feature]:
    """The features that have a meaning, by name."""
    return _bound(profile)[0]


def _bound(profile: Profile) -> tuple[dict[str, Feature], dict[str, ExpressionError]]:
    settings = profile.analysis
    return bind_features(
        settings.channels,
        profile.feature_texts,
        settings.table_features,
        units_of_readings(profile.devices),
    )


def features(profile: Profile) -> Iterator[Finding]:
    """Every feature has a name of its own and a meaning, and its windows have a width."""
    settings = profile.analysis
    found, errors = _bound(profile)
    older = {feature.name: feature.key for feature in settings.table_features}
    for name in profile.feature_texts:
        path: Path = ("features", name)
        if not _PLAIN.fullmatch(name):
            expected = "letters, digits and underscores, a letter first"
            yield Finding(path, f"got {name!r}", expected=expected, on_key=True)
        if name in RESERVED:
            message = f"{name!r} is a column of every export"
            yield Finding(path, message, expected="another name", on_key=True)
        if name in older:
            message = f"[{'.'.join(map(str, older[name][:-1]))}] gives a feature {name!r} already"
            yield Finding(path, message, expected="another name", on_key=True)
        if name in settings.channels:
            message = f"{name!r} is the name of a channel"
            yield Finding(path, message, expected="another name", on_key=True)
    for name, error in errors.items():
        yield Finding(
            ("features", name),
            error.message,
            expected=error.expected,
            nearest=error.nearest,
            offset=error.offset,
        )
    for feature in found.values():
        for reading in feature.readings:
            low, high = reading.window_nm
            if reading.how != "at" and not low < high:
                message = f"the window of {reading.how}() has no width: {low:g} to {high:g} nm"
                yield Finding(feature.key, message, expected="the lower wavelength first")


def responses(profile: Profile) -> Iterator[Finding]:
    """The objective uses features that the analysis yields."""
    features = features_of(profile)
    for response in profile.objective.responses:
        if response not in features:
            yield Finding(
                _place_of(profile.objective, response),
                f"the objective needs the feature {response!r}, which the analysis does not yield",
                expected=f"features among {', '.join(features)}",
                nearest=nearest(response, features),
            )
    for index, variable in enumerate(profile.variables):
        if variable.name in features:
            message = f"{variable.name!r} is the name of a feature"
            yield Finding(("space", index, "name"), message, expected="another name")


def repeatability(profile: Profile) -> Iterator[Finding]:
    """Repeatability belongs to features; an absorbance may be at any wavelength."""
    for name, percent in profile.analysis.repeatability_percent.items():
        path: Path = ("analysis", "repeatability", name)
        # A profile that extends another can read the absorbance at another wavelength.
        if not re.fullmatch(r"a\d+", name):
            yield from names.one_of(name, features_of(profile), "feature", path, on_key=True)
        if not 0.0 < percent < 100.0:
            yield Finding(path, f"got {percent:g} %", expected="more than 0 % and less than 100 %")


def _place_of(objective: Objective, response: str) -> Path:
    """Path of the key with which an objective names a response."""
    if isinstance(objective, MaximumResponse):
        return ("objective", "response")
    if isinstance(objective, TargetObjective):
        number = next(i for i, goal in enumerate(objective.goals) if response in goal.responses)
        key = "objective" if objective.goals[number].objective is not None else "response"
        return ("objective", "goals", number, key)
    return ("objective", "name")


RULES = (
    calibration,
    channels,
    spectrometers,
    darks,
    lights,
    windows,
    read_cells,
    features,
    responses,
    repeatability,
)
