"""What a run waits for a person for, and what the person says when it is done."""

from enum import StrEnum

from attrs import frozen

__all__ = ["Answer", "Hold", "HoldKind"]


class HoldKind(StrEnum):
    """Why a run is on hold."""

    PAUSE = "pause"
    """A person wanted it to wait."""
    GATE = "gate"
    """The profile asks for a person's word."""
    NEED = "need"
    """Something has to be done with the rig or the computer."""


@frozen(kw_only=True)
class Hold:
    """A run waits for a person, with the rig kept as it is.

    Attributes:
        kind: why.
        text: what it waits for, in one sentence.
        refill: streams whose syringes have to be filled.
        empty: wastes that have to be emptied.
        gate: name of the gate that is closed.
    """

    kind: HoldKind
    text: str
    refill: tuple[str, ...] = ()
    empty: tuple[str, ...] = ()
    gate: str = ""

    @property
    def options(self) -> str:
        """What has to be said with `flowrig go-on` and `flowrig resume`; "" for nothing."""
        words = [f"--refilled {stream}" for stream in self.refill]
        words += [f"--emptied {waste}" for waste in self.empty]
        return " ".join(words)

    @property
    def claim(self) -> str:
        """What a person who lets the run go on says by that."""
        said = [f"the syringe of {stream} is full" for stream in self.refill]
        said += [f"{waste} is empty" for waste in self.empty]
        if self.gate:
            said.append(f"yes to the gate {self.gate!r}: {self.text}")
        return ", ".join(said) or f"it need not wait any more: {self.text}"


@frozen(kw_only=True)
class Answer:
    """A person lets a run go on.

    Attributes:
        by: from where, as in the event `OperatorAsked`.
        refilled: streams whose syringes are full again.
        emptied: wastes that are empty again.
    """

    by: str
    refilled: tuple[str, ...] = ()
    emptied: tuple[str, ...] = ()
