"""Events of every kind that tests write: complete, with the fields that a test names."""

from typing import Any

from attrs import evolve

from flowrig.journal.events import (
    Decided,
    Device,
    Ended,
    HeaterValues,
    Measured,
    Objective,
    Outcome,
    Reading,
    Resumed,
    RunStarted,
    StageBegun,
    Unknown,
)


def happened(kind: str) -> Unknown:
    """Something that flowrig does not know."""
    return Unknown(kind=kind)


def begun(**others: Any) -> RunStarted:
    """The beginning of a run."""
    started = RunStarted(
        profile="x",
        profile_digest="",
        campaign="x",
        experiments=1,
        objective=Objective(name="a", unit=""),
        units={},
        seed=1,
        simulated=True,
        versions={},
    )
    return evolve(started, **others)


def resumed(**others: Any) -> Resumed:
    """A resumption."""
    one = Resumed(
        refilled=(),
        versions={},
        objective=Objective(name="a", unit=""),
        units={},
        planned=1,
        profile="x",
        simulated=True,
        skipped=0,
        done=0,
        best=None,
    )
    return evolve(one, **others)


def device(**others: str) -> Device:
    """Who answers at a device."""
    return evolve(Device(vendor="", model="", serial_number="", firmware=""), **others)


def stage(name: str = "explore") -> StageBegun:
    """The beginning of a stage."""
    return StageBegun(stage=name, experiments=1)


def decided(index: int = 1, **others: Any) -> Decided:
    """A decision without a model."""
    one = Decided(
        index=index,
        stage="explore",
        conditions={},
        mean={},
        sd={},
        objective_mean=None,
        objective_sd=None,
        reason="why not",
    )
    return evolve(one, **others)


def measured(index: int = 1, **others: Any) -> Measured:
    """A good measurement."""
    one = Measured(
        index=index,
        conditions={},
        flow_rates_ul_min={},
        features={},
        objective=1.0,
        quality="good",
        flags=(),
        started_s=0.0,
    )
    return evolve(one, **others)


def reading(temperature_c: float | None = 25.0, set_point_c: float | None = 25.0) -> Reading:
    """A look at one plate."""
    plate = HeaterValues(temperature_c=temperature_c, set_point_c=set_point_c)
    return Reading(heaters={"plate": plate}, pumps={})


def outcome(**others: Any) -> Outcome:
    """The outcome of a stop."""
    return evolve(Outcome(intent=0, command="stop", outcome="done"), **others)


def ended(state: str = "stopped") -> Ended:
    """The end of a run."""
    return Ended(state=state, reason="")
