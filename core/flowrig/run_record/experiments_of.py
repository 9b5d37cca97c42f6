"""Reads experiments from CSV files or from the folder of a run."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from flowrig.errors import InputError
from flowrig.learning.experiment_table import (
    EVERYTHING,
    Experiments,
    Selection,
    read_experiments,
)
from flowrig.plugins.registry import Plugins
from flowrig.profile import DataProfile, Profile
from flowrig.run_record.experiments_from_record import experiments_of
from flowrig.run_record.reader import RunRecord

__all__ = ["read_data", "read_source"]


def read_source(
    source: Path,
    rig: Profile | DataProfile,
    columns: Mapping[str, str],
    plugins: Plugins,
    selection: Selection = EVERYTHING,
) -> Experiments:
    """Experiments of a rig from a CSV file or from the folder of a run.

    Args:
        source: the file or the folder.
        rig: the rig on which they were made, or what is known of them.
        columns: by response or condition, the column of the file that holds it, if the column has
            another name.
        plugins: installed plugins.
        selection: stages and arms whose experiments are meant.

    Raises:
        InputError: it cannot be read, or lacks a column, a condition, a stage or an arm.
    """
    if source.is_dir():
        with RunRecord(source, plugins) as record:
            return experiments_of(record, rig.space, rig.objective.responses, selection)
    found = read_experiments(source, rig.space, rig.objective.responses, columns, selection)
    return _within(rig, found) if isinstance(rig, DataProfile) else found


def read_data(data: DataProfile, selection: Selection = EVERYTHING) -> Experiments:
    """All experiments of the tables that a profile without devices names.

    Args:
        data: the profile.
        selection: stages and arms whose experiments are meant.

    Raises:
        InputError: it names no table, or one of them cannot be read.
    """
    if not data.priors:
        raise InputError(f"{data.name} names no table; add one as [[campaign.prior]]")
    tables = []
    for prior in data.priors:
        if prior.source.is_dir():
            raise InputError(f"{prior.source} is a folder; a profile without devices reads tables")
        tables.append(
            read_experiments(
                prior.source, data.space, data.objective.responses, data.columns(prior), selection
            )
        )
    together = Experiments(
        X=np.vstack([one.X for one in tables]),
        Y=np.vstack([one.Y for one in tables]),
        left_out=sum(one.left_out for one in tables),
    )
    return _within(data, together)


def _within(data: DataProfile, experiments: Experiments) -> Experiments:
    """The experiments whose responses are in the ranges of their results."""
    ranges = [data.given(name) for name in data.objective.responses]
    columns = zip(ranges, experiments.Y.T, strict=True)
    sound = np.all([(one.low <= values) & (values <= one.high) for one, values in columns], axis=0)
    return Experiments(
        X=experiments.X[sound],
        Y=experiments.Y[sound],
        left_out=experiments.left_out + int((~sound).sum()),
    )
