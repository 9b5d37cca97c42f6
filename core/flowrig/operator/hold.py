"""A hold, in which a run waits for a person, and the answer of the person."""

import shlex
from enum import StrEnum

from attrs import frozen

from flowrig.profile.model import RESERVOIR

__all__ = ["Answer", "Hold", "HoldKind"]


class HoldKind(StrEnum):
    """Why a run is on hold."""

    PAUSE = "pause"
    """A person paused the run."""
    GATE = "gate"
    """The profile asks for a person's consent."""
    NEED = "need"
    """A person has to do something at the rig or the computer."""


@frozen(kw_only=True)
class Hold:
    """A run waits for a person, while the rig is kept as it is.

    Attributes:
        kind: why the run waits.
        text: what it waits for, in one sentence.
        refill: streams whose syringes have to be filled, and STREAM.reservoir for reservoirs.
        empty: wastes that have to be emptied.
        gate: name of the gate that is closed; empty where none is.
    """

    kind: HoldKind
    text: str
    refill: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    gate: str = ""

    @property
    def options(self) -> str:
        """Options that `flowrig go-on` and `flowrig resume` need; empty where none is needed."""
        words = [f"--refilled {shlex.quote(stream)}" for stream in self.refill]
        words += [f"--emptied {shlex.quote(waste)}" for waste in self.empty]
        return " ".join(words)

    @property
    def claim(self) -> str:
        """The facts that a person confirms by letting the run go on, in words."""
        facts = [f"{_vessel(name)} is full" for name in self.refill]
        facts += [f"{waste} is empty" for waste in self.empty]
        if self.gate:
            facts.append(f"yes to the gate {self.gate!r}: {self.text}")
        return ", ".join(facts) or f"it need not wait any more: {self.text}"


@frozen(kw_only=True)
class Answer:
    """A person lets a run go on.

    Attributes:
        by: where the answer came from, as in the event `OperatorAsked`.
        refilled: streams whose syringes are full again, and STREAM.reservoir for reservoirs.
        emptied: wastes that are empty again.
    """

    by: str
    refilled: tuple[str, ...] = ()
    emptied: tuple[str, ...] = ()


def _vessel(name: str) -> str:
    """A syringe or reservoir in words."""
    stream = name.removesuffix(RESERVOIR)
    return f"the {'syringe' if stream == name else 'reservoir'} of {stream}"
