"""Campaigns whose objective is a result that comes later."""

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from attrs import evolve
from click.testing import CliRunner

from flowrig.campaign.optimizer import ConditionChooser
from flowrig.campaign.results import results_for_optimizers
from flowrig.cli import main
from flowrig.clock import RealClock
from flowrig.journal.events import (
    Decided,
    EventData,
    HoldBegun,
    Measured,
    ResultEntered,
    SafeStateSought,
    WentOn,
)
from flowrig.journal.journal import FILE_NAME, AnyEvent, Journal
from flowrig.operator.requests import OperatorRequests, Request
from flowrig.plugins.registry import Plugins
from flowrig.profile import ProfileError, load_profile
from flowrig.run.options import ResumeOptions, RunOptions
from flowrig.run.start import resume_run, start_run
from flowrig.run_record.off_line import dropped as dropped_module
from flowrig.run_record.off_line.box import ResultBox
from flowrig.run_record.off_line.dropped import DroppedFiles
from flowrig.run_record.off_line.take import take_into_journal
from flowrig.run_record.reader import RunRecord
from flowrig.run_record.status import RunStatus

CAMPAIGN = """
extends = "cspbbr3-larp-published"
[analysis.channels.sphere]
files = "drop/*_{{experiment}}.csv"
[campaign]
title = "short"
pending = {pending}
[[campaign.stages]]
name = "grid"
optimizer = "lhs"
experiments = 2
batch = 2
[[campaign.stages]]
name = "one by one"
optimizer = "sobol"
experiments = 3
"""


def profile_in(folder: Path, pending: int = 1, more: str = "") -> Path:
    path = folder / "short.toml"
    path.write_text(CAMPAIGN.format(pending=pending) + more, encoding="utf-8")
    return path


def flowrig(*words: Any) -> Any:
    return CliRunner().invoke(main, [str(word) for word in words])


