"""The averaged spectra of a run as comma-separated values, in UTF-8."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flowrig.run_record.reader import RunRecord

__all__ = ["write"]


def write(record: RunRecord, path: Path) -> None:
    """Write a head, and one row for each channel, experiment and place on the axis."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(_rows(record))


def _rows(record: RunRecord) -> Iterator[list[Any]]:
    yield ["channel", "experiment", "place", "place_unit", "value", "value_unit"]
    for name, channel in record.profile.analysis.channels.items():
        units = channel.offer.axis_unit, channel.offer.unit
        for experiment in record.experiments():
            axis, values = record.spectrum(experiment.index, name)
            for place, value in zip(axis.tolist(), values.tolist(), strict=True):
                yield [name, experiment.index, place, units[0], value, units[1]]
