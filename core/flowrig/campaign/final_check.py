"""Checks of a campaign that is done: the incumbent, the surrogate and the symptoms."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

from flowrig.campaign.campaign_journal import CampaignJournal
from flowrig.campaign.diagnostics import Symptom, experiment_symptoms
from flowrig.campaign.incumbent import find_incumbent
from flowrig.campaign.model_check import check_model, model_symptoms
from flowrig.journal.events import IncumbentFound, ModelChecked
from flowrig.run_record.reader import RunRecord

__all__ = ["check_campaign", "newest_symptoms"]


def check_campaign(
    record: RunRecord,
    journal: CampaignJournal,
    computing: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> None:
    """Write the incumbent and the cross-validation of the surrogate, each once in a run.

    It may take minutes, so the rig has to be in its safe state.

    Args:
        record: reads the journal.
        journal: writes it.
        computing: a context around what is only computed, which a person may give up.
    """
    if journal.journal.last(IncumbentFound) is None:
        with computing():
            incumbent = find_incumbent(record)
        if incumbent is not None:
            journal.write(incumbent)
    if journal.journal.last(ModelChecked) is None:
        with computing():
            predictions = check_model(record)
            symptoms = model_symptoms(record, predictions)
        if predictions:
            journal.write(ModelChecked(predictions=predictions))
            journal.report(symptoms)
    journal.report(experiment_symptoms(record.profile.space, record.chosen()))


def newest_symptoms(record: RunRecord) -> list[Symptom]:
    """Symptoms that the newest experiment shows; studies repeat conditions on purpose."""
    return experiment_symptoms(record.profile.space, record.chosen(), only_newest=True)