def test_a_misspelled_channel_is_told_its_name(tmp_path: Path) -> None:
    """What comes later is no analysis of a plugin, and is named beside those."""
    more = '[analysis.channels.xrd]\nuse = "offline"\ngives = { purity = "%" }\n'
    with pytest.raises(ProfileError) as caught:
        load_profile(profile_in(tmp_path, more=more), Plugins.discover())
    problem = next(p for p in caught.value.problems if "offline" in p.message)
    assert "off-line" in problem.expected
    assert problem.nearest == "off-line"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated campaign to its end."""
    home = tmp_path_factory.mktemp("later")
    options = RunOptions(folder=home / "run", simulate=True)
    assert start_run(profile_in(home), options).state == "finished"
    return home / "run"


def test_a_simulated_run_waits_in_its_safe_state_and_goes_on(folder: Path) -> None:
    """Before each choice the results are there; a batch is measured without a break."""
    with RunRecord(folder) as record:
        assert [e.awaits for e in record.experiments()] == [()] * 5
        assert all(0.2 < e.objective < 0.65 for e in record.experiments())
        kinds = (Decided, Measured, ResultEntered, HoldBegun, WentOn, SafeStateSought)
        story = [e.kind for e in record.journal.events(*kinds)]
        batch = ["decided", "decided", "measured", "measured"]
        wait = ["safe-state", "hold", "result", "went-on"]
        assert story[:9] == [*batch, "safe-state", "hold", "result", "result", "went-on"]
        assert story[9:] == [
            *["decided", "measured", *wait] * 2,
            *["decided", "measured", "result", "safe-state"],
        ]
        held = [e.data.why for e in record.journal.events(HoldBegun)]
        assert set(held) == {"results"}
        for event in record.journal.events(ResultEntered):
            done = record.experiment(event.data.index)
            assert event.time_s >= done.ended_s + 1800.0
            assert event.data.by == "simulation"


def test_what_is_corrected_while_the_rig_waits_is_learned_anew(tmp_path: Path) -> None:
    """An optimizer has learned from the first result before, and never forgets a row by itself."""
    run, corrected = tmp_path / "run", list[int]()

    def correct(event: AnyEvent) -> None:
        if isinstance(event.data, HoldBegun) and not corrected:
            with RunRecord(run) as record:
                known = [one for one in record.experiments() if one.results]
            if known:
                corrected.append(known[0].index)
                ResultBox(run).put(known[0].index, {"sphere.plqy": 7.0}, {"sphere.plqy": "%"})

    forgets = list[int]()
    close = ConditionChooser.close

    def closed(chooser: ConditionChooser) -> None:
        forgets.append(len(corrected))
        close(chooser)

    options = RunOptions(folder=run, simulate=True, seed=1, listeners=(correct,))
    with patch.object(ConditionChooser, "close", closed):
        outcome = start_run(str(profile_in(tmp_path)), options)
    assert outcome.state == "finished", outcome.reason
    assert forgets == [1, 1]  # once for the correction, and once at the end


def test_readers_see_a_result_from_its_event_on(folder: Path) -> None:
    """What optimizers were told before each event is what the journal held before it."""
    with RunRecord(folder) as record:
        events = list(record.journal.events(Measured, ResultEntered))
        for event in events:
            told = results_for_optimizers(record, event.sequence)
            entered = [e for e in events if e.kind == "result" and e.sequence < event.sequence]
            assert len(told) == len(entered)
        assert len(results_for_optimizers(record)) == 5


@pytest.mark.slow
def test_the_digest_counts_results(folder: Path, tmp_path: Path) -> None:
    """The same campaign has the same digest, and another result gives another one."""
    options = RunOptions(folder=tmp_path / "run", simulate=True)
    start_run(profile_in(tmp_path), options)
    with RunRecord(folder) as first, RunRecord(tmp_path / "run") as second:
        before = first.journal.digest()
        assert before == second.journal.digest()
    assert flowrig("result", tmp_path / "run", 1, "plqy=12%").exit_code == 0
    with RunRecord(tmp_path / "run") as second:
        assert before != second.journal.digest()


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A campaign that was stopped while the first two samples were analysed."""
    home, requests = tmp_path_factory.mktemp("stopped"), OperatorRequests()

    def stop(event: AnyEvent) -> None:
        if isinstance(event.data, HoldBegun):
            requests.ask(Request.STOP)

    options = RunOptions(folder=home / "run", simulate=True, requests=requests, listeners=[stop])
    assert start_run(profile_in(home), options).state == "stopped"
    return home / "run"


@pytest.fixture
def waiting(stopped: Path, tmp_path: Path) -> Path:
    """The folder of such a campaign, for one test alone."""
    return shutil.copytree(stopped, tmp_path / "run")


def test_a_person_enters_corrects_and_gives_up(waiting: Path, tmp_path: Path) -> None:
    """Values with units, files by their hash, a correction that keeps both, and a lost sample."""
    (tmp_path / "xrd.xy").write_text("10 20\n", encoding="utf-8")
    done = flowrig("result", waiting, 1, "plqy=41%", "--by", "FS5", "--file", tmp_path / "xrd.xy")
    assert done.exit_code == 0, done.output
    assert flowrig("result", waiting, 1, "plqy=44%", "--by", "QY").exit_code == 0
    assert flowrig("result", waiting, 2, "--lost", "the vial broke").exit_code == 0
    with RunRecord(waiting) as record:
        first, second = record.experiments()
        assert first.objective == pytest.approx(0.44)
        assert [e.data.values["sphere.plqy"] for e in first.entries] == [41.0, 44.0]
        (kept,) = first.entries[0].data.files
        copy = waiting / "results" / kept.file
        assert copy.read_text() == "10 20\n"
        assert kept.name == "xrd.xy"
        assert second.quality == "bad"
        assert second.flags[-1] == "no result: the vial broke"
        assert record.waiting() == []
        assert record.best() == first
    listed = json.loads(flowrig("result", waiting, "--list", "--json").output)
    assert [one["by"] for one in listed["results"]][:2] == ["FS5", "QY"]
    assert listed["waiting"] == {}
    assert listed["missing"] == {"1": ["sphere.peak", "sphere.fwhm"]}
    assert json.loads(flowrig("status", waiting, "--json").output)["waiting"] == []
    packages = {"csv": "csv", "parquet": "pyarrow", "nexus": "h5py", "spectra": "csv"}
    for form in [form for form, package in packages.items() if find_spec(package)]:
        assert flowrig("export", waiting, "--format", form).exit_code == 0
    rows = (waiting / "experiments.csv").read_text(encoding="utf-8").splitlines()
    assert "sphere.plqy_percent" in rows[0]
    assert "FS5; QY" in rows[1]
    assert flowrig("report", waiting).exit_code == 0
    page = (waiting / "report.html").read_text(encoding="utf-8")
    assert "the vial broke" in page
    assert kept.sha256 in page
    assert resume_run(waiting).state == "finished"


