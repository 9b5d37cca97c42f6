"""Faults in the file of the campaign."""

import math
import random
from collections.abc import Callable
from pathlib import Path
from typing import Final

from flowrig.interfaces import Syringe
from flowrig.torture.injections.injection import Injection
from flowrig.torture.rigs import NotOnThisRigError, PlayedRig
from flowrig.torture.rigs.short_campaign import quoted

__all__ = [
    "AddedTables",
    "HostileProfile",
    "heat_needs_flow",
    "low_limit",
    "slow_stream",
    "small_waste",
    "thin_syringe",
]

LONG_MM: Final = 400.0
"""Length [mm] that no syringe has."""

ROOM_C: Final = 25.0
"""Temperature [°C] of the room."""

DRY_SHARE: Final = 0.37
"""Where, between the room and the lowest set point, an interlock begins to require flow."""

LOWER_C: Final = 10.0
"""By how much [°C] a limit is below the highest set point of the campaign."""

COLDEST_C: Final = 40.0
"""Lowest set point [°C] at which a plate counts as hot."""


class AddedTables(Injection):
    """A profile that asks for something that the rig must not do.

    Args:
        more: the tables of TOML that are added to the campaign's file of a rig.
    """

    is_in_file = True

    def __init__(self, more: Callable[[PlayedRig], str]) -> None:
        super().__init__()
        self._more = more

    def require_possible(self, rig: PlayedRig) -> None:
        """Check that the rig has what the tables are about."""
        self._more(rig)

    def campaign(self, rig: PlayedRig, folder: Path, draw: random.Random) -> Path:
        """Write the campaign with the tables in it."""
        return rig.campaign.write(folder, more=self._more(rig))


def thin_syringe(rig: PlayedRig) -> str:
    """A syringe so thin that it would be longer than any."""
    stream, syringe = _with_syringe(rig)
    thin_mm = math.sqrt(4.0 * syringe.volume_ul / (math.pi * LONG_MM))
    return f'[streams.{quoted(stream)}.syringe]\ninner_diameter = "{thin_mm:.2f} mm"\n'


def slow_stream(rig: PlayedRig) -> str:
    """A stream that may be slower than any pump can push."""
    stream, _ = _with_syringe(rig)
    fastest = rig.profile.streams[stream].flow_rate_ul_min[1]
    window = f'["1e-6 uL/min", "{fastest:g} uL/min"]'
    return f"[streams.{quoted(stream)}]\nflow_rate = {window}\n"


def small_waste(rig: PlayedRig) -> str:
    """A waste that holds two of the three experiments."""
    waste, volume_ul = rig.waste_for_most_ul()
    return f'[path.{quoted(waste)}]\nvolume = "{volume_ul / 1000.0:.2f} mL"\n'


def low_limit(rig: PlayedRig) -> str:
    """A limit of temperature below what the search space asks for."""
    _, (_, highest_c) = _hottest(rig)
    window = f'["0 degC", "{highest_c - LOWER_C:g} degC"]'
    return f"[limits]\ntemperature = {window}\n"


def heat_needs_flow(rig: PlayedRig) -> str:
    """An interlock that the procedure breaks, because it heats before it starts the streams."""
    heater, (lowest_c, _) = _hottest(rig)
    if lowest_c < COLDEST_C:
        raise NotOnThisRigError(f"the rig stays below {COLDEST_C:g} °C")
    stream = min(
        rig.profile.streams.values(),
        key=lambda one: ("carrier", "solvent", "reagent").index(one.role),
    )
    return (
        "[[interlocks]]\n"
        'kind = "heat-needs-flow"\n'
        f"heater = {quoted(heater)}\n"
        f'above = "{round(ROOM_C + DRY_SHARE * (lowest_c - ROOM_C))} degC"\n'
        f"streams = [{quoted(stream.name)}]\n"
    )


def _with_syringe(rig: PlayedRig) -> tuple[str, Syringe]:
    for name, stream in rig.profile.streams.items():
        if stream.syringe is not None:
            return name, stream.syringe
    raise NotOnThisRigError("the rig has no syringe")


def _hottest(rig: PlayedRig) -> tuple[str, tuple[float, float]]:
    """The heater with the highest set point, and its lowest and highest set point [°C]."""
    found = rig.set_points_c()
    if not found:
        raise NotOnThisRigError("the rig has no heater")
    return max(found.items(), key=lambda one: one[1][1])


class HostileProfile(Injection):
    """A campaign that reaches outside its folder, or that overloads the parser."""

    is_in_file = True
    TEXTS: Final = (
        'name = "../../out"\n',
        'name = "CON/\\u0000"\n',
        "deep = " + 5000 * "[" + 5000 * "]" + "\n",
        "# " + 1_000_000 * "long " + "\n",
        'flow = "\x00"\n',
        "dependent_flows = [\"PFO = __import__('os').system('touch out')\"]\n",
        'profile = "../../../../../../etc/passwd"\n',
    )
    """Hostile lines; one of them is written."""

    def campaign(self, rig: PlayedRig, folder: Path, draw: random.Random) -> Path:
        """Write the campaign with a random hostile line."""
        return rig.campaign.write(folder, top=draw.choice(self.TEXTS))
