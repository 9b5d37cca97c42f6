"""A run in the formats of other programs, and once more on the terminal."""

import csv
import json
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
from attrs import asdict, evolve
from click.testing import CliRunner, Result
from some_events import measured, resumed

from flowrig.cli import main
from flowrig.cli.atomic_file import atomic_file
from flowrig.errors import InputError
from flowrig.journal.events import Calibrated, ChangesAccepted, Decided, Opened
from flowrig.journal.journal import FILE_NAME, Journal
from flowrig.run_record.reader import RunRecord

RECORDED = Path(__file__).parents[1] / "journal" / "journals" / "0.1.0"


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run with two measured experiments."""
    shutil.copytree(RECORDED, tmp_path / "run")
    return tmp_path / "run"


def call(*words: object) -> Result:
    """The command line, in this process."""
    return CliRunner().invoke(main, [str(word) for word in words], catch_exceptions=False)


def test_csv_has_what_was_measured(run: Path) -> None:
    """One row for each experiment; condition, features and objective are those of the journal."""
    assert call("export", run, "--format", "csv").exit_code == 0
    with (run / "experiments.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    with RunRecord(run) as record:
        experiments = record.experiments()
    assert [int(row["index"]) for row in rows] == [1, 2]
    for row, experiment in zip(rows, experiments, strict=True):
        assert float(row["temperature_c"]) == experiment.conditions["temperature"]
        assert float(row["ODE_ul_min"]) == experiment.conditions["ODE"]
        assert float(row["a300"]) == experiment.features["a300"]
        assert float(row["ended_s"]) == experiment.ended_s
    assert call("report", run, "--csv").output == (run / "experiments.csv").read_text("utf-8")


def test_parquet_has_types_and_units(run: Path, tmp_path: Path) -> None:
    """Numbers are numbers, each column tells its unit, and the file tells the run."""
    parquet = pytest.importorskip("pyarrow.parquet")
    assert (
        call("export", run, "--format", "parquet", "--out", tmp_path / "e.parquet").exit_code == 0
    )
    table = parquet.read_table(tmp_path / "e.parquet")
    with RunRecord(run) as record:
        assert table["objective"].to_pylist() == list(record.objective())
    assert table.schema.field("temperature_c").metadata[b"unit"] == "°C".encode()
    assert str(table.schema.field("started_s").type) == "double"
    assert b'"seed": 4' in table.schema.metadata[b"flowrig"]


def test_nexus_has_every_raw_frame_with_units(run: Path, tmp_path: Path) -> None:
    """Entries, signals and axes as NeXus says; frames bit for bit as in the journal."""
    h5py = pytest.importorskip("h5py")
    assert call("export", run, "--format", "nexus", "--out", tmp_path / "run.nxs").exit_code == 0
    with h5py.File(tmp_path / "run.nxs") as file, RunRecord(run) as record:
        classes = {name: entry.attrs["NX_class"] for name, entry in file.items()}
        assert json.loads(file["experiment_001/provenance"][()])["devices"]
        assert set(classes.values()) == {"NXentry"}
        assert set(classes) == {"campaign", "calibration_001", "experiment_001", "experiment_002"}
        assert file[file.attrs["default"]]["experiments"].attrs["signal"] == "objective"
        spectra = file["experiment_002/hdx_pl"]
        assert (spectra.attrs["NX_class"], spectra.attrs["signal"]) == ("NXdata", "counts")
        assert list(spectra.attrs["axes"]) == ["time", "wavelength"]
        np.testing.assert_array_equal(spectra["counts"][()], record.frames(2, "hdx_pl"))
        assert spectra["wavelength"].attrs["units"] == "nm"
        assert spectra["time"].attrs["units"] == "s"
        assert spectra["counts"].shape == (len(spectra["time"]), len(spectra["wavelength"]))
        assert file["experiment_001/conditions/ODE"].attrs["units"] == "uL/min"


def test_a_missing_package_is_one_line(run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says what to install, and nothing is written."""
    module = sys.modules["flowrig.cli.results.export"]
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    done = call("export", run, "--format", "nexus")
    assert done.exit_code == 2
    assert done.output == "nexus needs h5py; install it with: pip install 'flowrig[nexus]'\n"
    assert not (run / "run.nxs").exists()


