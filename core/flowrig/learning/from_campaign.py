"""Surrogates from the configuration of a campaign."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from flowrig.errors import InputError
from flowrig.interfaces import Surrogate
from flowrig.journal.check import NOTHING_EXAMINED, Examined
from flowrig.journal.events import PriorKept
from flowrig.journal.journal import FILE_NAME, Journal
from flowrig.learning.categories import with_categories
from flowrig.learning.informed import InformedSource, InformedStart
from flowrig.learning.transfer import EarlierModels
from flowrig.problem.space import Space
from flowrig.profile import Campaign

__all__ = ["NoSurrogateError", "new_surrogate", "surrogates_of", "with_earlier"]

Array = NDArray[np.float64]


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
        events = list(journal.events(PriorKept))
        kept = [_usable(journal.arrays(event.sequence)) for event in events]
    same_rig = [event.data.trust == "same-rig" for event in events]
    return with_earlier(cold, kept, same_rig, space)


def with_earlier(
    cold: Callable[[], Surrogate],
    sources: Sequence[tuple[Array, Array]],
    same_rig: Sequence[bool],
    space: Space,
) -> Callable[[], Surrogate]:
    """A function that makes surrogates which start from earlier experiments.

    Experiments of the same rig guide from the first new one on. Others get a share as far as new
    ones show that they transfer; until that can be told, they guide if none are of the same rig.

    Args:
        cold: makes a surrogate without them.
        sources: conditions in the unit cube, shape `n x d`, and responses, shape `n x m`, the
            objective last, of each source.
        same_rig: of each source, whether it is of the same rig.
        space: the space of the conditions.
    """
    trusted = [one for one, same in zip(sources, same_rig, strict=True) if same]
    others = [one for one, same in zip(sources, same_rig, strict=True) if not same]
    learning = EarlierModels(cold, others).surrogate if others else cold

    def widened(surrogate: Surrogate) -> Surrogate:
        return with_categories(surrogate, space)

    first = InformedSource(cold, trusted or others, same_rig=bool(trusted), widened=widened)
    return lambda: InformedStart(learning, first)


def _usable(kept: Mapping[str, Array]) -> tuple[Array, Array]:
    """Conditions and responses, the objective last, of the experiments that have them all."""
    Y = np.column_stack([kept["Y"], kept["objective"]])
    rows = np.isfinite(Y).all(axis=1)
    return kept["X"][rows], Y[rows]
