"""A view folds the journal of a run: the same history at whatever moments it looks."""

from pathlib import Path

import pytest
from shown_run import WAVELENGTHS_NM, experiment, under_way
from some_events import ended, reading, resumed

from flowrig.errors import InputError
from flowrig.journal.events import (
    Checked,
    HoldBegun,
    QualityFlag,
    Tripped,
    TripReset,
)
from flowrig.journal.journal import FILE_NAME, Journal
from flowrig.plugins.registry import Plugins
from flowrig.run.lease import NOTE_NAME
from flowrig.run_record.reader import RunRecord
from flowrig_watch import view
from flowrig_watch.view import Mark, RunView


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    return Plugins.discover()


HOLD = HoldBegun(
    why="need",
    text="the syringe of CuI is empty",
    refill=("CuI",),
    empty=(),
    gate="",
    longest_s=600.0,
    until_s=1200.0,
    flows=(),
)
TRIP = Tripped(
    rule="too-hot", device="plate", cause="it reads 400 °C", remedy="look at it", action="safe"
)


def test_looks_in_between_change_nothing(tmp_path: Path, plugins: Plugins) -> None:
    """Who follows from the beginning sees what somebody sees who comes later."""
    early, folder = None, tmp_path / "run"
    with under_way(folder) as journal:
        early = RunView(folder, plugins)
        for index, objective in enumerate((0.1, 0.3, None, 0.2), start=1):
            early.refresh()
            quality = "good" if objective is not None else "doubtful"
            experiment(journal, index, objective, quality=quality)
        early.refresh()
        late = RunView(folder, plugins)
        late.refresh()
        assert early.since(Mark()) == late.since(Mark())
        assert early.state() == late.state()
        state = early.state()
    assert (state["done"], state["best_index"], state["best"]) == (4, 2, 0.3)
    with RunRecord(folder, plugins) as record:
        best = record.best()
        assert best is not None
        assert best.index == 2
        left_ul = record.ledger().left_ul
    filled = {v["name"]: v["filled_ul"] for v in state["vessels"] if v["kind"] == "syringe"}
    assert filled == pytest.approx({n: ul for n, ul in left_ul.items() if n in filled})


def test_a_page_gets_what_is_behind_its_mark(tmp_path: Path, plugins: Plugins) -> None:
    with under_way(tmp_path / "run") as journal:
        shown = RunView(tmp_path / "run", plugins)
        experiment(journal, 1, 0.1)
        shown.refresh()
        mark = shown.mark
        assert shown.since(mark) == {"series": {}, "experiments": [], "news": []}
        journal.append(reading(171.0, 180.0), 400.0)
        shown.refresh()
        news = shown.since(mark)
        assert news["series"]["temperature:plate"][1] == [171.0]
        assert news["series"]["set:plate"][1] == [180.0]
        assert shown.mark.sequence == mark.sequence + 1


def test_the_next_stop_has_a_reason_and_a_time(tmp_path: Path, plugins: Plugins) -> None:
    """Syringes of 50 mL that lose 50 µL an experiment outlast the campaign; 2,000 do not."""
    with under_way(tmp_path / "short", planned=8) as journal:
        experiment(journal, 1, 0.1)
        experiment(journal, 2, 0.1)
        shown = RunView(tmp_path / "short", plugins)
        shown.refresh()
        (end,) = shown.state()["stops"]
        assert (end["what"], end["after"]) == ("end", 6)
        assert end["at"] is not None
    with under_way(tmp_path / "long", planned=2000) as journal:
        experiment(journal, 1, 0.1)
        shown = RunView(tmp_path / "long", plugins)
        shown.refresh()
        first, *_ = shown.state()["stops"]
        assert first["what"] == "refill"
        assert "CuI" in first["text"] or "ODE" in first["text"]


