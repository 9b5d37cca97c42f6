"""Messages about a run that waits for a person."""

from collections.abc import Iterator
from pathlib import Path

from flowrig.cli.terminal.printing import quoted
from flowrig.journal.events import HoldBegun
from flowrig.operator.hold import Hold, HoldKind

__all__ = ["hold_lines"]


def hold_lines(folder: Path, begun: HoldBegun) -> Iterator[str]:
    """The reason of a hold, the state of the rig meanwhile, and the command that ends the hold."""
    hold = Hold.of(begun)
    yield f"{'paused' if hold.kind is HoldKind.PAUSE else 'on hold'}: {hold.text}"
    if hold.kind is HoldKind.RESULTS:
        yield "the rig is in its safe state; the run goes on by itself when results are entered"
        yield f"to enter one: flowrig result {quoted(folder)} NUMBER NAME=VALUE --by WHO"
        yield f"to go on without: flowrig go-on {quoted(folder)}"
        return
    flows = ", ".join(begun.flows)
    yield f"temperatures stay, {f'of the liquids only {flows} flows' if flows else 'nothing flows'}"
    words = f"flowrig go-on {quoted(folder)} {hold.options}".rstrip()
    yield f"to go on: {words}, or the key g where it runs"
