"""The experiments of a run as comma-separated values, in UTF-8."""

import csv
from pathlib import Path

from flowrig.report.exports.table import csv_rows
from flowrig.run_record.reader import RunRecord

__all__ = ["write"]


def write(record: RunRecord, path: Path) -> None:
    """Write a head, and one row an experiment."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(csv_rows(record))