def test_a_loss_withdraws_values_until_there_are_new_ones(waiting: Path) -> None:
    """An experiment with a value counts as failed once its sample is lost; all entries stay."""
    assert flowrig("result", waiting, 1, "plqy=41%", "peak=516nm").exit_code == 0
    done = flowrig("result", waiting, 1, "--lost", "wrong vial")
    assert "sphere.plqy was 41 %, sphere.peak was 516 nm; both are kept" in done.output
    with RunRecord(waiting) as record:
        first = record.experiment(1)
        assert (first.quality, first.flags[-1]) == ("bad", "no result: wrong vial")
        assert first.objective != first.objective
        assert first.features["plqy"] != first.features["plqy"]
        assert (dict(first.results), first.awaits, len(first.entries)) == ({}, (), 2)
        assert record.best() is None
        (row,) = results_for_optimizers(record)
        assert row["plqy"] != row["plqy"]
        status = RunStatus()
        for event in record.journal.events():
            status(event)
        assert (status.best, status.waiting) == (None, {2})
        assert record.sound() == [1, 2]  # a lost result may come yet
    assert flowrig("result", waiting, 1, "plqy=43%").exit_code == 0
    with RunRecord(waiting) as record:
        first = record.experiment(1)
        assert (first.quality, first.objective) == ("good", pytest.approx(0.43))
        assert dict(first.results) == {"sphere.plqy": 43.0}
        assert len(first.entries) == 3


def test_a_simulation_enters_what_a_person_left_out(waiting: Path) -> None:
    """Of a channel that is entered in part, the rest; of a lost sample nothing."""
    assert flowrig("result", waiting, 1, "peak=445nm").exit_code == 0
    assert flowrig("result", waiting, 2, "--lost", "the vial broke").exit_code == 0
    assert resume_run(waiting).state == "finished"
    with RunRecord(waiting) as record:
        mine, simulated = record.experiment(1).entries
        assert dict(mine.data.values) == {"sphere.peak": 445.0}
        assert set(simulated.data.units) == {"sphere.plqy", "sphere.fwhm"}
        assert record.experiment(1).results["sphere.peak"] == 445.0
        assert record.experiment(1).objective > 0.0
        assert record.experiment(2).flags[-1] == "no result: the vial broke"
        assert len(record.experiment(2).entries) == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((1, "plqy=610%"), "plqy: expected 0 to 100 %, got"),
        ((1, "peak=-3nm"), "peak: expected at least 0 nm, as the profile gives no other `range`"),
        ((9, "plqy=61%"), "there is no experiment 9; 1 to 2 are measured"),
        (("one", "plqy=61%"), "expected the number of an experiment"),
        ((1,), "nothing is entered"),
        ((1, "plqy=61%", "--lost", "why"), "not lost"),
        ((1, "plqy=61%", "--list"), "--list enters nothing"),
        (("--by", "me", "--list"), "--list enters nothing"),
        (("--lost", "why", "--list", "--json"), "--list enters nothing"),
        (("--lost", "why"), "need the number of an experiment first"),
    ],
)
def test_a_wrong_entry_writes_nothing(waiting: Path, words: tuple[Any, ...], message: str) -> None:
    done = flowrig("result", waiting, *words)
    assert done.exit_code == 2
    assert message in done.output
    with RunRecord(waiting) as record:
        assert not list(record.journal.events(ResultEntered))
        assert len(record.waiting()) == 2


