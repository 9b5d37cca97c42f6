"""Spectra that a program of the lab has written by itself: a folder of one measurement series.

The layout is that of Sadeghi et al., Digital Discovery 2025, 4, 1722 (doi 10.1039/d5dd00062a), as
its facts are published: `FR.csv` has one row for each condition; `Abs*.csv` and `PL*.csv` have a
first row that is dropped, then one row for each pixel with a number for each frame;
`Wavelength_Abs.csv` and `Wavelength_PL.csv` are the wavelengths, `DR_Abs.csv` and `DR_PL.csv` the
counts without light, `LR.csv` those of the lamp.
"""

import csv
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.errors import InputError
from flowrig.interfaces import Frames
from flowrig.learning.experiment_table import column_of
from flowrig.measurement.evaluate import Measurement, evaluate
from flowrig.measurement.light_reference import LightCalibration, LightReference
from flowrig.measurement.observation import Observation
from flowrig.profile import Profile
from flowrig_dropfolder.frames import frames_of, table_of, wavelengths_of
from flowrig_dropfolder.layout import COMMANDS, BadRow, numbers_of, plain
from flowrig_dropfolder.settings import CommandSettings, SpectrometerSettings

__all__ = ["Records", "read_records"]

Array = NDArray[np.float64]


@frozen(eq=False)
class Records:
    """Conditions of a series with what a profile makes of their spectra.

    Attributes:
        profile: the rig, with its analysis and its search space.
        conditions: by variable of the space, in its unit; one for each row of `FR.csv`.
        measurements: features, objective and quality of each.
    """

    profile: Profile
    conditions: Sequence[Mapping[str, float]]
    measurements: Sequence[Measurement]

    def write(self, file: Path) -> None:
        """Write a table that `flowrig twin` and `[[campaign.prior]]` read."""
        columns = [column_of(one) for one in self.profile.space.parameters]
        names = list(self.measurements[0].features)
        with file.open("w", encoding="utf-8", newline="") as stream:
            table = csv.writer(stream)
            table.writerow([*columns, *names, "quality"])
            for condition, found in zip(self.conditions, self.measurements, strict=True):
                values = [condition[one.name] for one in self.profile.space.parameters]
                features = [found.features[name] for name in names]
                table.writerow([*values, *features, found.quality.value])


def read_records(folder: Path, profile: Profile) -> Records:
    """Read a series, and evaluate it as a run of a profile evaluates its own frames.

    Args:
        folder: its files.
        profile: a rig behind a drop folder; its devices name the columns of `FR.csv` and the words
            in the names of the files.

    Raises:
        InputError: a file is missing, or is not what it should be; the message names it.
    """
    conditions = _conditions(folder, profile)
    words = {
        name: device.settings.spectra
        for name, device in profile.devices.items()
        if isinstance(device.settings, SpectrometerSettings) and name in profile.analysis.devices
    }
    axes = {name: _wavelengths(folder, word) for name, word in words.items()}
    lamp = _light(folder, "LR.csv", axes[profile.analysis.lit[0]]) if profile.analysis.lit else None
    references = {
        name: LightReference(
            _light(folder, f"DR_{word}.csv", axes[name]),
            lamp if name in profile.analysis.lit else None,
        )
        for name, word in words.items()
    }
    files = {name: _files(folder, word, len(conditions)) for name, word in words.items()}
    dark = {name: one.dark for name, one in references.items() if one.dark is not None}
    calibration = LightCalibration(references)
    measurements = [
        evaluate(
            profile,
            axes,
            calibration,
            Observation(
                dark, {name: _frames(files[name][n], profile, name, axes[name]) for name in words}
            ),
        )[0]
        for n in range(len(conditions))
    ]
    return Records(profile, conditions, measurements)


def _conditions(folder: Path, profile: Profile) -> list[dict[str, float]]:
    settings = [one.settings for one in profile.devices.values()]
    layouts = [one.rows for one in settings if isinstance(one, CommandSettings)]
    if not layouts:
        raise InputError(f"{profile.name} has no device behind {COMMANDS}")
    columns = layouts[0].columns
    missing = [one.name for one in profile.space.parameters if one.name not in columns]
    if missing:
        raise InputError(f"{COMMANDS} has no column {missing[0]!r}; it has {', '.join(columns)}")
    file = folder / COMMANDS
    rows = plain(_bytes(file)).strip(b"\n").split(b"\n")
    try:
        values = [numbers_of(row, len(columns)) for row in rows]
    except BadRow as reason:
        raise InputError(f"{file}: {reason}") from reason
    return [
        {one.name: row[columns.index(one.name)] for one in profile.space.parameters}
        for row in values
    ]


def _files(folder: Path, word: str, count: int) -> list[Path]:
    """The files with frames, in the order of the numbers in their names."""
    mine = re.compile(rf"{word}(?![A-Za-z]).*\.csv", re.IGNORECASE)
    found = [one for one in folder.iterdir() if mine.fullmatch(one.name)]
    if len(found) != count:
        raise InputError(
            f"{folder}: {len(found)} files {word}*.csv, and {count} rows in {COMMANDS}; expected "
            "one for each"
        )
    return sorted(found, key=lambda one: ([int(n) for n in re.findall(r"\d+", one.stem)], one.name))


def _frames(file: Path, profile: Profile, device: str, axis: Array) -> Frames:
    settings = profile.devices[device].settings
    assert isinstance(settings, SpectrometerSettings)
    data = plain(_bytes(file))
    if not data.endswith(b"\n"):
        data += b"\n"
    number = data.partition(b"\n")[2].partition(b"\n")[0].count(b",") + 1
    try:
        counts = frames_of(data, number, len(axis))
    except BadRow as reason:
        raise InputError(f"{file}: {reason}") from reason
    if counts is None:
        raise InputError(
            f"{file}: it has not a first row and one row for each of {len(axis)} pixels"
        )
    return Frames(
        time_s=0.0,
        counts=counts,
        times_s=profile.analysis.frame_interval_s * np.arange(number, dtype=np.float64),
        integration_time_us=settings.integration_time_us,
        saturated=counts.max(axis=1) >= settings.saturation_counts,
    )


def _wavelengths(folder: Path, word: str) -> Array:
    file = folder / f"Wavelength_{word}.csv"
    try:
        found = wavelengths_of(_bytes(file).rstrip() + b"\n")
    except BadRow as reason:
        raise InputError(f"{file}: {reason}") from reason
    assert found is not None
    return found


def _light(folder: Path, name: str, axis: Array) -> Array | None:
    """Mean counts of every pixel of a file without a take; None if there is none."""
    file = folder / name
    if not file.exists():
        return None
    try:
        table = table_of(_bytes(file))
    except BadRow as reason:
        raise InputError(f"{file}: {reason}") from reason
    if len(table) == 1 and table.shape[1] == len(axis):
        table = table.T
    if len(table) == len(axis) + 1:
        table = table[1:]
    if len(table) != len(axis) or not np.isfinite(table).all():
        raise InputError(f"{file}: expected a number for each of {len(axis)} pixels")
    return np.asarray(table.mean(axis=1))


def _bytes(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise InputError(f"{file}: {error.strerror or error}") from error
