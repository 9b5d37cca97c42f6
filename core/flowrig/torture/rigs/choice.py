"""What a person wants the board to play."""

import shlex

from attrs import frozen

__all__ = ["RigChoice"]


@frozen
class RigChoice:
    """A rig, and the study whose points its campaigns have, as they are said on a command line.

    Attributes:
        target: name or path of a profile; "" for the reference rig.
        study: name of a study; "" for none.
        settings: its settings, such as "duration=1 min".
    """

    target: str = ""
    study: str = ""
    settings: tuple[str, ...] = ()

    @property
    def options(self) -> str:
        """The options of `flowrig torture` that say the same."""
        words = ["--rig", self.target] if self.target else []
        words += ["--study", self.study] if self.study else []
        for one in self.settings:
            words += ["--set", one]
        return shlex.join(words)
