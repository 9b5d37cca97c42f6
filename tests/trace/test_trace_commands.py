"""`flowrig trace check` and `show`."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from flowrig.cli import main


@pytest.fixture
def call() -> Callable[..., Result]:
    """Runs a command."""
    return lambda *words: CliRunner().invoke(main, ["trace", *map(str, words)])


@pytest.mark.slow
def test_traces_that_agree_exit_with_0(call: Callable[..., Result], run_folder: Path) -> None:
    """Two lines a trace say how much agrees."""
    traces = run_folder / "traces"
    done = call("check", traces / "plate.jsonl", traces / "pump_cui.jsonl")
    assert done.exit_code == 0
    assert done.stdout.count("calls send and return the same") == 2
    assert done.stdout.count("answers have the recorded form") == 2


def test_a_difference_exits_with_1(
    call: Callable[..., Result], tampered: Callable[..., Path]
) -> None:
    """The difference is shown, and is in the JSON."""
    path = tampered(
        "plate", lambda line: line | ({"received": "F\n"} if line.get("received") == "C\n" else {})
    )
    shown, as_json = call("check", path), call("check", path, "--json")
    assert shown.exit_code == as_json.exit_code == 1
    assert "the driver returns something else" in shown.stdout
    (report,) = json.loads(as_json.stdout)
    assert not report["passed"]
    assert report["header"]["device"] == "plate"
    assert report["driver"]["call"] == "read()"


def test_what_is_no_trace_exits_with_2(call: Callable[..., Result], tmp_path: Path) -> None:
    """The message names the file."""
    path = tmp_path / "notes.txt"
    path.write_text("hello\n", encoding="utf-8")
    done = call("check", path)
    assert done.exit_code == 2
    assert "notes.txt is no trace" in done.stderr


def test_a_trace_can_be_read_by_a_person(call: Callable[..., Result], run_folder: Path) -> None:
    """Calls, directions, texts and what was returned stand in lines; binary is summed up."""
    plate = call("show", run_folder / "traces" / "plate.jsonl").stdout
    assert "plate: heater watlow-f4t, recorded from an emulator with flowrig" in plate
    assert "       0.000  open()\n       0.000    scpi > '*IDN?\\n'\n" in plate
    assert "= HeaterReading(quality='good', temperature_c=" in plate
    hdx = call("show", run_folder / "traces" / "hdx_pl.jsonl").stdout
    assert "    < 4200 bytes c1 c0 00 11" in hdx
    assert max(map(len, hdx.splitlines())) < 300


def test_a_cut_line_is_told(call: Callable[..., Result], run_folder: Path, tmp_path: Path) -> None:
    """Showing and checking both say that the last line is incomplete, and go on without it."""
    whole = (run_folder / "traces" / "pump_cui.jsonl").read_bytes()
    path = tmp_path / "cut.jsonl"
    path.write_bytes(whole[:-20])
    assert "the last line is incomplete" in call("show", path).stderr
    done = call("check", path)
    assert done.exit_code == 0
    assert "the last line is incomplete" in done.stdout
