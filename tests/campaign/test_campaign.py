"""Whole campaigns through the command line, on the emulated rig, through the real drivers."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

import flowrig as package
from flowrig.journal.journal import AnyEvent
from flowrig.operator.requests import OperatorRequests, Request
from flowrig.run_record.reader import RunRecord

Summary = Callable[[Path], dict[str, Any]]


def test_a_campaign_runs_to_its_end(finished: Any, summary: Summary) -> None:
    """Every experiment is measured, the rig ends safe, and the report has the best conditions."""
    said = summary(finished.folder)
    assert (said["state"], said["experiments"], said["seed"]) == ("finished", 5, 1)
    assert 0.0 < said["best"]["objective"] < 1.0
    assert said["best"]["conditions"]["temperature"]["unit"] == "°C"
    assert said["objective"]["name"] == "PLQY proxy"
    assert "safe state" in finished.stdout
    assert "<svg" in (finished.folder / "report.html").read_text(encoding="utf-8")


def test_the_same_seed_gives_the_same_run(
    flowrig: Any, short: Any, summary: Summary, finished: Any, tmp_path: Path
) -> None:
    """One seed replays bit for bit, raw spectra included; another seed does not."""
    digests = [summary(finished.folder)["digest"]]
    for name, seed in (("b", 1), ("c", 2)):
        flowrig("run", short(), "--simulate", "--seed", seed, "--out", tmp_path / name)
        digests.append(summary(tmp_path / name)["digest"])

    assert digests[0] == digests[1] != digests[2]


@pytest.mark.slow
def test_what_was_measured_can_be_read_as_arrays(short: Any, tmp_path: Path) -> None:
    """Conditions, features, raw frames and the model come back from a run's folder."""
    outcome = package.start_run(
        short(6, 1), package.RunOptions(folder=tmp_path / "run", simulate=True, seed=3)
    )
    assert outcome.state == "finished"

    with RunRecord(tmp_path / "run") as record:
        X, Y = record.conditions(), record.features()
        assert X.shape == (7, 5)
        assert Y.shape == (7, 2)
        frames = record.frames(1, "hdx_pl")
        assert (frames.shape, frames.dtype) == ((20, 2068), np.uint16)
        assert record.wavelengths_nm("hdx_pl").shape == (2068,)
        posterior = record.model().predict(record.profile.space.to_unit(X))
        assert posterior.mean.shape == (7, 2)
        np.testing.assert_allclose(record.objective(), record.profile.objective.value(Y))


def test_a_run_computes_on_one_thread(short: Any, tmp_path: Path) -> None:
    """Whatever the process does elsewhere: with more, last bits would depend on the computer."""
    requests, threads = OperatorRequests(), set[int]()

    def look(event: AnyEvent) -> None:
        if event.kind == "opened":
            threads.update(pool["num_threads"] for pool in threadpool_info())
            requests.ask(Request.STOP)

    with threadpool_limits(2):
        package.start_run(
            short(),
            package.RunOptions(
                folder=tmp_path / "run", simulate=True, listeners=[look], requests=requests
            ),
        )
    assert threads == {1}


def test_csv_has_a_row_for_each_experiment_with_units_in_its_columns(
    flowrig: Any, finished: Any
) -> None:
    """The table can be read without knowing flowrig."""
    rows = list(csv.DictReader(io.StringIO(flowrig("report", finished.folder, "--csv").stdout)))

    assert len(rows) == 5
    assert {"temperature_c", "CuI_ul_min", "a300", "pla", "objective"} <= set(rows[0])
    assert 119 < float(rows[0]["temperature_c"]) < 181


@pytest.mark.slow
def test_a_syringe_that_would_run_empty_holds_the_run(
    flowrig: Any, short: Any, summary: Summary, tmp_path: Path
) -> None:
    """The run waits for a refill in its safe state, says how much, and goes on when it is done."""
    more = '[streams.CuI]\nsyringe = { volume = "1 mL", inner_diameter = "4.6 mm" }\n'
    folder = tmp_path / "run"
    held = flowrig("run", short(4, 1, more), "--simulate", "--out", folder, code=3)
    assert "refill CuI" in held.stderr
    assert "--refilled CuI" in held.stderr
    assert summary(folder)["state"] == "held"
    assert summary(folder)["experiments"] == 3

    assert "refill CuI" in flowrig("resume", folder, code=3).stderr

    flowrig("resume", folder, "--refilled", "CuI")
    assert summary(folder)["state"] == "finished"
    assert summary(folder)["experiments"] == 5


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["run", "no-such-rig", "--simulate"], "no-such-rig"),
        (["check", "cs3cu2i5-heatup-chem4"], "cs3cu2i5-heatup-chem3"),
        (["resume", "."], "journal"),
    ],
)
def test_wrong_input_is_exit_code_2(flowrig: Any, words: list[str], says: str) -> None:
    """The message names what is wrong; there is no traceback."""
    done = flowrig(*words, code=2)
    assert says in done.stderr
    assert "Traceback" not in done.stderr