def test_the_program_of_a_run_is_alive_on_hold_dead_or_over(
    tmp_path: Path, plugins: Plugins
) -> None:
    folder = tmp_path / "run"
    shown = RunView(folder, plugins)

    def health() -> tuple[str, str]:
        shown.refresh()
        told = shown.state()["health"]
        return told["engine"], told["state"]

    with under_way(folder) as journal:
        assert health() == ("alive", "running")
        journal.append(HOLD, 10.0)
        assert health() == ("alive", "on hold")
        assert shown.state()["asks"]["claim"] == "the syringe of CuI is full"
        assert shown.state()["stops"][0]["what"] == "hold"
    assert health() == ("dead", "interrupted")
    with Journal(folder / FILE_NAME) as journal:
        journal.append(resumed(), 20.0)
        journal.append(TRIP, 21.0)
        journal.append(ended("failed"), 22.0)
    assert health() == ("tripped", "failed")
    assert [trip["rule"] for trip in shown.state()["trips"]] == ["too-hot"]
    with Journal(folder / FILE_NAME) as journal:
        journal.append(TripReset(rules=("too-hot",)), 23.0)
        journal.append(resumed(), 23.0)
        journal.append(ended("finished"), 24.0)
    assert health() == ("over", "finished")


def test_what_the_watchdog_reports_is_shown(tmp_path: Path, plugins: Plugins) -> None:
    folder = tmp_path / "run"
    with under_way(folder):
        shown = RunView(folder, plugins)
        for wall, engine in (
            ("2001-01-01T00:00:00+00:00", "alive"),
            ("2999-01-01T00:00:00+00:00", "watchdog"),
        ):
            (folder / NOTE_NAME).write_text(f"{wall} the run was silent\n", encoding="utf-8")
            shown.refresh()
            assert shown.state()["health"]["engine"] == engine


def test_a_doubt_takes_the_best_away(tmp_path: Path, plugins: Plugins) -> None:
    with under_way(tmp_path / "run") as journal:
        experiment(journal, 1, 0.1)
        experiment(journal, 2, 0.9)
        flag = QualityFlag(check="drift", quality="doubtful", text="it drifts")
        journal.append(Checked(index=2, flags=(flag,)), 300.0)
        shown = RunView(tmp_path / "run", plugins)
        shown.refresh()
        assert shown.state()["best_index"] == 1
        assert shown.since(Mark())["experiments"][1]["flags"] == ("drift: it drifts",)


def test_a_dye_is_never_the_best(tmp_path: Path, plugins: Plugins) -> None:
    with under_way(tmp_path / "run") as journal:
        experiment(journal, 1, 0.1)
        experiment(journal, 2, 0.9, is_foreign=True)
        shown = RunView(tmp_path / "run", plugins)
        shown.refresh()
        assert shown.state()["best_index"] == 1


def test_spectra_are_thinned_and_keep_their_axis(tmp_path: Path, plugins: Plugins) -> None:
    with under_way(tmp_path / "run") as journal:
        experiment(journal, 1, 0.1)
        shown = RunView(tmp_path / "run", plugins)
        shown.refresh()
        spectra = shown.spectra(1)
        assert set(spectra) == {"absorbance", "photoluminescence"}
        for one in spectra.values():
            assert len(one["x"]) == len(one["y"]) <= 1200
            assert WAVELENGTHS_NM[0] <= one["x"][0] < one["x"][-1] <= WAVELENGTHS_NM[-1]
        with pytest.raises(InputError, match="experiment 7 is not measured"):
            shown.spectra(7)


@pytest.mark.parametrize("text", ["", "x", "12", "@", "-1@0", "1@-1", "1@2@3", "²@0"])
def test_a_mark_of_another_server_is_the_beginning(text: str) -> None:
    assert Mark.of(text) == Mark()
    assert Mark.of(str(Mark(7, 3))) == Mark(7, 3)


def test_a_long_journal_is_read_in_parts(
    tmp_path: Path, plugins: Plugins, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page shows what is read so far, says so, and ends with the same history."""
    with under_way(tmp_path / "run") as journal:
        for index in (1, 2):
            experiment(journal, index, 0.1 * index)
        whole, parts = (RunView(tmp_path / "run", plugins) for _ in range(2))
        assert whole.refresh()
        monkeypatch.setattr(view, "MOST_EVENTS", 4)
        looks = 0
        while not parts.refresh():
            assert parts.state()["health"]["engine"] == "reading"
            looks += 1
        assert looks == whole.mark.sequence // 4
        assert parts.since(Mark()) == whole.since(Mark())
        assert parts.state() == whole.state()