def test_a_table_enters_all_or_nothing(waiting: Path, tmp_path: Path) -> None:
    path = tmp_path / "plqy.csv"
    path.write_text("experiment,plqy [%]\n1,40\n2,400\n", encoding="utf-8")
    done = flowrig("result", waiting, "--table", path)
    assert done.exit_code == 2
    assert "line 3" in done.output
    with RunRecord(waiting) as record:
        assert len(record.waiting()) == 2
    path.write_text("experiment,plqy [%]\n1,40\n2,41\n1,42\n", encoding="utf-8")
    done = flowrig("result", waiting, "--table", path)
    assert done.exit_code == 2
    assert "line 4" in done.output
    assert "line 2 gives sphere.plqy of experiment 1 too" in " ".join(done.output.split())
    with RunRecord(waiting) as record:
        assert len(record.waiting()) == 2
    path.write_text("experiment,plqy [%]\n1,40\n2,41\n", encoding="utf-8")
    assert flowrig("result", waiting, "--table", path, "--by", "me").exit_code == 0
    with RunRecord(waiting) as record:
        assert [e.objective for e in record.experiments()] == pytest.approx([0.40, 0.41])


def test_a_result_is_taken_exactly_once(waiting: Path) -> None:
    """A program that is killed between the journal and the file of a result takes it once."""
    box = ResultBox(waiting)
    box.put(1, {"sphere.plqy": 40.0}, {"sphere.plqy": "%"})
    (file,) = box.waiting()
    text = file.read_text(encoding="utf-8")
    told: list[str] = []
    assert take_into_journal(waiting, told.append) == 1
    file.write_text(text, encoding="utf-8")  # as if it had not been deleted
    assert take_into_journal(waiting, told.append) == 0
    file.write_text("{", encoding="utf-8")
    other = text.replace('"index": 1', '"index": 77').replace('"entry": "', '"entry": "other')
    file.with_name("b.json").write_text(other, encoding="utf-8")
    assert take_into_journal(waiting, told.append) == 0
    assert box.waiting() == []
    assert len(told) == 2
    assert "there is no experiment 77" in told[1]
    with RunRecord(waiting) as record:
        assert len(list(record.journal.events(ResultEntered))) == 1
        assert record.experiment(1).objective == pytest.approx(0.40)


@pytest.mark.parametrize(
    "kind",
    [
        ResultEntered,
        *(pytest.param(k, marks=pytest.mark.slow) for k in (Measured, HoldBegun, WentOn)),
    ],
)
def test_a_run_that_is_stopped_anywhere_has_each_result_once(
    tmp_path: Path, kind: type[EventData]
) -> None:
    """Stopped at each of a kind of event, and resumed: the campaign is the same."""
    options = RunOptions(folder=tmp_path / "run", simulate=True)
    state = ""
    for count in range(12):
        requests = OperatorRequests()
        seen = Counter[str]()

        def stop(event: AnyEvent, requests: Any = requests, seen: Any = seen) -> None:
            seen[event.kind] += 1
            if isinstance(event.data, kind) and seen[event.kind] == 1 + (kind is HoldBegun):
                requests.ask(Request.HALT)

        heard: dict[str, Any] = {"requests": requests, "listeners": [stop]}
        if count == 0:
            state = start_run(profile_in(tmp_path), evolve(options, **heard)).state
        else:
            state = resume_run(tmp_path / "run", ResumeOptions(**heard)).state
        if state == "finished":
            break
    assert resume_run(tmp_path / "run").state == "finished"
    with RunRecord(tmp_path / "run") as record:
        assert sorted(e.index for e in record.experiments()) == [1, 2, 3, 4, 5]
        entered = Counter(e.data.index for e in record.journal.events(ResultEntered))
        assert entered == dict.fromkeys(range(1, 6), 1)
        conditions = [tuple(d.conditions.values()) for d in record.decisions()]
        assert len(set(conditions)) == 5


