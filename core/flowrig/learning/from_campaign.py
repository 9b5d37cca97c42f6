"""Surrogates from the configuration of a campaign."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from flowrig.errors import InputError
from flowrig.interfaces import Surrogate
from flowrig.journal.check import NOTHING_EXAMINED, Examined
from flowrig.journal.events import PriorKept
from flowrig.journal.journal import FILE_NAME, Journal
from flowrig.learning.categories import with_categories
from flowrig.learning.transfer import EarlierModels
from flowrig.problem.space import Space
from flowrig.profile import Campaign

__all__ = ["NoSurrogateError", "new_surrogate", "surrogates_of"]


class NoSurrogateError(InputError):
    """A surrogate is needed, and the campaign names none."""


def new_surrogate(campaign: Campaign, seed: int, space: Space) -> Surrogate:
    """An unfitted surrogate with the settings of a campaign, for conditions of a space.

    Raises:
        NoSurrogateError: the campaign names none.
    """
    if campaign.surrogate is None:
        raise NoSurrogateError(
            "the campaign names no surrogate; add one, for instance: surrogate = { name = 'gp' }"
        )
    return with_categories(campaign.surrogate.build(seed), space)


def surrogates_of(
    folder: Path, campaign: Campaign, seed: int, space: Space, since: Examined = NOTHING_EXAMINED
) -> Callable[[], Surrogate]:
    """A function that makes surrogates with the earlier experiments of a campaign, none of its own.

    They take the responses that the objective needs and, where a caller models the objective
    itself, the objective as the last response. The journal is read now, through a connection of its
    own, so that any thread may call this function and its result.

    Args:
        folder: the run's folder.
        campaign: the run's campaign.
        seed: of the run.
        space: the space of its conditions.
        since: events of the journal that were examined before.

    Raises:
        NoSurrogateError: from the returned function, if the campaign names no surrogate.
    """

    def cold() -> Surrogate:
        return new_surrogate(campaign, seed, space)

    if not campaign.prior:
        return cold
    with Journal(folder / FILE_NAME, read_only=True, since=since) as journal:
        kept = [journal.arrays(event.sequence) for event in journal.events(PriorKept)]
    sources = [(one["X"], np.column_stack([one["Y"], one["objective"]])) for one in kept]
    finite = [np.isfinite(Y).all(axis=1) for _, Y in sources]
    usable = [(X[rows], Y[rows]) for (X, Y), rows in zip(sources, finite, strict=True)]
    return EarlierModels(cold, usable).surrogate
