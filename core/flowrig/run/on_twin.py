"""A twin in place of the chemistry of a simulated rig."""

from pathlib import Path

from flowrig.errors import InputError
from flowrig.learning.model_file import read_notes
from flowrig.profile import Profile, ProfileSource
from flowrig.rig.simulated import chemistry_of, is_invented

__all__ = ["simulated_chemistry", "with_twin"]

TWIN = "twin"
"""What stands for the name of a chemistry that a twin replaces."""


def with_twin(source: ProfileSource, twin: Path) -> ProfileSource:
    """A profile whose simulated world takes its chemistry from a twin.

    Args:
        source: the profile.
        twin: a file that `flowrig twin train` wrote.

    Raises:
        InputError: there is no such file, or `[simulation]` is no table.
    """
    if not twin.is_file():
        raise InputError(f"there is no twin {twin}; make one with: flowrig twin train")
    world = source.document.content.get("simulation", {})
    if not isinstance(world, dict):
        raise InputError("[simulation] of the profile is no table")
    return source.with_table("simulation", {**world, "twin": twin.absolute().as_posix()})


def simulated_chemistry(profile: Profile) -> tuple[str, bool]:
    """What a rig is simulated with, and whether its numbers stand for nothing.

    Returns:
        the name of the chemistry, `TWIN` for a twin in its place, or "" if its world takes none; a
        twin is invented if it learnt from invented numbers.

    Raises:
        FlowrigError: the chemistry cannot be loaded, or the twin cannot be read.
    """
    settings = None if profile.simulation is None else profile.simulation.settings
    twin = getattr(settings, "twin", None)
    if twin is None:
        return chemistry_of(profile), is_invented(profile)
    return TWIN, bool(read_notes(twin).get("invented", False))
