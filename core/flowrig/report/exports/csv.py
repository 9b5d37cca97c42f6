"""The experiments of a run as comma-separated values, in UTF-8."""

import csv
from pathlib import Path

from flowrig.report.exports.table import experiment_columns
from flowrig.run_record.reader import RunRecord

__all__ = ["write"]


def write(record: RunRecord, path: Path) -> None:
    """Write a head, and one row an experiment."""
    columns = experiment_columns(record)
    with path.open("w", encoding="utf-8", newline="") as file:
        rows = csv.writer(file, lineterminator="\n")
        rows.writerow(column.name for column in columns)
        rows.writerows(zip(*(column.values for column in columns), strict=True))
