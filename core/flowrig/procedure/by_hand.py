"""Work by hand, for instance in a notebook: procedures on an open rig, without a campaign."""

from collections.abc import Callable, Generator, Mapping
from typing import Any, TypeVar

from flowrig.errors import InputError, UnsafeStateError
from flowrig.journal.events import EventData
from flowrig.measurement.evaluate import Measurement, evaluate, feature_probe
from flowrig.measurement.light_reference import LightCalibration
from flowrig.measurement.observation import Observation
from flowrig.operator.requests import OperatorRequests
from flowrig.problem.space import Value
from flowrig.procedure.executor import Executor
from flowrig.procedure.procedures import calibrate, run_condition
from flowrig.procedure.steps import Step
from flowrig.profile import Profile
from flowrig.rig.rig import Rig
from flowrig.safety.actuation import Actuation
from flowrig.safety.safe_state import reach_safe_state
from flowrig.safety.syringes import SyringeLedger

__all__ = ["measure", "perform"]

R = TypeVar("R")


def perform(
    rig: Rig,
    procedure: Generator[Step, Any, R],
    note_event: Callable[[EventData], object] = lambda event: None,
) -> R:
    """Run one procedure on an open rig; the rig ends in its safe state, also after an error.

    Nothing is journalled, and syringes count as full at the beginning.

    Args:
        rig: the opened rig.
        procedure: for instance `flowrig.run_condition(rig.profile, conditions)`.
        note_event: called with every reading and every step.

    Returns:
        the result of the procedure.

    Raises:
        InputError: a real rig has devices that a person works, or components that a person changes;
            nothing was done.
        UnsafeStateError: the safe state was not confirmed; the message says what is not known.
        FlowrigError: an instrument failed or a limit was reached; the rig is in its safe state.
    """
    for name, entry in rig.profile.devices.items():
        if entry.by_hand and not entry.emulated:
            raise InputError(
                f"{name} is worked by hand, and here nobody can be asked; run a campaign instead"
            )
    for name in rig.profile.volumes_by_hand:
        if not all(entry.emulated for entry in rig.profile.devices.values()):
            raise InputError(
                f"a person changes {name}, and here nobody can be asked; run a campaign instead"
            )
    actuation = Actuation(rig, lambda event: 0, SyringeLedger(rig.profile))
    executor = Executor(actuation, note_event, OperatorRequests())
    try:
        return executor.run(procedure)
    finally:
        safe = reach_safe_state(rig, actuation)
        if not safe.reached:
            raise UnsafeStateError(str(safe))


def measure(rig: Rig, conditions: Mapping[str, Value]) -> Measurement:
    """Calibrate, measure one condition and evaluate it; the rig ends in its safe state.

    Args:
        rig: the opened rig.
        conditions: by the names of the search space, in its units.

    Returns:
        features, figure of merit and quality.

    Raises:
        OutOfRangeError: the conditions are outside the search space; nothing was done.
        FlowrigError: an instrument failed; the rig is in its safe state.
    """
    rig.profile.space.require_feasible(conditions)
    wavelengths_nm = rig.axes()
    procedure = _calibrated(rig.profile, conditions, wavelengths_nm)
    calibration, observation = perform(rig, procedure)
    measurement, _ = evaluate(rig.profile, wavelengths_nm, calibration, observation)
    return measurement


def _calibrated(
    profile: Profile, conditions: Mapping[str, Value], wavelengths_nm: Mapping[str, Any]
) -> Generator[Step, Any, tuple[LightCalibration, Observation]]:
    calibration = yield from calibrate(profile)
    probe = feature_probe(profile, wavelengths_nm, calibration)
    observation = yield from run_condition(profile, conditions, probe)
    return calibration, observation
