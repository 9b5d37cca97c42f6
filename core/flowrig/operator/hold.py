"""A hold, in which a run waits for a person, and the answer of the person."""

import shlex
from collections.abc import Mapping
from enum import StrEnum
from typing import Self

from attrs import field, frozen

from flowrig.journal.events import HoldBegun

__all__ = ["Answer", "Hold", "HoldKind"]


class HoldKind(StrEnum):
    """Why a run is on hold."""

    PAUSE = "pause"
    """A person paused the run."""
    GATE = "gate"
    """The profile asks for a person's consent."""
    NEED = "need"
    """A person has to do something at the rig or the computer."""
    RESULTS = "results"
    """Results of experiments have to be entered."""


@frozen(kw_only=True)
class Hold:
    """A run waits for a person, while the rig is kept as it is.

    Attributes:
        kind: why the run waits.
        text: what it waits for, in one sentence.
        refill: streams whose syringes have to be filled, and STREAM.reservoir for reservoirs.
        empty: wastes that have to be emptied.
        gate: name of the gate that is closed; empty where none is.
        supplied: those of the streams that draw from a supply instead of a syringe.
        works: what a person has brought about by hand when the run goes on, one clause each.
        reads: what a person reads, by DEVICE.QUANTITY.
    """

    kind: HoldKind
    text: str
    refill: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    gate: str = ""
    supplied: tuple[str, ...] = ()
    works: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()

    @classmethod
    def of(cls, begun: HoldBegun) -> Self:
        """A hold from its event in the journal."""
        return cls(
            kind=HoldKind(begun.why),
            text=begun.text,
            refill=begun.refill,
            empty=begun.empty,
            gate=begun.gate,
            supplied=begun.supplied or (),
            works=begun.works,
            reads=begun.reads,
        )

    @property
    def options(self) -> str:
        """Options that `flowrig go-on` and `flowrig resume` need; empty where none is needed."""
        words = [f"--refilled {shlex.quote(stream)}" for stream in self.refill]
        words += [f"--emptied {shlex.quote(waste)}" for waste in self.empty]
        words += [f"--reading {shlex.quote(name)}=NUMBER" for name in self.reads]
        return " ".join(words)

    @property
    def claim(self) -> str:
        """The facts that a person confirms by letting the run go on, in words."""
        facts = [f"{self._vessel(name)} is full" for name in self.refill]
        facts += [f"{waste} is empty" for waste in self.empty]
        facts += self.works
        facts += [f"{name} was read as you say" for name in self.reads]
        if self.gate:
            facts.append(f"yes to the gate {self.gate!r}: {self.text}")
        return ", ".join(facts) or f"it need not wait any more: {self.text}"

    def _vessel(self, name: str) -> str:
        """A syringe, a reservoir or a supply in words."""
        stream, dot, _ = name.partition(".")
        if dot:  # STREAM.reservoir
            return f"the reservoir of {stream}"
        return f"the {'supply' if name in self.supplied else 'syringe'} of {name}"


@frozen(kw_only=True)
class Answer:
    """A person lets a run go on.

    Attributes:
        by: where the answer came from, as in the event `OperatorAsked`.
        refilled: streams whose syringes are full again, and STREAM.reservoir for reservoirs.
        emptied: wastes that are empty again.
        readings: what the person has read, by DEVICE.QUANTITY, in the units of the profile.
    """

    by: str
    refilled: tuple[str, ...] = ()
    emptied: tuple[str, ...] = ()
    readings: Mapping[str, float] = field(factory=dict)