def test_a_replay_shows_the_run_and_writes_its_report(run: Path) -> None:
    """The lines of the run, from the journal alone, and the report anew."""
    done = call("replay", run, "--speed", 1e9)
    assert done.exit_code == 0, done.output
    assert "seed 4" in done.output
    assert "the rig is in its safe state" in done.output
    assert [line.split()[0] for line in done.output.splitlines() if "/3 " in line] == ["1/3", "2/3"]
    assert "<svg" in (run / "report.html").read_text(encoding="utf-8")


def test_what_is_damaged_is_reported_and_left_out(run: Path) -> None:
    """The experiments before the damage are exported, and a line says what is missing."""
    with closing(sqlite3.connect(run / "journal.sqlite")) as connection, connection:
        connection.execute(
            "UPDATE event SET time_s = 0 WHERE sequence = "
            "(SELECT max(sequence) FROM event WHERE kind = 'measured')"
        )
    done = call("export", run, "--format", "csv")
    assert done.exit_code == 0
    assert "1 measurements are behind it" in done.output
    lines = (run / "experiments.csv").read_text("utf-8").splitlines()
    assert [line.split(",")[0] for line in lines] == ["index", "1"]


def test_a_file_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    """Whatever goes wrong while a file is written, the old one stays and nothing lies beside it."""
    path = tmp_path / "report.html"
    path.write_text("old", encoding="utf-8")

    def fill_the_disk() -> None:
        with atomic_file(path) as part:
            part.write_text("half", encoding="utf-8")
            raise OSError(28, "No space left on device")

    with pytest.raises(InputError, match="No space left"):
        fill_the_disk()
    assert path.read_text(encoding="utf-8") == "old"
    with atomic_file(path) as part:
        part.write_text("new", encoding="utf-8")
    assert path.read_text(encoding="utf-8") == "new"
    assert [one.name for one in tmp_path.iterdir()] == ["report.html"]


def go_on_elsewhere(run: Path) -> None:
    """What a resumption writes: other versions, another pump, a fresh reference, an experiment."""
    with RunRecord(run) as record:
        decision, chosen = record.decisions()[0], dict(record.experiments()[0].conditions)
        devices = dict(record.journal.last(Opened).data.devices)  # type: ignore[union-attr]
    devices["pump_cui"] = evolve(devices["pump_cui"], serial_number="another")
    accepted = ChangesAccepted(
        differences=(), profile_digest="d", profile_toml="", versions={"mine": "2"}
    )
    worthless = measured(3, conditions=chosen, objective=None, quality="bad", started_s=9e4)
    with Journal(run / FILE_NAME) as journal:
        journal.append(accepted, 9e4)
        journal.append(resumed(versions={"flowrig": "9.9"}), 9e4)
        journal.append(Opened(devices=devices), 9e4)
        journal.append(Calibrated(), 9.1e4)
        journal.append(Decided(**{**asdict(decision), "index": 3}), 9.1e4)
        journal.append(worthless, 9.2e4)


def test_each_sample_tells_with_what_it_was_measured(run: Path) -> None:
    """After a resumption with other versions and devices, each sample has those of its time."""
    go_on_elsewhere(run)
    assert call("export", run, "--format", "provenance").exit_code == 0
    first, second, third = json.loads((run / "provenance.json").read_text("utf-8"))
    assert (first["session"], third["session"]) == (1, 2)
    assert first["versions"]["flowrig"] == "0.1.0"
    assert third["versions"] == {**first["versions"], "flowrig": "9.9", "mine": "2"}
    assert (third["profile_digest"], len(first["profile_digest"])) == ("d", 64)
    assert third["devices"]["pump_cui"]["serial_number"] == "another"
    assert first["devices"]["pump_cui"]["serial_number"] != "another"
    assert {"vendor", "model", "serial_number", "firmware"} <= set(first["devices"]["plate"])
    assert first["reference_event"] == second["reference_event"] != third["reference_event"]
    with RunRecord(run) as record:
        kinds = {event.sequence: event.kind for event in record.journal.events()}
        assert kinds[third["event"]] == "measured"
        assert kinds[third["reference_event"]] == "calibrated"
        assert [one["seed"] for one in (first, second, third)] == [record.seed] * 3
