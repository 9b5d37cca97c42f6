"""The series of scans of a run as comma-separated values, in UTF-8."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from flowrig.interfaces.capabilities import Value
from flowrig.profile import Profile
from flowrig.run_record.reader import RunRecord

__all__ = ["positions_of", "write"]


def write(record: RunRecord, path: Path) -> None:
    """Write a head, and one row for each series, experiment and position."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(_rows(record))


def _rows(record: RunRecord) -> Iterator[list[Any]]:
    yield ["feature", "unit", "experiment", "position", "position_unit", "value"]
    for name, feature in record.profile.series.items():
        positions, unit = positions_of(record.profile, name)
        for experiment in record.experiments():
            values = record.arrays(experiment.index).get(f"{name}.series")
            if values is None:  # measured before the profile had it
                continue
            for position, value in zip(positions, values.tolist(), strict=True):
                yield [name, feature.unit, experiment.index, position, unit, value]


def positions_of(profile: Profile, series: str) -> tuple[tuple[Value, ...], str]:
    """Positions over which a series runs, in order, and their unit."""
    waiting = [series]
    while waiting:
        feature = profile.series[waiting.pop()]
        for channel in feature.channels:
            scan = profile.analysis.channels[channel].scan
            if scan is not None:
                entry = profile.devices[scan.device]
                return scan.values(entry.value_of), entry.abilities.unit
        names = () if feature.expression is None else feature.expression.expression.names
        waiting += [name for name in names if name in profile.series]
    return (), ""
