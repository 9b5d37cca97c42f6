"""Rules for variables, settings and limits that are expressions: they decide all that is set."""

from collections.abc import Iterator

from flowrig.profile.controls import equations_of, loops, needs_equations
from flowrig.profile.model import Profile
from flowrig.profile.problems import Finding
from flowrig.profile.rules import flows

__all__ = ["RULES"]


def equations(profile: Profile) -> Iterator[Finding]:
    """Variables and settings are equations with one solution for all conditions of the space."""
    if not needs_equations(profile):
        return
    named_wrongly = any(flows.variables(profile)) or any(flows.dependent_flows(profile))
    if not named_wrongly and loops.are_sound(profile):  # one mistake is reported once
        yield from equations_of(profile).findings


RULES = (equations,)
