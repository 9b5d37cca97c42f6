"""The reference rig through a drop folder measures what it measures through its instruments."""

import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import flowrig as fr
from flowrig.interfaces import Frames, PumpState
from flowrig.run_record.reader import RunRecord

DIRECT, BY_FILES = "cs3cu2i5-heatup-chem3", "cs3cu2i5-heatup-dropfolder"
CELLS = ("hdx_absorbance", "hdx_pl")
RATES = {"CuI": 100.04, "ZnI2": 91.3, "CsOA": 41.7, "ODE": 250.0, "PFO": 241.52}

MOST_COUNTS = 3
"""Largest difference of a count: wavelengths have 0.00002 nm, flow rates 0.001 µL/min in a file or
on a wire."""

FEW = """
extends = "{name}"
unset = ["campaign"]

[campaign]
[[campaign.stages]]
name = "few"
optimizer = "lhs"
experiments = {experiments}
batch = {experiments}
order_by = "temperature"
"""


SAFE = """unset = ["safe_state"]

[[safe_state]]
do = "heater-off"
heaters = ["plate"]

[[safe_state]]
do = "light-off"
spectrometers = ["hdx_absorbance", "hdx_pl"]

[[safe_state]]
do = "stop"
streams = ["CuI", "ZnI2", "CsOA", "ODE", "PFO"]
"""


def measured(profile: str) -> tuple[Mapping[str, Frames], Mapping[str, Frames], list[float]]:
    """Frames of one condition, dark frames, and temperatures on the way."""
    with fr.open_rig(profile, simulate=True, seed=3) as rig:
        rig.set_temperatures({"plate": 150.0})
        read_c = []
        for _ in range(5):  # the profile asks the program to stop after 60 s without a question
            rig.clock.sleep(40.0)
            read_c.append(rig.read().heaters["plate"].temperature_c)
        rig.set_flow_rates(RATES)
        rig.start(RATES)
        for _ in range(5):
            rig.clock.sleep(40.0)
            rig.read()
        lit = rig.acquire(CELLS, 12, 0.4)
        rig.set_light(CELLS, False)
        dark = rig.acquire(CELLS, 3)
        rig.stop(RATES)
        return lit, dark, read_c


def test_frames_are_the_same_to_a_few_counts() -> None:
    """Commands and frames have the same times, and counts differ by rounding only."""
    direct, by_files = measured(DIRECT), measured(BY_FILES)
    for one, other in zip(direct[:2], by_files[:2], strict=True):
        for name in CELLS:
            assert (one[name].times_s == other[name].times_s).all()
            differences = one[name].counts.astype(int) - other[name].counts.astype(int)
            assert np.abs(differences).max() <= MOST_COUNTS
    assert np.allclose(direct[2], by_files[2], atol=0.006)  # the F4T reports 0.01 °C


@pytest.mark.slow
@pytest.mark.parametrize("experiments", [2, 76])
def test_a_campaign_gives_the_same_features(flowrig: Any, tmp_path: Path, experiments: int) -> None:
    """The same conditions, with features within 0.05 %; a weak peak within 1 %."""
    records = []
    for name in (DIRECT, BY_FILES):
        file = tmp_path / f"{name}.toml"
        file.write_text(FEW.format(name=name, experiments=experiments), encoding="utf-8")
        flowrig("run", file, "--simulate", "--seed", 1, "--out", tmp_path / name)
        records.append(RunRecord(tmp_path / name))
    with closing(records[0]) as direct, closing(records[1]) as by_files:
        pairs = list(zip(direct.experiments(), by_files.experiments(), strict=True))
        assert len(pairs) == experiments
        for one, other in pairs:
            assert one.conditions == other.conditions
            for feature, value in one.features.items():
                most = 1e-2 if feature == "pli" else 5e-4
                assert other.features[feature] == pytest.approx(value, rel=most, nan_ok=True)


@pytest.mark.slow
def test_a_program_of_its_own_answers_in_real_time(tmp_path: Path) -> None:
    """`flowrig emulate` serves the whole rig to another process, which works and ends safely."""
    folder = tmp_path / "drop"
    command = [sys.executable, "-m", "flowrig", "emulate", "dropfolder-pump"]
    command += ["--variant", f"folder={folder}", "--variant", "whole=true"]
    shipped = Path(__file__).parents[2] / "profiles" / f"{BY_FILES}.toml"
    text = shipped.read_text(encoding="utf-8").replace("REPLACE-ME/drop", folder.as_posix())
    profile = tmp_path / "rig.toml"
    profile.write_text(text.replace("\n[devices", f"{SAFE}\n[devices", 1), encoding="utf-8")
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ) as process:
        try:
            assert process.stdout is not None
            assert str(folder) in process.stdout.readline()
            with fr.open_rig(str(profile)) as rig:
                rig.set_temperatures({"plate": 40.0})
                rig.set_flow_rates(RATES)
                rig.start(RATES)
                reading = rig.read()
                assert reading.heaters["plate"].set_point_c == 40.0
                found = {name: one.rate_ul_min for name, one in reading.read_backs.items()}
                assert found == RATES
                frames = rig.acquire(CELLS, 5, 0.1)
                assert {one.counts.shape for one in frames.values()} == {(5, 2068)}
                assert fr.reach_safe_state(rig).reached
                assert set(rig.pump_states(RATES).values()) == {PumpState.STOPPED}
        finally:
            process.terminate()
