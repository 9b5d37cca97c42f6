"""Reads experiments from a CSV file or from the folder of a run."""

from collections.abc import Mapping
from pathlib import Path

from flowrig.learning.experiment_table import (
    EVERYTHING,
    Experiments,
    Selection,
    read_experiments,
)
from flowrig.plugins.registry import Plugins
from flowrig.profile import Profile
from flowrig.run_record.experiments_from_record import experiments_of
from flowrig.run_record.reader import RunRecord

__all__ = ["read_source"]


def read_source(
    source: Path,
    rig: Profile,
    columns: Mapping[str, str],
    plugins: Plugins,
    selection: Selection = EVERYTHING,
) -> Experiments:
    """Experiments of a rig from a CSV file or from the folder of a run.

    Args:
        source: the file or the folder.
        rig: the rig on which they were made.
        columns: by response, the column of the file that holds it, if the column has another name.
        plugins: installed plugins.
        selection: stages and arms whose experiments are meant.

    Raises:
        InputError: it cannot be read, or lacks a column, a condition, a stage or an arm.
    """
    if source.is_dir():
        with RunRecord(source, plugins) as record:
            return experiments_of(record, rig.space, rig.objective.responses, selection)
    return read_experiments(source, rig.space, rig.objective.responses, columns, selection)
