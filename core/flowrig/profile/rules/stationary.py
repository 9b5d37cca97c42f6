"""Rules for the wait for the steady state: stationary features, looks, and a fast start."""

import math
from collections.abc import Iterator, Mapping

from flowrig.errors import InputError
from flowrig.profile.linear import expand_rules
from flowrig.profile.model import Profile, Section, Stationary
from flowrig.profile.model.off_line import later_features
from flowrig.profile.problems import Finding, Path, nearest
from flowrig.profile.rules.analysis import features_of
from flowrig.profile.topology import Topology, positions_in_experiments

__all__ = ["RULES"]

HERE: Path = ("residence_time", "stationary")


def numbers(profile: Profile) -> Iterator[Finding]:
    """There are features, enough looks, and enough time for them."""
    wanted = profile.residence_time.stationary
    if wanted is None:
        return
    if not wanted.features:
        yield Finding((*HERE, "features"), "no feature is given", expected="at least one")
    least = profile.residence_time.equilibrium + (wanted.looks - 1) * wanted.every
    for key, value, fits, expected in (
        ("tolerance", wanted.tolerance, wanted.tolerance > 0, "more than 0"),
        ("looks", wanted.looks, wanted.looks >= 3, "at least 3, because a line is fitted"),
        ("frames", wanted.frames, wanted.frames >= 1, "at least 1"),
        ("every", wanted.every, wanted.every > 0, "more than 0"),
        (
            "longest",
            wanted.longest,
            wanted.longest >= least,
            f"at least {least:.3g}, for `equilibrium` and all `looks`",
        ),
    ):
        if not fits:
            yield Finding((*HERE, key), f"got {value:g}", expected=expected)


def features(profile: Profile) -> Iterator[Finding]:
    """Stationary features are features of the analysis."""
    wanted = profile.residence_time.stationary
    known = features_of(profile)
    later = later_features(known, profile.analysis.off_line_units)
    for number, feature in enumerate(() if wanted is None else wanted.features):
        if feature not in known:
            path, near = (*HERE, "features", number), nearest(feature, known)
            expected = f"one of {', '.join(known)}"
            yield Finding(path, f"unknown feature {feature!r}", expected=expected, nearest=near)
        elif feature in later:
            path = (*HERE, "features", number)
            message = f"{feature!r} waits for an off-line result"
            yield Finding(path, message, expected="a feature that the rig itself measures")


def front(profile: Profile) -> Iterator[Finding]:
    """The first look sees the liquid of the current conditions, not that of earlier ones."""
    wanted: Stationary | None = profile.residence_time.stationary
    if wanted is None:
        return
    rates = {v.stream: sum(v.range) / 2 for v in profile.variables if v.stream is not None}
    rules, circular = expand_rules(profile.dependent_flows)
    if circular:
        return
    rates |= {stream: rule.value(rates) for stream, rule in rules.items()}
    found = [_least(profile, positions, rates) for positions in positions_in_experiments(profile)]
    least, ends = max(found)
    if profile.residence_time.equilibrium < least:
        yield Finding(
            ("residence_time", "equilibrium"),
            f"the liquid from the junction of the streams reaches {ends} after {least:.2f} τ; the "
            "first look would see the liquid of earlier conditions",
            expected=f"at least {least:.2f}",
        )


def fast(profile: Profile) -> Iterator[Finding]:
    """What is measured has flowed at the flow rates of its conditions, at a temperature that the
    interlocks allow."""
    wanted = profile.residence_time.fast_start
    if wanted is None:
        return
    here: Path = ("residence_time", "fast_start")
    if profile.procedure:
        message = "a procedure of one's own says itself what flows when"
        yield Finding(here, message, expected="no such table", on_key=True)
    if not (math.isfinite(wanted.factor) and wanted.factor >= 1.0):
        yield Finding((*here, "factor"), f"got {wanted.factor:g}", expected="at least 1")
    most = profile.residence_time.equilibrium
    if not 1.0 <= wanted.last <= most:
        expected = f"1 to {most:g}, which is `equilibrium`"
        yield Finding((*here, "last"), f"got {wanted.last:g}", expected=expected)
    if wanted.heated_within_c is None:
        return
    low_c, path = profile.steady.tolerance_c, (*here, "heated_within")
    if not wanted.heated_within_c >= low_c:
        expected = f"at least {low_c:g} degC, the tolerance in [steady]"
        yield Finding(path, f"got {wanted.heated_within_c:g} degC", expected=expected)
    for rule in profile.interlocks:
        most_c = rule.tolerance_c
        if most_c is not None and wanted.heated_within_c >= most_c:
            message = f"an interlock lets {', '.join(rule.streams)} flow within {most_c:g} degC"
            yield Finding(path, message, expected=f"less than {most_c:g} degC")


def _least(
    profile: Profile, positions: Mapping[str, str], rates: Mapping[str, float]
) -> tuple[float, str]:
    """Time in τ at which the liquid of the junction of the streams arrives, and where, in words."""
    try:
        topology = Topology(profile, positions)
        section = topology.sections["residence"]
        tau_s = topology.section_time_s(section, rates)
        joined = [one for one in profile.path if len(topology.streams_through(one)) > 1]
        arrivals = [_arrival_s(topology, part, section, rates) for part in joined]
    except (InputError, KeyError):  # other rules say what is wrong with the section
        return 0.0, ""
    finite = [one for one in arrivals if math.isfinite(one)]
    least = max(finite, default=0.0) / tau_s if 0 < tau_s < math.inf else 0.0
    return least, " and ".join(map(repr, topology.ends_of(section)))


def _arrival_s(
    topology: Topology, part: str, section: Section, rates: Mapping[str, float]
) -> float:
    """Time [s] from the inlet of a component to the end of τ; 0 if it does not lead there."""
    after = topology.graph.downstream(part)
    ends = tuple(end for end in topology.ends_of(section) if end in after)
    return topology.section_time_s(Section(name="", start=part, end=ends), rates) if ends else 0.0


RULES = (numbers, features, front, fast)
