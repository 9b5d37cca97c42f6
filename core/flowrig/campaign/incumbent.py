"""The incumbent: the measured conditions with the highest expected objective.

The largest of many noisy measurements is biased upwards, because the one with the luckiest noise is
the largest. A model that is fitted to all of them has no such bias.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from flowrig.campaign.robustness import robustness_of
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
    trusted = [e for e in record.experiments() if e.may_be_best]
    if record.campaign.surrogate is None or len(trusted) < INCUMBENT_MIN_EXPERIMENTS:
        return None
    model = record.model()
    share = None
    if isinstance(model, WithEarlier):
        share = dict(zip(record.profile.objective.responses, model.share.tolist(), strict=True))
    place, means, sd = _expected_best(record, model, trusted)
    return IncumbentFound(
        index=trusted[place].index,
        objective_mean=float(means[place]),
        objective_sd=sd,
        prior_share=share,
        robustness=robustness_of(record, model, trusted, means, place),
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
        place, means, sd = _expected_best(record, record.model(arm), known)
        found = ArmIncumbent(
            index=known[place].index, objective_mean=float(means[place]), objective_sd=sd
        )
        yield arm, found


def _expected_best(
    record: RunRecord, model: Surrogate, experiments: Sequence[Experiment]
) -> tuple[int, NDArray[np.float64], float]:
    """The place of the experiment of which a model expects most, what it expects of each, shape
    `n`, and the standard deviation of the largest."""
    space, objective = record.profile.space, record.profile.objective
    X = space.to_unit(space.array([e.conditions for e in experiments]))
    responses = model.predict(X).sample(SAMPLES, np.random.default_rng(record.seed))
    values = objective.value(responses)
    means = values.mean(axis=0)
    place = int(np.argmax(means))
    return place, means, float(values[:, place].std())
