"""The incumbent: the measured conditions with the highest expected objective.

The largest of many noisy measurements is biased upwards, because the one with the luckiest noise is
the largest. A model that is fitted to all of them has no such bias.
"""

import numpy as np

from flowrig.journal.events import IncumbentFound
from flowrig.learning.transfer import TransferSurrogate
from flowrig.run_record.reader import RunRecord

__all__ = ["INCUMBENT_MIN_EXPERIMENTS", "find_incumbent"]

INCUMBENT_MIN_EXPERIMENTS = 5
"""Number of trusted experiments below which there is no incumbent."""

SAMPLES = 2048
"""Posterior samples of the objective; the standard error of their mean is a fiftieth of their
standard deviation."""


def find_incumbent(record: RunRecord) -> IncumbentFound | None:
    """The trusted experiment at whose conditions the surrogate expects the highest objective.

    Returns:
        the event for the journal; None if there are too few experiments, or the campaign has no
        surrogate.
    """
    trusted = [e for e in record.experiments() if e.quality == "good" and not e.awaits]
    if record.campaign.surrogate is None or len(trusted) < INCUMBENT_MIN_EXPERIMENTS:
        return None
    space = record.profile.space
    X = space.to_unit(space.array([e.conditions for e in trusted]))
    model = record.model()
    responses = model.predict(X).sample(SAMPLES, np.random.default_rng(record.seed))
    objective = record.profile.objective
    values = objective.value(responses)
    means = values.mean(axis=0)
    place = int(np.argmax(means))
    share = None
    if isinstance(model, TransferSurrogate):
        share = dict(zip(objective.responses, model.share.tolist(), strict=True))
    return IncumbentFound(
        index=trusted[place].index,
        objective_mean=float(means[place]),
        objective_sd=float(values[:, place].std()),
        prior_share=share,
    )
