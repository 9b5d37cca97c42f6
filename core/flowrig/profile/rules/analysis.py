"""Rules for calibration, spectra and objective."""

import math
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise

from attrs import frozen

from flowrig.errors import InputError
from flowrig.problem.objective import MaximumResponse, Objective, OfGoals
from flowrig.profile.controls.quality import quality_checks
from flowrig.profile.expressions import ExpressionError
from flowrig.profile.model import Channel, Feature, Profile, Window, bind_features
from flowrig.profile.model.devices import detectors_at, units_of_readings
from flowrig.profile.model.features import costs_in, features_of_objective
from flowrig.profile.model.off_line import EXPERIMENT, OffLine, spectral_and_later
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
        if profile.analysis.channels and not profile.analysis.lit:
            message = "no channel looks at light, of which a reference could be taken"
            yield Finding(("calibration",), message, expected="no such table", on_key=True)
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
    if not settings.channels and not settings.off_line:
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
    yield from _off_line(profile, older)
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


def _series(channel: OffLine) -> Iterator[Finding]:
    """A series of storage has a name and rising ages; nothing is dropped or late of it."""
    for name, ages_s in channel.series_s.items():
        path = (*channel.path, "series", name)
        if not _PLAIN.fullmatch(name):
            expected = "letters, digits and underscores, a letter first"
            yield Finding(path, f"got {name!r}", expected=expected, on_key=True)
        rises = all(before < after for before, after in pairwise(ages_s))
        if not (ages_s and rises and ages_s[0] >= 0.0 and 0.0 < ages_s[-1] < math.inf):
            yield Finding(path, "the ages do not rise", expected='ages such as ["0 h", "5 h"]')
    for key, used in (("files", bool(channel.files)), ("within", channel.within_s is not None)):
        if channel.series_s and used:
            message = f"{key!r} says nothing of stored samples"
            yield Finding((*channel.path, key), message, expected="no such key", on_key=True)


def _off_line(profile: Profile, older: Mapping[str, object]) -> Iterator[Finding]:
    """Off-line channels have names of their own, give something, and wait for a time."""
    for name, one in profile.analysis.off_line.items():
        taken = "a device" if name in profile.devices else ""
        taken = taken or ("a channel already" if older.get(name) is not None else "")
        if taken:
            message = f"{name!r} is the name of {taken}"
            yield Finding(one.path, message, expected="another name", on_key=True)
        if not one.gives:
            expected = 'quantities with their units, such as { plqy = "%" }'
            yield Finding((*one.path, "gives"), "the channel gives nothing", expected=expected)
        for text in (name, *one.gives):
            if not _PLAIN.fullmatch(text):
                path = one.path if text == name else (*one.path, "gives", text)
                expected = "letters, digits and underscores, a letter first"
                yield Finding(path, f"got {text!r}", expected=expected, on_key=True)
        folder, _, last = one.files.replace("\\", "/").rpartition("/")
        if one.files and (last.count(EXPERIMENT) != 1 or set(folder) & set("*?[{")):
            expected = (
                'a path whose last part has {experiment} once, such as "cd/*_{experiment}.csv"'
            )
            yield Finding((*one.path, "files"), f"got {one.files!r}", expected=expected)
        yield from _series(one)
        for key, seconds in (("within", one.within_s), ("takes", one.takes_s)):
            if seconds is not None and not 0.0 <= seconds < math.inf:
                yield Finding((*one.path, key), f"got {seconds:g} s", expected="0 s or more")


def detectors(profile: Profile) -> Iterator[Finding]:
    """The detector of every channel exists, is at a component, and has an axis that is read."""
    watched = _watched(profile)
    for channel in profile.analysis.channels.values():
        path = channel.key("device")
        wrong = list(names.detector(profile, channel.device, path))
        yield from wrong
        if wrong:
            continue
        entry = profile.devices[channel.device]
        kind, units = entry.offer.kind, channel.offer.detector_units
        if channel.device not in watched:
            message = f"the {kind} {channel.device!r} is at no flow cell"
            expected = f'a flow cell in [path] with `{kind} = "{channel.device}"`'
            yield Finding(path, message, expected=expected)
        if units and entry.axis_unit not in units:
            message = f"{channel.device!r} takes frames over {entry.axis_unit}"
            expected = f"a detector over {' or '.join(units)} for {channel.offer.name!r}"
            yield Finding(path, message, expected=expected)
        elif channel.picked is not None and entry.axis_unit != "nm":
            message = f"frames over {entry.axis_unit} are not picked by wavelengths"
            expected = f'pick = "all" in [{".".join(map(str, channel.path))}]'
            yield Finding(channel.path, message, expected=expected, on_key=True)
        elif misfit := _misfit(channel, entry.axis_unit):
            yield Finding(channel.path, misfit, on_key=True)


