"""Where an optimizer will look for the best, as far as measured experiments tell."""

import numpy as np

from flowrig.errors import InputError
from flowrig.planning.known_conditions import Conditions, extremes, scattered
from flowrig.profile import Profile
from flowrig.run_record.reader import RunRecord

__all__ = ["DRAWS_MIN_EXPERIMENTS", "expected_conditions"]

DRAWS_MIN_EXPERIMENTS = 10
"""Experiments below which a model says nothing of where the best is."""

CANDIDATES = 1024
"""Random conditions among which the best is looked for, besides the edges of the space."""


def expected_conditions(record: RunRecord, profile: Profile, count: int) -> list[Conditions]:
    """Conditions that are the best of what the run's model holds possible.

    Thompson draws: each is the best of one joint sample of the posterior over random conditions and
    the edges of the space. Optimizers that weigh what they expect against what they do not know, as
    expected improvement does, look in the same places.

    Args:
        record: a run with measurements.
        profile: the rig that is planned, with the same search space.
        count: how many.

    Returns:
        conditions; none if too little was measured, or the run has no surrogate.

    Raises:
        InputError: the search spaces differ.
    """
    space = profile.space
    if record.profile.space.parameters != space.parameters:
        raise InputError(
            f"the run in {record.folder} has another search space than {profile.name}; it cannot "
            "tell where an optimizer will look"
        )
    if record.campaign.surrogate is None or len(record.experiments()) < DRAWS_MIN_EXPERIMENTS:
        return []
    candidates = [*scattered(space, CANDIDATES, record.seed), *extremes(space)]
    X = space.to_unit(space.array(candidates))
    samples = record.model().predict(X).sample(count, np.random.default_rng(record.seed))
    best = np.argmax(record.profile.objective.value(samples), axis=1)
    return [candidates[place] for place in best]
