"""A twin in the place of a simulated rig's chemistry."""

from pathlib import Path

import tomlkit

from flowrig.errors import InputError

__all__ = ["with_twin"]


def with_twin(text: str, twin: Path) -> str:
    """The text of a profile whose simulated world takes its chemistry from a twin.

    Args:
        text: the profile.
        twin: a file that `flowrig twin train` wrote.

    Raises:
        InputError: there is no such file, or the profile names no world.
    """
    if not twin.is_file():
        raise InputError(f"there is no twin {twin}; make one with: flowrig twin train")
    document = tomlkit.parse(text)
    world = document.get("simulation")
    if world is None:
        raise InputError("the profile has no [simulation] table; add one: world = 'fluidic'")
    world["twin"] = twin.absolute().as_posix()
    return tomlkit.dumps(document)
