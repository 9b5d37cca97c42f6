"""A published series of spectra gives the features that its frames have in a run."""

from pathlib import Path

import numpy as np
import pytest

from flowrig.errors import InputError
from flowrig.interfaces import Frames
from flowrig.measurement.evaluate import evaluate
from flowrig.measurement.light_reference import LightCalibration, LightReference
from flowrig.measurement.observation import Observation
from flowrig.plugins.registry import Plugins
from flowrig.profile import Profile, load_profile
from flowrig_dropfolder.records import read_records

FRAMES, PIXELS = 60, 400
WORDS = {"hdx_absorbance": "Abs", "hdx_pl": "PL"}
AXIS_NM = np.linspace(200.0, 1000.0, PIXELS)
ROWS = [[150.0, 100, 100, 50, 250, 250, 2, 0], [120.5, 105.67, 103, 53.5, 258.5, 260.33, 2, 0]]


@pytest.fixture(scope="module")
def profile() -> Profile:
    return load_profile("cs3cu2i5-heatup-dropfolder", Plugins.discover())


def counts_of(seed: int) -> np.ndarray:
    """Frames with a band at 450 nm, shape `frames x pixels`."""
    draw = np.random.default_rng(seed)
    band = 9_000.0 * np.exp(-(((AXIS_NM - 450.0) / 40.0) ** 2))
    bright = draw.uniform(0.5, 1.0, (FRAMES, 1))
    return (1_500.0 + bright * (band + 4_000.0) + draw.normal(0, 20, (FRAMES, PIXELS))).astype(int)


def write(file: Path, table: np.ndarray, head: str = "") -> None:
    rows = [",".join(map(str, row)) for row in table.tolist()]
    file.write_text("\n".join([head, *rows] if head else rows) + "\n", encoding="ascii")


@pytest.fixture
def series(tmp_path: Path) -> Path:
    """Two conditions; the files of the second have the higher numbers, and come first in a list."""
    write(tmp_path / "FR.csv", np.array(ROWS))
    for place, word in enumerate(WORDS.values()):
        write(tmp_path / f"Wavelength_{word}.csv", AXIS_NM[:, None])
        write(tmp_path / f"DR_{word}.csv", np.full((1, PIXELS), 1_000.0 + place))
        for number in (2, 10):
            head = ",".join(map(str, range(FRAMES)))
            counts = counts_of(100 * place + number)
            write(tmp_path / f"{word}{number}.csv", counts.T, head)
    write(tmp_path / "LR.csv", np.full((PIXELS, 3), 60_000), "1,2,3")
    return tmp_path


def test_a_series_is_evaluated_as_a_run_is(series: Path, profile: Profile) -> None:
    """Features follow from the same frames by the same analysis, and go to a table."""
    found = read_records(series, profile)
    assert [one["temperature"] for one in found.conditions] == [150.0, 120.5]
    for number, measured in zip((2, 10), found.measurements, strict=True):
        frames, dark, references = {}, {}, {}
        for place, name in enumerate(WORDS):
            counts = counts_of(100 * place + number).astype(np.uint16)
            frames[name] = Frames(
                time_s=0.0,
                counts=counts,
                times_s=np.arange(FRAMES, dtype=float),
                integration_time_us=8_000,
                saturated=np.zeros(FRAMES, bool),
            )
            dark[name] = np.full(PIXELS, 1_000.0 + place)
            references[name] = LightReference(dark[name], np.full(PIXELS, 60_000.0))
        direct, _ = evaluate(
            profile,
            dict.fromkeys(WORDS, AXIS_NM),
            LightCalibration(references),
            Observation(dark, frames),
        )
        assert measured.features == direct.features
        assert measured.objective == direct.objective
    found.write(series / "table.csv")
    head, first, *_ = (series / "table.csv").read_text(encoding="utf-8").splitlines()
    assert head.startswith("temperature_c,CuI_ul_min,ZnI2_ul_min,CsOA_ul_min,ODE_ul_min,a300,")
    assert first.startswith("150.0,100.0,100.0,50.0,250.0,")


def test_a_series_with_gaps_is_told(series: Path, profile: Profile) -> None:
    """A missing file, a cut one, and a row too many are named."""
    whole = (series / "PL10.csv").read_bytes()
    (series / "PL10.csv").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(InputError, match=r"PL10.csv: .*row"):
        read_records(series, profile)
    (series / "PL10.csv").unlink()
    with pytest.raises(InputError, match=r"1 files PL\*.csv, and 2 rows in FR.csv"):
        read_records(series, profile)
    (series / "Wavelength_Abs.csv").unlink()
    with pytest.raises(InputError, match=r"Wavelength_Abs\.csv: "):
        read_records(series, profile)