def _misfit(channel: Channel, axis_unit: str) -> str:
    """Why the settings of an analysis do not fit a detector, if their class tells it."""
    told = getattr(channel.settings, "problem_with", None)
    return "" if told is None else str(told(axis_unit))


def _watched(profile: Profile) -> set[str]:
    """Detectors at components."""
    return {
        device
        for component in profile.path.values()
        for device in detectors_at(component, profile.devices)
    }


def own_frames(profile: Profile) -> Iterator[Finding]:
    """Channels of one detector read the same frames."""
    own = profile.analysis.own_frames
    for channel in profile.analysis.channel_tables.values():
        for key, given, taken in (
            ("frames", channel.frames, own.get(channel.device, (0, 0.0))[0]),
            ("frame_interval", channel.frame_interval_s, own.get(channel.device, (0, 0.0))[1]),
        ):
            if given is not None and given != taken:
                message = f"another channel of {channel.device!r} has {taken:g}, this one {given:g}"
                expected = f"the same `{key}` in both, or in one of them only"
                yield Finding((*channel.path, key), message, expected=expected)


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
    "arm",
    "settled",
    "flowing_s",
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
    """Wavelengths that the analysis reads from a spectrometer, or places on another axis.

    Attributes:
        path: path of their key in the profile.
        spectrometer: name of the device.
        low_nm: shortest of them [nm], or lowest place.
        high_nm: longest of them [nm], or highest place.
        unit: unit of the axis.
    """

    path: Path
    spectrometer: str
    low_nm: float
    high_nm: float
    unit: str = "nm"

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
            f"{what} {self.unit} is beyond the detector of {self.spectrometer!r}, which sees "
            f"{low:g} to {high:g} {self.unit}"
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
    for feature in _bound(profile)[0].values():
        for reading in feature.readings:
            channel = channels[reading.channel]
            if reading.unit in channel.offer.detector_units:  # else the axis is the analysis' own
                window = reading.window_nm
                yield AnalysedWindow(feature.key, channel.device, *window, reading.unit)


def require_seen(profile: Profile, ranges_nm: Mapping[str, Window]) -> None:
    """Check that detectors see all wavelengths that the analysis reads.

    Args:
        profile: the rig.
        ranges_nm: by detector, wavelength of the first and of the last pixel [nm], or their places
            on another axis; one without an entry is not checked.

    Raises:
        InputError: one does not; the message names the key of the profile.
    """
    for wanted in analysed_windows(profile):
        if wanted.spectrometer not in ranges_nm:
            continue
        slack, what = (SLACK_NM, "wavelengths") if wanted.unit == "nm" else (0.0, "places")
        if problem := wanted.problem(ranges_nm[wanted.spectrometer], slack):
            other = "spectrometer" if wanted.unit == "nm" else "detector"
            raise InputError(
                f"{'.'.join(map(str, wanted.path))}: {problem}; expected {what} inside, or "
                f"another {other}"
            )


def windows(profile: Profile) -> Iterator[Finding]:
    """Wavelengths are positive, and within the range that the driver's offer declares."""
    for one in analysed_windows(profile):
        if one.unit == "nm" and not one.low_nm > 0:
            yield Finding(one.path, f"got {one.low_nm:g} nm", expected="more than 0 nm")
        device = profile.devices.get(one.spectrometer)
        declared = None if device is None else device.offer.limits.get("wavelength_nm")
        if one.unit == "nm" and declared is not None and (problem := one.problem(declared)):
            expected = f"wavelengths from {declared[0]:g} to {declared[1]:g} nm"
            yield Finding(one.path, problem, expected=expected)


def read_cells(profile: Profile) -> Iterator[Finding]:
    """Every spectrometer is one that a channel reads."""
    read = profile.analysis.devices
    if any(detectors(profile)):  # one mistake in a name is reported once
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
        if device.axis_unit and name not in {*read, *watched}:
            message = f"nobody reads the {device.offer.kind} {name!r}"
            expected = "a channel in [analysis.channels] that reads it, or no such device"
            yield Finding(("devices", name), message, expected=expected, on_key=True)


