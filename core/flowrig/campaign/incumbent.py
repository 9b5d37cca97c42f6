"""The incumbent: the measured conditions with the highest expected objective.

The largest of many noisy measurements is biased upwards, because the one with the luckiest noise is
the largest. A model that is fitted to all of them has no such bias.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from flowrig.interfaces import Surrogate
from flowrig.journal.events import ArmIncumbent, IncumbentFound
from flowrig.learning.transfer import WithEarlier
from flowrig.profile.model.campaign import is_known_to
from flowrig.run_record.experiment import Experiment
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
    trusted = [e for e in record.experiments() if e.quality == "good"]
    if record.campaign.surrogate is None or len(trusted) < INCUMBENT_MIN_EXPERIMENTS:
        return None
    model = record.model()
    share = None
    if isinstance(model, WithEarlier):
        share = dict(zip(record.profile.objective.responses, model.share.tolist(), strict=True))
    index, mean, sd = _expected_best(record, model, trusted)
    return IncumbentFound(
        index=index,
        objective_mean=mean,
        objective_sd=sd,
        prior_share=share,
        arms={name: one for name, one in _of_arms(record, trusted) if one is not None} or None,
    )


def _of_arms(
    record: RunRecord, trusted: Sequence[Experiment]
) -> Iterator[tuple[str, ArmIncumbent | None]]:
    """The incumbent of each arm; None for an arm that has learnt from too few experiments."""
    for arm in record.campaign.arms:
        known = [e for e in trusted if is_known_to(arm, e.decision.arm)]
        if len(known) < INCUMBENT_MIN_EXPERIMENTS:
            yield arm, None
            continue
        index, mean, sd = _expected_best(record, record.model(arm), known)
        yield arm, ArmIncumbent(index=index, objective_mean=mean, objective_sd=sd)


def _expected_best(
    record: RunRecord, model: Surrogate, experiments: Sequence[Experiment]
) -> tuple[int, float, float]:
    """Number of the experiment of which a model expects most, and what it expects, with its sd."""
    space, objective = record.profile.space, record.profile.objective
    X = space.to_unit(space.array([e.conditions for e in experiments]))
    responses = model.predict(X).sample(SAMPLES, np.random.default_rng(record.seed))
    values = objective.value(responses)
    means = values.mean(axis=0)
    place = int(np.argmax(means))
    return experiments[place].index, float(means[place]), float(values[:, place].std())
