"""Rules for gates and holds."""

from collections.abc import Iterator

from flowrig.profile.model import Profile
from flowrig.profile.problems import Finding, Path
from flowrig.profile.rules import names
from flowrig.profile.rules.analysis import flow_rates

__all__ = ["RULES"]

_KEYS = {
    "heating": ("above_c", "heaters", "each_time"),
    "flow": ("streams", "each_time"),
    "stage": ("stage",),
}
"""Keys of each kind of gate besides `name`, `before` and `asks`; the first is required."""


def gates(profile: Profile) -> Iterator[Finding]:
    """Gates have different names, the keys of their kind, and heaters and streams of the rig."""
    seen: set[str] = set()
    for index, gate in enumerate(profile.gates):
        here: Path = ("gates", index)
        if gate.name in seen:
            message = f"there is a gate {gate.name!r} already"
            yield Finding((*here, "name"), message, expected="another name")
        seen.add(gate.name)
        for field in ("above_c", "heaters", "streams", "stage", "each_time"):
            key, wanted = field.removesuffix("_c"), _KEYS[gate.before]
            given = getattr(gate, field) not in (None, (), False)
            if field == wanted[0] and not given:
                yield Finding(here, f"a gate before {gate.before!r} needs a key {key!r}")
            elif field not in wanted and given:
                message = f"a gate before {gate.before!r} takes no key {key!r}"
                yield Finding((*here, key), message, on_key=True)
        for number, heater in enumerate(gate.heaters):
            yield from names.device(profile, heater, "heater", (*here, "heaters", number))
        for number, stream in enumerate(gate.streams):
            yield from names.one_of(stream, profile.streams, "stream", (*here, "streams", number))


def gate_stages(profile: Profile) -> Iterator[Finding]:
    """A gate before a stage names a stage of the campaign."""
    for index, gate in enumerate(profile.gates):
        if gate.stage is not None and profile.campaign is not None:
            stages = [stage.name for stage in profile.campaign.stages]
            yield from names.one_of(gate.stage, stages, "stage", ("gates", index, "stage"))


def hold(profile: Profile) -> Iterator[Finding]:
    """No reagent flows during a hold, and its duration is not negative."""
    here: Path = ("hold", "flow_rates")
    rates = profile.hold.flow_rates_ul_min or {}
    yield from flow_rates(profile, rates, here)
    for name in rates:
        if name in profile.streams and profile.streams[name].role == "reagent":
            message = f"{name!r} is a reagent, and reagents stop during a hold"
            yield Finding((*here, name), message, expected="a solvent or carrier", on_key=True)
    if profile.hold.longest_s < 0:
        got = f"got {profile.hold.longest_s:g} s"
        yield Finding(("hold", "longest"), got, expected="at least 0 s")


RULES = (gates, gate_stages, hold)
