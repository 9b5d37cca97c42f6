"""A twin in place of the chemistry of a simulated rig."""

from pathlib import Path

from flowrig.errors import InputError
from flowrig.profile import ProfileSource

__all__ = ["with_twin"]


def with_twin(source: ProfileSource, twin: Path) -> ProfileSource:
    """A profile whose simulated world takes its chemistry from a twin.

    Args:
        source: the profile.
        twin: a file that `flowrig twin train` wrote.

    Raises:
        InputError: there is no such file, or the profile has no table `[simulation]`.
    """
    if not twin.is_file():
        raise InputError(f"there is no twin {twin}; make one with: flowrig twin train")
    world = source.document.content.get("simulation")
    if not isinstance(world, dict):
        raise InputError("the profile has no [simulation] table; add one: world = 'fluidic'")
    return source.with_table("simulation", {**world, "twin": twin.absolute().as_posix()})
