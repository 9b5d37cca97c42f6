"""Rules for calibration, spectra and objective."""

import re
from collections.abc import Iterator, Mapping

from flowrig.problem.objective import MaximumResponse, Objective, TargetObjective
from flowrig.profile.model import Profile
from flowrig.profile.problems import Finding, Path, nearest
from flowrig.profile.rules import names
from flowrig.profile.rules.limits import outside

__all__ = ["RULES", "flow_rates"]


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
    """The flow rates of the calibration belong to streams."""
    path: Path = ("calibration", "flow_rates")
    yield from flow_rates(profile, profile.calibration.flow_rates_ul_min, path)


def spectrometers(profile: Profile) -> Iterator[Finding]:
    """Both spectrometers exist, and each is at a flow cell."""
    watched = {component.spectrometer for component in profile.path.values()}
    for section, name in (
        ("absorbance", profile.analysis.absorbance.spectrometer),
        ("photoluminescence", profile.analysis.photoluminescence.spectrometer),
    ):
        path: Path = ("analysis", section, "spectrometer")
        wrong = list(names.device(profile, name, "spectrometer", path))
        yield from wrong
        if not wrong and name not in watched:
            message = f"the spectrometer {name!r} is at no flow cell"
            expected = f'a flow cell in [path] with `spectrometer = "{name}"`'
            yield Finding(path, message, expected=expected)


def responses(profile: Profile) -> Iterator[Finding]:
    """The objective uses features that the analysis yields."""
    features = profile.analysis.features
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
            yield from names.one_of(name, profile.analysis.features, "feature", path, on_key=True)
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


RULES = (calibration, spectrometers, responses, repeatability)