def test_experiments_run_ahead_of_results(tmp_path: Path) -> None:
    """With `pending = 3` two wait while the third is chosen, and nothing is chosen twice."""
    options = RunOptions(folder=tmp_path / "run", simulate=True)
    assert start_run(profile_in(tmp_path, 4), options).state == "finished"
    with RunRecord(tmp_path / "run") as record:
        story = [e.kind for e in record.journal.events(Decided, HoldBegun)]
        assert story == ["decided"] * 4 + ["hold", "decided"]
        assert len({tuple(d.conditions.values()) for d in record.decisions()}) == 5


@pytest.mark.slow
def test_a_chemistry_that_knows_nothing_of_a_result(tmp_path: Path) -> None:
    """Its results are lost, and the campaign goes on to its end."""
    more = """
[analysis.channels.xrd]
use = "off-line"
gives = { purity = "%" }
[features]
purity = "xrd.purity"
[objective]
name = "maximum"
response = "purity"
"""
    path = profile_in(tmp_path, more=more)
    outcome = start_run(path, RunOptions(folder=tmp_path / "run", simulate=True))
    assert outcome.state == "finished"
    with RunRecord(tmp_path / "run") as record:
        assert {e.quality for e in record.experiments()} == {"bad"}
        assert "the chemistry says nothing of xrd.purity" in record.experiments()[0].flags[-1]


def test_a_sample_has_a_label(folder: Path, tmp_path: Path) -> None:
    """What it is, for people; a QR code where its package is installed."""
    done = flowrig("label", folder, 3)
    assert done.exit_code == 0
    assert done.output.splitlines()[0] == "run 3"
    assert "Toluene" in done.output
    assert "there is no experiment 9" in flowrig("label", folder, 9).output
    done = flowrig("label", folder, 3, "--out", tmp_path / "3.svg")
    if find_spec("segno"):
        assert "<svg" in (tmp_path / "3.svg").read_text(encoding="utf-8")
    else:
        assert "flowrig[label]" in done.output


@pytest.mark.slow
def test_a_run_in_real_time_takes_results_of_another_process(tmp_path: Path) -> None:
    """It waits in its safe state, and goes on by itself when the last result is entered."""
    seen = threading.Event()

    def listen(event: AnyEvent) -> None:
        if isinstance(event.data, HoldBegun):
            seen.set()

    text = profile_in(tmp_path).read_text(encoding="utf-8").replace("= 3\n", "= 1\n")
    (tmp_path / "short.toml").write_text(text, encoding="utf-8")
    options = RunOptions(
        folder=tmp_path / "run", simulate=True, clock=RealClock(), listeners=[listen]
    )
    with ThreadPoolExecutor(1) as pool:
        outcome = pool.submit(start_run, tmp_path / "short.toml", options)
        assert seen.wait(120.0)
        status = flowrig("status", tmp_path / "run").output
        assert "on hold: results are to come: sphere.plqy of experiments 1, 2" in status
        assert flowrig("result", tmp_path / "run", 1, "plqy=41%").exit_code == 0
        assert flowrig("result", tmp_path / "run", 2, "plqy=42%").exit_code == 0
        assert outcome.result(120.0).state == "finished"
    with RunRecord(tmp_path / "run") as record:
        assert [e.data.by for e in record.journal.events(WentOn)] == ["result"]
        assert [e.index for e in record.waiting()] == [3]
        assert record.state == "finished"
        assert "flowrig result" in record.reason
    assert flowrig("result", tmp_path / "run", 3, "plqy=43%").exit_code == 0
    outcome_of_resume = resume_run(tmp_path / "run")
    assert (outcome_of_resume.state, outcome_of_resume.reason) == ("finished", "")


class Folder:
    """A folder into which an instrument drops files, and a run that looks there."""

    def __init__(self, run: Path) -> None:
        self.run = run
        self.drop = run / "drop"
        self.drop.mkdir()
        self.now_s = time.time() + 1000.0

    def write(self, name: str, text: str) -> None:
        (self.drop / name).write_text(text, encoding="utf-8")
        os.utime(self.drop / name, (self.now_s, self.now_s))

    @contextmanager
    def looking(self) -> Iterator[Callable[[], list[str]]]:
        """Gives a look, which returns what is wrong."""
        with Journal(self.run / FILE_NAME) as journal, RunRecord(self.run) as record:
            box = ResultBox(self.run)
            dropped = DroppedFiles(record, box, lambda: self.now_s)

            def look() -> list[str]:
                def append(entry: ResultEntered) -> None:
                    journal.append(entry, 1e6)

                wrong = [text for _, text in dropped.look()]
                box.take(record, append, wrong.append)
                return wrong

            yield look

    def values(self, index: int) -> list[Any]:
        with RunRecord(self.run) as record:
            return [dict(e.data.values) for e in record.experiment(index).entries]


