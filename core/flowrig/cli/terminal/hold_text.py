"""What people are told of a run that waits for them."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from flowrig.cli.terminal.printing import quoted
from flowrig.operator.hold import Hold, HoldKind

__all__ = ["hold_lines", "hold_of", "waste_text"]


def hold_of(data: Mapping[str, Any]) -> Hold:
    """A hold from its event in the journal."""
    return Hold(
        kind=HoldKind(data["kind"]),
        text=data["text"],
        refill=tuple(data["refill"]),
        empty=tuple(data["empty"]),
        gate=data["gate"],
    )


def hold_lines(folder: Path, data: Mapping[str, Any]) -> Iterator[str]:
    """What a run waits for, what goes on meanwhile, and how to let it go on."""
    hold = hold_of(data)
    yield f"{'paused' if hold.kind is HoldKind.PAUSE else 'on hold'}: {hold.text}"
    flows = ", ".join(data["flows"])
    yield f"temperatures stay, {f'of the liquids only {flows} flows' if flows else 'nothing flows'}"
    words = f"flowrig go-on {quoted(folder)} {hold.options}".rstrip()
    yield f"to go on: {words}, or the key g where it runs"


def waste_text(name: str, levels: Mapping[str, float]) -> str:
    """How full a waste is."""
    filled_ul, capacity_ul = levels["filled_ul"], levels["capacity_ul"]
    return (
        f"{name}: {filled_ul / 1000:.1f} of {capacity_ul / 1000:g} mL, "
        f"{filled_ul / capacity_ul:.0%} full"
    )
