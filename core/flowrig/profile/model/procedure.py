"""Steps of one's own for an experiment, in the place of the steady one."""

from collections.abc import Sequence
from typing import Literal

from attrs import field, frozen

from flowrig.profile.expressions import Expression

__all__ = ["TIME", "ProcedureStep", "named_waits"]

TIME = ".time"
"""What follows the name of a wait, or of a section, where an expression means its time."""


@frozen(kw_only=True)
class ProcedureStep:
    """One step of a procedure.

    Attributes:
        do: select, flow, stop, wait or measure.
        device: select: the device that turns.
        position: select: the position to which it turns.
        streams: flow: the streams that start, at their flow rates under the conditions of the
            experiment. stop: those that stop; all if empty.
        name: wait: its name, where a variable or a setting gives its time.
        duration: wait: its time, an expression; `for` in TOML.
        during: measure: the time over which the frames are spread, an expression.
    """

    do: Literal["select", "flow", "stop", "wait", "measure"]
    device: str | None = None
    position: str | None = None
    streams: tuple[str, ...] = ()
    name: str | None = None
    duration: Expression | None = field(default=None, metadata={"toml": "for"})
    during: Expression | None = None

    @property
    def time(self) -> Expression | None:
        """The expression of its time; None for a step without one."""
        return self.duration if self.do == "wait" else self.during


def named_waits(procedure: Sequence[ProcedureStep]) -> tuple[str, ...]:
    """Names of the waits whose time a variable or a setting gives."""
    found = (step.name for step in procedure if step.do == "wait" and step.name is not None)
    return tuple(dict.fromkeys(found))
