"""A run as NeXus in HDF5: every experiment an entry, with its raw frames.

The classes are those of the NeXus base classes NXentry, NXdata, NXcollection and NXnote
(https://manual.nexusformat.org/classes/base_classes).
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from flowrig.journal.events import Calibrated
from flowrig.journal.journal import Event
from flowrig.journal.visible import visible
from flowrig.report.exports.table import experiment_columns
from flowrig.run_record.experiment import Experiment
from flowrig.run_record.provenance import provenance_as_json
from flowrig.run_record.reader import RunRecord

__all__ = ["write"]

UNITS = {"°C": "degC", "µL/min": "uL/min", "counts·nm": "counts nm"}
"""Units in the spelling of UDUNITS, which NeXus asks for."""

PACKED = 4
"""Level of the compression of raw frames."""


def write(record: RunRecord, path: Path) -> None:
    """Write the table of experiments, every calibration and every experiment."""
    with h5py.File(path, "w") as file:
        file.attrs["NX_class"] = "NXroot"
        file.attrs["default"] = "campaign"
        _campaign(_group(file, "campaign", "NXentry"), record)
        calibrations = record.journal.events(Calibrated) if record.profile.calibration else ()
        for number, event in enumerate(calibrations, 1):
            _calibration(_group(file, f"calibration_{number:03d}", "NXentry"), record, event)
        for experiment, origin in zip(
            record.experiments(), provenance_as_json(record), strict=True
        ):
            entry = _group(file, f"experiment_{experiment.index:03d}", "NXentry")
            _experiment(entry, record, experiment)
            _put(entry, "provenance", json.dumps(origin, ensure_ascii=False))


def _group(parent: h5py.Group, name: str, nexus_class: str) -> h5py.Group:
    group = parent.create_group(name)
    group.attrs["NX_class"] = nexus_class
    return group


def _put(group: h5py.Group, name: str, value: Any, unit: str = "", **how: Any) -> None:
    if isinstance(value, str):
        value = visible(value)  # HDF5 has no NUL in a text
    dataset = group.create_dataset(name, data=value, **how)
    if unit:
        dataset.attrs["units"] = UNITS.get(unit, unit)


def _campaign(entry: h5py.Group, record: RunRecord) -> None:
    begun = record.start
    _put(entry, "title", begun.data.campaign)
    _put(entry, "start_time", begun.wall)
    newest = record.journal.last()
    _put(entry, "end_time", begun.wall if newest is None else newest.wall)
    _put(entry, "program_name", "flowrig")
    entry["program_name"].attrs["version"] = begun.data.versions["flowrig"]
    _put(entry, "experiment_identifier", record.journal.digest())
    about = _group(entry, "run", "NXcollection")
    _put(about, "profile", begun.data.profile)
    _put(about, "seed", begun.data.seed)
    _put(about, "simulated", begun.data.simulated)
    entry.attrs["default"] = "experiments"
    table = _group(entry, "experiments", "NXdata")
    table.attrs["signal"] = "objective"
    table.attrs["axes"] = "index"
    for column in experiment_columns(record):
        _put(table, column.name, _values(column.values), column.unit)


def _values(values: Any) -> Any:
    """Texts as they are, numbers as an array with nan where there is none."""
    if any(isinstance(value, str) for value in values):
        return [visible(str(value)) for value in values]
    return np.array([np.nan if value is None else value for value in values])


def _calibration(entry: h5py.Group, record: RunRecord, event: Event[Calibrated]) -> None:
    _put(entry, "title", "dark and lamp reference")
    _put(entry, "start_time", event.wall)
    _put(entry, "time", event.time_s, "s")
    arrays = record.journal.arrays(event.sequence)
    for name in _spectrometers(arrays, "lamp"):
        data = _spectra(entry, name, "lamp", arrays[f"{name}.wavelengths_nm"], "nm")
        _put(data, "lamp", arrays[f"{name}.lamp"], "counts")
        if f"{name}.dark" in arrays:
            _put(data, "dark", arrays[f"{name}.dark"], "counts")


def _experiment(entry: h5py.Group, record: RunRecord, experiment: Experiment) -> None:
    _put(entry, "title", f"experiment {experiment.index}, stage {experiment.decision.stage}")
    _put(entry, "started", experiment.started_s, "s")
    _put(entry, "ended", experiment.ended_s, "s")
    _put(entry, "quality", experiment.quality)
    _put(entry, "flags", "; ".join(experiment.flags))
    _put(
        entry,
        "objective",
        experiment.measured_objective,
        record.profile.objective.unit,
    )
    units = record.profile.space.units
    conditions = _group(entry, "conditions", "NXcollection")
    for name, value in experiment.conditions.items():
        _put(conditions, name, value, units[name])
    features = _group(entry, "features", "NXcollection")
    units_of_features = {name: one.unit for name, one in record.profile.features.items()}
    for name, value in experiment.measured_features.items():
        _put(features, name, value, units_of_features.get(name, ""))
    reading_units = record.start.data.readings or {}
    if experiment.readings:
        readings = _group(entry, "readings", "NXcollection")
        for name, value in experiment.readings.items():
            _put(readings, name, value, reading_units.get(name, ""))
    _results(entry, record, experiment)
    arrays = record.journal.arrays(experiment.sequence)
    for name in _spectrometers(arrays, "counts"):
        _frames(entry, record, name, arrays)
    for name, channel in record.profile.analysis.channels.items():
        axis = arrays.get(f"{name}.axis", record.axis(channel.device))
        data = _spectra(entry, name, name, axis, channel.offer.axis_unit)
        _put(data, name, arrays[name], channel.offer.unit)
        if f"{name}.scan" in arrays:  # a spectrum for each position, of which it is the mean
            _put(data, "scan", arrays[f"{name}.scan"], channel.offer.unit)
    _series(entry, record, arrays)


def _series(entry: h5py.Group, record: RunRecord, arrays: Mapping[str, NDArray[Any]]) -> None:
    """What has a value at each position of a scan."""
    known = {n: one for n, one in record.profile.series.items() if f"{n}.series" in arrays}
    if not known:
        return
    group = _group(entry, "series", "NXcollection")
    for name, feature in known.items():
        _put(group, name, arrays[f"{name}.series"], feature.unit)


def _results(entry: h5py.Group, record: RunRecord, experiment: Experiment) -> None:
    """What was entered later: values as they are now, and every entry with its files."""
    if experiment.results:
        group = _group(entry, "results", "NXcollection")
        units = record.profile.analysis.off_line_units
        for name, value in experiment.results.items():
            _put(group, name, value, units.get(name, ""))
    for number, event in enumerate(experiment.entries, 1):
        note = _group(entry, f"result_{number:03d}", "NXnote")
        _put(note, "author", event.data.by)
        _put(note, "date", event.data.entered or event.wall)
        _put(note, "data", json.dumps(event.data.as_json(), ensure_ascii=False))


def _spectrometers(arrays: Mapping[str, NDArray[Any]], what: str) -> list[str]:
    return [name.removesuffix(f".{what}") for name in arrays if name.endswith(f".{what}")]


def _frames(
    entry: h5py.Group, record: RunRecord, name: str, arrays: Mapping[str, NDArray[Any]]
) -> None:
    unit = record.profile.devices[name].axis_unit
    data = _spectra(entry, name, "counts", record.axis(name), unit, before=("time",))
    how = {"compression": "gzip", "compression_opts": PACKED, "shuffle": True}
    _put(data, "counts", arrays[f"{name}.counts"], "counts", **how)
    _put(data, "time", arrays[f"{name}.times_s"], "s")
    if f"{name}.dark" in arrays:
        _put(data, "dark", arrays[f"{name}.dark"], "counts")
    entry.attrs.setdefault("default", name)


def _spectra(
    entry: h5py.Group,
    name: str,
    signal: str,
    axis: NDArray[np.float64],
    unit: str,
    *,
    before: tuple[str, ...] = (),
) -> h5py.Group:
    """A group with an axis; `before` names the axes of the signal before it."""
    data = _group(entry, name, "NXdata")
    called = "wavelength" if unit == "nm" else "axis"
    data.attrs["signal"] = signal
    data.attrs["axes"] = [*before, called]
    _put(data, called, axis, unit)
    return data