def features_of(profile: Profile) -> dict[str, Feature]:
    """The features that have a meaning and are numbers, by name."""
    return {name: one for name, one in _bound(profile)[0].items() if not one.is_series}


def _given(profile: Profile) -> tuple[Feature, ...]:
    """Features that are not in `[features]`: of older tables, and of the objective."""
    return (*profile.analysis.table_features, *features_of_objective(profile.objective))


def _readings(profile: Profile) -> dict[str, str]:
    """`Profile.readings`, of a profile that may be unfinished."""
    costs = costs_in(profile.feature_texts, {*profile.devices, *profile.analysis.channels})
    return {**units_of_readings(profile.devices), **costs}


def _bound(profile: Profile) -> tuple[dict[str, Feature], dict[str, ExpressionError]]:
    settings = profile.analysis
    return bind_features(
        settings.channels,
        profile.feature_texts,
        _given(profile),
        {**_readings(profile), **settings.off_line_units},
    )


def features(profile: Profile) -> Iterator[Finding]:
    """Every feature has a name of its own and a meaning, and its windows have a width."""
    settings = profile.analysis
    found, errors = _bound(profile)
    older = {feature.name: feature.key for feature in _given(profile)}
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
        if name in settings.channels or name in settings.off_line:
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
    for name, read in spectral_and_later(
        found, settings.off_line_units, _readings(profile)
    ).items():
        yield Finding(
            ("features", name),
            f"it mixes an off-line result with what only {read!r} shows",
            expected=f"a feature of its own for what is read from {read!r}, used here by its name",
        )
    for feature in found.values():
        for reading in feature.readings:
            low, high = reading.window_nm
            if reading.how != "at" and not low < high:
                where = f"{low:g} to {high:g} {reading.unit}"
                message = f"the window of {reading.how}() has no width: {where}"
                first = "wavelength" if reading.unit == "nm" else "end"
                yield Finding(feature.key, message, expected=f"the lower {first} first")


def whole_spectra(profile: Profile) -> Iterator[Finding]:
    """Objective and optimizers ask for spectra of channels that there are."""
    known = profile.analysis.channels
    for name in profile.objective.spectra:
        yield from names.one_of(name, known, "channel", ("objective", "channel"))
    stages = () if profile.campaign is None else profile.campaign.stages
    for index, stage in enumerate(stages):
        here: Path = ("campaign", "stages", index)
        for name in stage.spectra:
            yield from names.one_of(name, known, "channel", (*here, "spectra"))


def quality(profile: Profile) -> Iterator[Finding]:
    """Quality checks fit the rig."""
    yield from quality_checks(profile, features_of)


def responses(profile: Profile) -> Iterator[Finding]:
    """The objective uses features that the analysis yields."""
    features = features_of(profile)
    for response in profile.objective.responses:
        if response not in features:
            _, dot, plain = response.rpartition(".")
            named = f'; [features] can name it: {plain} = "{response}"' if dot else ""
            yield Finding(
                _place_of(profile.objective, response),
                f"the objective needs the feature {response!r}, which the analysis does not yield",
                expected=f"features among {', '.join(features)}{named}",
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


def labels(profile: Profile) -> Iterator[Finding]:
    """A label is for a condition, a feature or the objective, and says something."""
    known = [*(one.name for one in profile.variables), *features_of(profile), "objective"]
    for name, label in profile.labels.items():
        path: Path = ("labels", name)
        yield from names.one_of(name, known, "variable or feature", path, on_key=True)
        if not label.strip():
            yield Finding(path, "the label is empty", expected="a name for people")


def _place_of(objective: Objective, response: str) -> Path:
    """Path of the key with which an objective names a response."""
    if isinstance(objective, MaximumResponse):
        return ("objective", "response")
    if isinstance(objective, OfGoals):
        number = next(i for i, goal in enumerate(objective.goals) if response in goal.responses)
        key = "objective" if objective.goals[number].objective is not None else "response"
        return ("objective", "goals", number, key)
    return ("objective", "name")


RULES = (
    calibration,
    channels,
    detectors,
    own_frames,
    darks,
    lights,
    windows,
    read_cells,
    features,
    whole_spectra,
    quality,
    responses,
    repeatability,
    labels,
)
