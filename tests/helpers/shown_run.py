"""A journal of a run that a page can show, written event by event."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import numpy as np
from some_events import begun, decided, measured, reading, stage

from flowrig.journal.events import Calibrated, ExperimentBegun, Intent, Objective, Opened, Outcome
from flowrig.journal.journal import FILE_NAME, Journal
from flowrig.plugins.registry import Plugins
from flowrig.profile import Profile, read_profile
from flowrig.profile.load import ProfileSource
from flowrig.run_record.lock import locked

PROFILE = "cs3cu2i5-heatup-chem3"
CONDITIONS = {"temperature": 150.0, "CuI": 50.0, "ZnI2": 50.0, "CsOA": 20.0, "ODE": 100.0}
WAVELENGTHS_NM = np.linspace(200.0, 800.0, 2400)


@cache
def source() -> ProfileSource:
    """The reference rig, whole."""
    return read_profile(PROFILE, Plugins.discover())


@cache
def rig() -> Profile:
    """The same, checked."""
    return source().load()


def begin(journal: Journal, planned: int = 8) -> None:
    """A run begins, and calibrates."""
    units = dict.fromkeys(CONDITIONS, "µL/min") | {"temperature": "°C"}
    started = begun(
        profile=PROFILE,
        campaign="a night",
        experiments=planned,
        objective=Objective(name="PLQY proxy", unit=""),
        units=units,
        profile_toml=source().text,
        simulated=False,
    )
    journal.append(started, 0.0)
    journal.append(Opened(devices={}), 1.0)
    detectors = {channel.device for channel in rig().analysis.channels.values()}
    axes = {f"{name}.wavelengths_nm": WAVELENGTHS_NM for name in detectors}
    journal.append(Calibrated(), 2.0, axes)
    journal.append(stage(), 3.0)


def experiment(
    journal: Journal,
    index: int,
    objective: float | None,
    *,
    quality: str = "good",
    is_foreign: bool | None = None,
) -> None:
    """An experiment is decided, runs, and is measured."""
    time_s = 100.0 * index
    journal.append(decided(index=index, conditions=CONDITIONS, is_foreign=is_foreign), time_s)
    journal.append(ExperimentBegun(index=index), time_s)
    rates = {"CuI": 50.0, "ODE": 100.0}
    start = journal.append(Intent(command="start", flow_rates_ul_min=rates), time_s + 1.0)
    journal.append(Outcome(intent=start.sequence, command="start", outcome="done"), time_s + 1.0)
    journal.note(reading(140.0 + index, 150.0), time_s + 5.0)
    stop = journal.append(Intent(command="stop", streams=tuple(rates)), time_s + 61.0)
    drawn = Outcome(
        intent=stop.sequence, command="stop", dispensed_ul=rates, estimated=(), outcome="done"
    )
    journal.append(drawn, time_s + 61.0)
    spectra = {"absorbance": np.sin(WAVELENGTHS_NM / 50.0), "photoluminescence": WAVELENGTHS_NM}
    one = measured(
        index=index,
        conditions=CONDITIONS,
        features=dict.fromkeys(rig().objective.responses, 0.5),
        objective=objective,
        quality=quality,
    )
    journal.append(one, time_s + 62.0, spectra)


@contextmanager
def under_way(folder: Path, planned: int = 8) -> Iterator[Journal]:
    """A run that this process works on."""
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder), Journal.create(folder / FILE_NAME) as journal:
        begin(journal, planned)
        yield journal
