"""Rules for the check of stationary features: features, looks and the first look."""

from collections.abc import Iterator, Mapping

from flowrig.profile.linear import expand_rules
from flowrig.profile.model import Profile, Stationary
from flowrig.profile.problems import Finding, Path, nearest
from flowrig.profile.rules.flow_path import downstream

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
    known = profile.analysis.features
    for number, feature in enumerate(() if wanted is None else wanted.features):
        if feature not in known:
            path, near = (*HERE, "features", number), nearest(feature, known)
            expected = f"one of {', '.join(known)}"
            yield Finding(path, f"unknown feature {feature!r}", expected=expected, nearest=near)


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
    routes = {name: downstream(profile, stream.to) for name, stream in profile.streams.items()}
    start, end = profile.residence_time.start, profile.residence_time.end
    through = {
        part: sum(rate for name, rate in rates.items() if part in routes.get(name, ()))
        for part in profile.path
    }
    tau = _minutes(profile, downstream(profile, start), end, through)
    mixed = [part for part in profile.path if _joined(part, routes)]
    arrival = max(
        (_minutes(profile, downstream(profile, p), end, through) for p in mixed), default=0
    )
    least = arrival / tau if tau > 0 else 0.0
    if profile.residence_time.equilibrium < least:
        yield Finding(
            ("residence_time", "equilibrium"),
            f"the liquid from the junction of the streams reaches {end!r} after {least:.2f} τ; the "
            "first look would see the liquid of earlier conditions",
            expected=f"at least {least:.2f}",
        )


def _joined(part: str, routes: Mapping[str, list[str]]) -> bool:
    return sum(part in route for route in routes.values()) > 1


def _minutes(profile: Profile, route: list[str], end: str, through: Mapping[str, float]) -> float:
    """Plug-flow time [min] along a route to the inlet of a component; 0 if it is elsewhere."""
    if end not in route:
        return 0.0
    before = route[: route.index(end)]
    return sum(profile.path[one].volume_ul / through[one] for one in before if through[one] > 0)


RULES = (numbers, features, front)
