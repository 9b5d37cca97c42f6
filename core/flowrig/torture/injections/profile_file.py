"""Faults in the file of the campaign."""

import random
from pathlib import Path
from typing import Final

from flowrig.torture.injections.injection import Injection
from flowrig.torture.reference_campaign import write_campaign

__all__ = ["AddedTables", "HostileProfile"]


class AddedTables(Injection):
    """A profile that asks for something that the rig must not do.

    Args:
        more: tables of TOML that are added to the campaign's file.
    """

    is_in_file = True

    def __init__(self, more: str) -> None:
        super().__init__()
        self._more = more

    def campaign(self, folder: Path, draw: random.Random) -> Path:
        """Write the campaign with the tables in it."""
        return write_campaign(folder, more=self._more)


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

    def campaign(self, folder: Path, draw: random.Random) -> Path:
        """Write the campaign with a random hostile line."""
        return write_campaign(folder, top=draw.choice(self.TEXTS))
