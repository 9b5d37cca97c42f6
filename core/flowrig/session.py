"""Procedures by hand: for a notebook, on a rig that is open, without a campaign."""

from collections.abc import Generator
from typing import Any, TypeVar

from flowrig.actuation import Actuation
from flowrig.executor import Executor, StopSwitch
from flowrig.ledger import SyringeLedger
from flowrig.rig import Rig
from flowrig.safety import reach_safe_state
from flowrig.steps import Step

__all__ = ["perform"]

R = TypeVar("R")


def perform(rig: Rig, procedure: Generator[Step, Any, R]) -> R:
    """Run one procedure on an open rig; whatever happens, the rig ends in its safe state.

    Nothing is journalled, and syringes count as full.

    Args:
        rig: the opened rig.
        procedure: for instance `flowrig.run_condition(rig.profile, conditions)`.

    Returns:
        what the procedure returns.

    Raises:
        FlowrigError: an instrument failed or a limit was hit; the rig is in its safe state.
    """
    actuation = Actuation(rig, lambda kind, data: 0, SyringeLedger(rig.profile))
    executor = Executor(actuation, lambda kind, data: None, StopSwitch())
    try:
        return executor.run(procedure)
    finally:
        reach_safe_state(rig, actuation)
