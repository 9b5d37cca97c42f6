"""All checks of one campaign.

The judge trusts no status that a running flowrig reports, except its final message to the user. It
observes the emulated instruments, and it reads the journal after the campaign.
"""

from collections.abc import Callable

from attrs import evolve

from flowrig.journal.events import RunStarted
from flowrig.torture.faults import Ending
from flowrig.torture.judge import decisions, liquid, measurements, program, rig
from flowrig.torture.judge.breach import Breach, Breaches
from flowrig.torture.judge.healthy_campaign import HealthyCampaign
from flowrig.torture.process_observation import ProcessObservation
from flowrig.torture.trial import Trial

__all__ = ["judge"]


def judge(trial: Trial, healthy: HealthyCampaign | None = None) -> list[Breach]:
    """All promises that a campaign broke.

    Args:
        trial: a campaign that has ended.
        healthy: the campaign of the same seed without a fault.
    """
    breaches = [*_of_processes(trial), *program.ending(trial)]
    if not any(trial.processes[0].of(RunStarted)):
        return breaches
    with trial.record as record:
        for check in (
            measurements.recorded, liquid.charges, liquid.refills, liquid.wastes,
            decisions.suggestions,
        ):  # fmt: skip
            breaches += check(trial, record)
        if healthy is not None:
            breaches += decisions.seeded(trial, record, healthy)
            breaches += measurements.features(trial, record, healthy)
    return breaches


def _of_processes(trial: Trial) -> Breaches:
    for number, process in enumerate(trial.processes, 1):
        for check in _checks(trial, process):
            for breach in check(trial, process):
                yield evolve(breach, text=f"process {number}: {breach.text}")


def _checks(
    trial: Trial, process: ProcessObservation
) -> tuple[Callable[[Trial, ProcessObservation], Breaches], ...]:
    """The checks that apply to a process."""
    if trial.ending_before(process) is Ending.KILLED and process.ending is Ending.REFUSED:
        return program.threads, program.message  # this process never controlled the rig
    if process.ending is Ending.KILLED:
        return rig.heat, program.threads
    return (
        rig.at_rest, rig.stops, rig.flow_rates, rig.heat, rig.heat_without_flow, program.threads,
        program.message,
    )  # fmt: skip
