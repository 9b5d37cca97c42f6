"""Rigs with a single spectrometer: simulated campaigns from profile to report."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from one_spectrometer import ABSORBANCE, EMISSION

import flowrig
from flowrig.cli import main
from flowrig.journal.events import Measured
from flowrig.measurement.spectra import area, interpolate_at
from flowrig.report import content_of, render


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with one finished run of each rig."""
    folder = tmp_path_factory.mktemp("single")
    for name, text in (("pl", EMISSION), ("abs", ABSORBANCE)):
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
        options = flowrig.RunOptions(folder=folder / name, simulate=True, seed=3)
        assert flowrig.start_run(folder / f"{name}.toml", options).state == "finished"
    return folder


def test_emission_alone_needs_no_lamp_and_no_shutter(runs: Path) -> None:
    """Every frame counts, no dark and no reference is taken, and features come from the text."""
    with flowrig.RunRecord(runs / "pl") as record:
        experiments = record.experiments()
        assert [one.quality for one in experiments] == ["good", "good"]
        kept, nm = record.arrays(1), record.wavelengths_nm("hdx_pl")
        assert set(kept) == {"hdx_pl.counts", "hdx_pl.times_s", "pl"}
        assert set(record.reference("hdx_pl")) == {"wavelengths_nm"}
        mean = kept["hdx_pl.counts"].mean(axis=0)
        mean -= mean[(nm >= 800) & (nm <= 1000)].mean()
        found = experiments[0].features
        assert found["bright"] == area(mean, nm, (400, 500)) == experiments[0].objective
        assert found["share"] == found["bright"] / area(mean, nm, (345, 700))
        assert 360 < found["colour"] < 700
        assert list(found) == ["share", "bright", "colour"]


def test_absorbance_alone_is_measured_against_the_lamp(runs: Path) -> None:
    """The darkest frames count, and a feature is computed from another."""
    with flowrig.RunRecord(runs / "abs") as record:
        kept, nm = record.arrays(1), record.wavelengths_nm("hdx_absorbance")
        assert {"abs", "hdx_absorbance.dark", "hdx_absorbance.counts"} <= set(kept)
        found = record.experiments()[0].features
        assert found["a300"] == interpolate_at(kept["abs"], nm, 300.0) > 0
        assert found["edge"] == found["a300"] / interpolate_at(kept["abs"], nm, 350.0)
        assert record.summary()["objective"] == {"name": "a300", "unit": "", "is_feature": True}


@pytest.mark.parametrize(
    ("name", "there", "absent"),
    [
        ("pl", ("Emission spectrum", "counts·nm", "bright"), "Absorbance spectrum"),
        ("abs", ("Absorbance spectrum", "edge", "A300 = "), "Emission spectrum"),
    ],
)
def test_the_report_shows_the_channels_that_there_are(
    runs: Path, name: str, there: tuple[str, ...], absent: str
) -> None:
    """Its figures and columns are those of the profile."""
    with flowrig.RunRecord(runs / name) as record:
        page = render(content_of(record))
    assert all(text in page for text in there)
    assert absent not in page


def test_check_and_plan_say_what_is_looked_at(runs: Path) -> None:
    """Channels and features are listed, and a plan without a calibration has none."""
    said = CliRunner().invoke(main, ["check", str(runs / "pl.toml")]).output
    assert "channel pl: emission by hdx_pl, all frames, no dark" in said
    assert "features: share, bright (counts·nm), colour (nm)" in said
    planned = CliRunner().invoke(main, ["plan", str(runs / "pl.toml")]).output
    assert "explore" in planned
    assert "calibration" not in planned
    assert "calibration" in CliRunner().invoke(main, ["plan", str(runs / "abs.toml")]).output


@pytest.mark.slow
def test_features_by_name_can_stand_still(tmp_path: Path) -> None:
    """A look evaluates the same expressions as a sample, without a lamp reference."""
    stationary = '\n[residence_time.stationary]\nfeatures = ["bright", "share"]\n'
    text = EMISSION.replace("experiments = 2", "experiments = 1") + stationary
    (tmp_path / "rig.toml").write_text(
        text + "tolerance = 0.2\nframes = 4\nlongest = 4.0\n", encoding="utf-8"
    )
    options = flowrig.RunOptions(folder=tmp_path / "run", simulate=True, seed=3)
    assert flowrig.start_run(tmp_path / "rig.toml", options).state == "finished"
    with flowrig.RunRecord(tmp_path / "run") as record:
        (measured,) = record.journal.events(Measured)
    steadiness = measured.data.steadiness
    assert steadiness is not None
    assert set(steadiness.looks[0].values) == {"bright", "share"}
