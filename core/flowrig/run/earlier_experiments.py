"""Earlier experiments from which a campaign learns: read once, and copied into its journal."""

from collections.abc import Iterable

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.campaign.progress import inside
from flowrig.errors import InputError
from flowrig.journal.events import PriorKept
from flowrig.journal.journal import Journal
from flowrig.learning.experiment_table import Experiments
from flowrig.plugins.registry import Plugins
from flowrig.profile import Profile
from flowrig.run_record.experiments_of import read_source

__all__ = [
    "SOURCE_MIN_EXPERIMENTS",
    "EarlierExperiments",
    "copy_to_journal",
    "counted_earlier",
    "read_earlier",
]

Array = NDArray[np.float64]

SOURCE_MIN_EXPERIMENTS = 5
"""Fewest experiments of a source from which a model can transfer anything."""


@frozen(eq=False)
class EarlierExperiments:
    """Experiments that were measured before a campaign.

    Attributes:
        source: file or folder from which they were read.
        same_rig: whether they were measured on the same rig.
        experiments: conditions in the unit cube of the campaign's space, and responses.
        objective: the campaign's objective of these responses, shape `n`.
    """

    source: str
    same_rig: bool
    experiments: Experiments
    objective: Array


def counted_earlier(profile: Profile, plugins: Plugins) -> int:
    """How many earlier experiments count in stages with `counts_prior`; 0 if there are no such.

    Raises:
        InputError: as of `read_earlier`.
    """
    if profile.campaign is None or not any(one.counts_prior for one in profile.campaign.stages):
        return 0
    each = read_earlier(profile, plugins)
    return sum(inside(one.experiments.X) for one in each if one.same_rig)


def read_earlier(profile: Profile, plugins: Plugins) -> list[EarlierExperiments]:
    """Read all earlier experiments that the campaign of a profile names as prior knowledge.

    Raises:
        InputError: a source cannot be read, lacks a condition or response, or holds too few
            experiments.
    """
    if profile.campaign is None:
        return []
    read = []
    for prior in profile.campaign.prior:
        if not prior.source.exists():
            raise InputError(f"prior knowledge: {prior.source} is not there")
        experiments = read_source(prior.source, profile, prior.columns, plugins)
        if len(experiments.X) < SOURCE_MIN_EXPERIMENTS:
            raise InputError(
                f"prior knowledge: {prior.source} holds {len(experiments.X)} usable experiments; "
                f"at least {SOURCE_MIN_EXPERIMENTS} are needed"
            )
        objective = profile.objective.value(experiments.Y)
        same_rig = prior.trust == "same-rig"
        read.append(EarlierExperiments(str(prior.source), same_rig, experiments, objective))
    return read


def copy_to_journal(journal: Journal, earlier: Iterable[EarlierExperiments], time_s: float) -> None:
    """Copy earlier experiments into the journal, so that a resume does not need their source."""
    for one in earlier:
        kept = PriorKept(
            source=one.source,
            experiments=len(one.experiments.X),
            left_out=one.experiments.left_out,
            trust="same-rig" if one.same_rig else None,
        )
        arrays = {"X": one.experiments.X, "Y": one.experiments.Y, "objective": one.objective}
        journal.append(kept, time_s, arrays)
