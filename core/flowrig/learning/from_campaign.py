"""Surrogates as a campaign configures them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from flowrig.errors import InputError
from flowrig.interfaces import Surrogate
from flowrig.journal.events import PriorKept
from flowrig.journal.journal import FILE_NAME, Journal
from flowrig.learning.transfer import PriorKnowledge
from flowrig.profile import Campaign

__all__ = ["NoSurrogateError", "new_surrogate", "surrogates_of"]


class NoSurrogateError(InputError):
    """A surrogate is asked for, and the campaign names none."""


def new_surrogate(campaign: Campaign, seed: int) -> Surrogate:
    """A fresh surrogate as a campaign configures it.

    Raises:
        NoSurrogateError: the campaign names none.
    """
    if campaign.surrogate is None:
        raise NoSurrogateError(
            "the campaign names no surrogate; add one, for instance: surrogate = { name = 'gp' }"
        )
    return campaign.surrogate.build(seed)


def surrogates_of(folder: Path, campaign: Campaign, seed: int) -> Callable[[], Surrogate]:
    """Makes surrogates that have learnt nothing new, but know what the campaign started from.

    They take the responses that the objective needs and, where somebody models that too, the
    figure of merit after them. What is needed of the journal is read now; the result may be used in
    another thread.

    Args:
        folder: the run's folder.
        campaign: the run's campaign.
        seed: of the run.
    """

    def cold() -> Surrogate:
        return new_surrogate(campaign, seed)

    if not campaign.prior:
        return cold
    with Journal(folder / FILE_NAME, read_only=True) as journal:
        kept = [journal.arrays(event.sequence) for event in journal.events(PriorKept)]
    sources = [(one["X"], np.column_stack([one["Y"], one["objective"]])) for one in kept]
    sound = [np.isfinite(Y).all(axis=1) for _, Y in sources]
    known = [(X[rows], Y[rows]) for (X, Y), rows in zip(sources, sound, strict=True)]
    return PriorKnowledge(cold, known).surrogate