def test_a_file_is_read_once_when_it_is_whole(waiting: Path) -> None:
    """Half-written it waits; a change and a second file are told and not read."""
    folder = Folder(waiting)
    with folder.looking() as look:
        folder.write("a_1.csv", "plqy [%]\n")
        assert look() == []  # just written
        folder.write("a_1.csv", "plqy [%],peak [nm]\n41,516\n")
        assert look() == []  # it has changed since
        folder.now_s += 20.0
        assert look() == []
        assert folder.values(1) == [{"sphere.plqy": 41.0, "sphere.peak": 516.0}]
        folder.now_s += 20.0
        assert look() == []
        folder.write("b_1.csv", "plqy [%]\n50\n")
        folder.write("a_1.csv", "plqy [%],peak [nm]\n42,516\n")
        folder.write("c_2.csv", "plqy\n0.5\n")
        folder.write("c_77.csv", "plqy [%]\n50\n")
        folder.write("readme.txt", "plqy [%]\n50\n")
        assert look() == []  # seen for the first time, or changed
        folder.now_s += 20.0
        changed, second, unit = look()
        assert "changed since" in changed
        assert "second file for experiment 1" in second
        assert "without a unit" in unit
        assert look() == []  # told once
    assert folder.values(1) == [{"sphere.plqy": 41.0, "sphere.peak": 516.0}]
    assert folder.values(2) == []
    with folder.looking() as look:  # another process
        assert len(look()) == 3
    assert len(folder.values(1)) == 1
    (kept,) = (waiting / "results").glob("*-a_1.csv")
    assert kept.read_text(encoding="utf-8").startswith("plqy [%],peak")


def test_a_resume_reads_what_was_dropped(waiting: Path) -> None:
    """The run goes on with the results of files."""
    folder = Folder(waiting)
    for index in (1, 2):
        folder.write(f"x_{index:03d}.csv", f"plqy [%]\n4{index}\n")
        os.utime(folder.drop / f"x_{index:03d}.csv", (1e9, 1e9))
    with patch.object(dropped_module, "STILL_S", 0.0):
        assert resume_run(waiting).state == "finished"
    with RunRecord(waiting) as record:
        first, second, *_ = record.experiments()
        assert first.objective == pytest.approx(0.41)
        assert second.entries[0].data.by == "files of sphere"


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "count"), [("measured", 2), ("result", 1), ("hold", 2)])
def test_a_killed_run_has_each_result_once(tmp_path: Path, kind: str, count: int) -> None:
    """Killed at any time while results are to come, and resumed: each is entered once."""
    run = tmp_path / "run"
    command = [sys.executable, "-m", "flowrig", "run", profile_in(tmp_path), "--simulate"]
    process = subprocess.Popen(
        [*command, "--out", run], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while process.poll() is None and written(run / FILE_NAME, kind) < count:
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert resume_run(run).state == "finished"
    with RunRecord(run) as record:
        assert sorted(e.index for e in record.experiments()) == [1, 2, 3, 4, 5]
        entered = Counter(e.data.index for e in record.journal.events(ResultEntered))
        assert entered == dict.fromkeys(range(1, 6), 1)
        assert len({tuple(d.conditions.values()) for d in record.decisions()}) == 5


def written(path: Path, kind: str) -> int:
    """How many events of a kind a journal that is being written holds."""
    if not path.is_file():
        return 0
    count = "SELECT count(*) FROM event WHERE kind = ?"
    with (
        suppress(sqlite3.OperationalError),
        closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as journal,
    ):
        return int(journal.execute(count, (kind,)).fetchone()[0])
    return 0
