"""Conditions that an optimizer is likely to choose, from the measurements of a run."""

import numpy as np

from flowrig.errors import InputError
from flowrig.planning.known_conditions import Conditions, extremes, scattered
from flowrig.profile import Profile
from flowrig.run_record.reader import RunRecord

__all__ = ["DRAWS_MIN_EXPERIMENTS", "expected_conditions"]

DRAWS_MIN_EXPERIMENTS = 10
"""Number of experiments below which a model does not show where the best conditions are."""

CANDIDATES = 1024
"""Random conditions from which the best are drawn, besides the edges of the space."""


def expected_conditions(record: RunRecord, profile: Profile, count: int) -> list[Conditions]:
    """Conditions at which the objective may be highest, by the model of a run.

    Thompson draws: each is the best of one joint sample of the posterior over random conditions and
    the edges of the space. Acquisition functions that weigh mean against uncertainty, as expected
    improvement does, have their maxima in the same places.

    Args:
        record: a run with measurements.
        profile: the rig that is planned, with the same search space.
        count: number of draws.

    Returns:
        conditions; none if the run has too few measurements, or no surrogate.

    Raises:
        InputError: the search spaces differ.
    """
    space = profile.space
    if record.profile.space.parameters != space.parameters:
        raise InputError(
            f"the run in {record.folder} has another search space than {profile.name}; it cannot "
            "tell where an optimizer will look"
        )
    usable = [one for one in record.experiments() if one.is_usable]
    if record.campaign.surrogate is None or len(usable) < DRAWS_MIN_EXPERIMENTS:
        return []
    candidates = [*scattered(space, CANDIDATES, record.seed), *extremes(space)]
    X = space.to_unit(space.array(candidates))
    samples = record.model().predict(X).sample(count, np.random.default_rng(record.seed))
    best = np.argmax(record.profile.objective.value(samples), axis=1)
    return [candidates[place] for place in best]
