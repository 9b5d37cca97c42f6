"""Experiments as optimizers get them."""

from collections.abc import Sequence
from typing import Any

from flowrig.journal.events import Skipped
from flowrig.profile.model.campaign import is_known_to
from flowrig.run_record.experiment import Experiment
from flowrig.run_record.reader import RunRecord

__all__ = ["results_for_optimizers"]


def results_for_optimizers(
    record: RunRecord,
    before: int | None = None,
    spectra: Sequence[str] = (),
    arm: str | None = None,
) -> list[dict[str, Any]]:
    """Each experiment that is over as optimizers get it: conditions, features and objective.

    One whose objective waits for off-line results is left out until they come.

    An experiment of bad quality has nan for all values, whatever was computed from its spectra, and
    so has a skipped one: optimizers learn nothing false from it, and do not ask for it again.
    Points of a study outside their steady state or the search space are left out.

    Args:
        record: reads the journal.
        before: number of an event of the journal; only earlier ones count. None for all.
        spectra: channels whose spectra the optimizer asks for; experiments of bad quality, and
            skipped ones, have none.
        arm: of the stage that asks: experiments of other arms are left out.

    Returns:
        one row for each experiment, in the order in which they ended, or in which the results came
        that they waited for.
    """
    objective = record.profile.objective
    nothing = dict.fromkeys((*objective.responses, objective.name), float("nan"))
    rows: list[tuple[int, dict[str, Any]]] = []
    experiments = record.experiments() if before is None else record.experiments_before(before)
    for experiment in experiments:
        if not experiment.decision.settles or experiment.awaits:
            continue
        if not (is_known_to(arm, experiment.decision.arm) and _in_space(record, experiment)):
            continue
        row = {**experiment.conditions, **experiment.features}
        row[objective.name] = experiment.objective
        if experiment.quality == "bad":
            row |= nothing | dict.fromkeys(experiment.features, float("nan"))
        else:
            for name in spectra:
                axis, values = record.spectrum(experiment.index, name)
                row |= {name: values.tolist(), f"{name}.axis": axis.tolist()}
        rows.append((experiment.complete_at, row))
    known = {d.index for d in record.decisions() if d.settles and is_known_to(arm, d.arm)}
    for event in filter(record.has_sound_choices, record.journal.events(Skipped)):
        if event.data.index not in known or not _in_space(record, event.data):
            continue
        rows.append((event.sequence, {**event.data.conditions, **nothing}))
    rows.sort(key=lambda row: row[0])
    return [row for sequence, row in rows if before is None or sequence < before]


def _in_space(record: RunRecord, one: Experiment | Skipped) -> bool:
    """Whether conditions lie in the search space, which only a study can leave."""
    leaves = any(stage.beyond for stage in record.campaign.stages)
    return not leaves or record.profile.space.holds(one.conditions)
