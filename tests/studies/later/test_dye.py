"""The study `dye`: asked for, measured, learned from by nothing, and written for the next run."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from quick_rig import LHS, killed_behind, resumed, write
from watched_rig import plugins_with, run_watched

from flowrig.campaign.model_check import EarlyEnd
from flowrig.campaign.results import results_for_optimizers
from flowrig.cli import main
from flowrig.journal.events import Decided, GateOpened, Measured
from flowrig.planning.plan import plan_campaign
from flowrig.problem.objective import PlqyProxy
from flowrig.profile import load_profile
from flowrig.run.options import RunOptions
from flowrig.run.start import RunOutcome, start_run
from flowrig.run_record.off_line.calibration import calibrate_dye
from flowrig.run_record.reader import RunRecord

pytestmark = pytest.mark.xdist_group("dye")  # one run for all

DYE = """
[[campaign.stages]]
study = "dye"
dye = "quinine sulfate in 0.5 M sulfuric acid"
repeats = 2
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> RunOutcome:
    """A dye, and a design after it."""
    home = tmp_path_factory.mktemp("dye")
    profile = write(home, DYE + LHS)
    text = profile.read_text(encoding="utf-8").replace(
        'world = "watched"', ""
    )  # no command knows it
    text = text.replace("frames = 8", "frames = 60").replace("e_frames = 2", "e_frames = 10")
    profile.write_text(text, encoding="utf-8")
    outcome = start_run(profile, RunOptions(folder=home / "run", simulate=True))
    assert outcome.state == "finished", outcome.reason
    return outcome


def test_a_person_is_asked_to_put_it_in_and_out(tmp_path: Path) -> None:
    """Once before each of both stages, with what it is, where it goes and how hot it gets."""
    plan = plan_campaign(load_profile(write(tmp_path, DYE + LHS), plugins_with()))
    before, after = plan.questions
    assert (before.gate, after.gate) == ("before-dye", "after-dye")
    for words in ("quinine sulfate", "CuI, ZnI2, CsOA, ODE", "26 °C"):
        assert words in before.asks
    assert "PFO" not in before.asks
    assert "back" in after.asks


def test_a_gate_of_the_profile_asks_in_its_place(tmp_path: Path) -> None:
    own = '[gates.mine]\nbefore = "stage"\nstage = "dye"\nasks = "Is it in?"\n'
    profile = load_profile(write(tmp_path, DYE + LHS + own), plugins_with())
    assert [gate.name for gate in profile.gates] == ["mine", "after-dye"]


def test_it_is_put_out_though_the_stage_after_it_ends_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where earlier experiments are enough; the stage behind that one would run on the dye."""
    monkeypatch.setattr(EarlyEnd, "ends", lambda _, stage: not stage.is_study)
    outcome, _, _ = run_watched(write(tmp_path, DYE + LHS), tmp_path / "run")
    with outcome.record() as record:
        opened = [one.data.gate for one in record.journal.events(GateOpened)]
        assert opened == ["before-dye", "after-dye"]
        assert len(record.experiments()) == 2


def test_nothing_learns_from_another_liquid(whole: RunOutcome) -> None:
    """The design's experiments alone are learned from, and one of them is the best."""
    with whole.record() as record:
        assert [one.decision.is_foreign for one in record.experiments()] == [1, 1, 0, 0]
        assert len(results_for_optimizers(record)) == len(record.settled()) == 2
        best = record.best()
        assert best is None or best.index > 2
        (study,) = record.summary()["studies"]
        told = {one["name"]: one["value"] for one in study["findings"] if one["name"]}
        values = [one.features["a300"] for one in record.experiments()[:2]]
    assert told["a300"] == pytest.approx(sum(values) / 2)
    assert set(told) == {"a300", "pla"}


def test_its_numbers_are_used_from_the_next_run_on(whole: RunOutcome) -> None:
    """Those of the study's points alone; the yield is that of the profile unless one is given."""
    new = whole.folder.parent / "next.toml"
    kept = (whole.folder / "profile.toml").read_bytes()
    words = ["calibrate", "dye", str(whole.folder), "--plqy", "54%", "--write", str(new)]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    with whole.record() as record:
        found, used = calibrate_dye(record), record.profile.objective
    objective = load_profile(new, plugins_with()).objective
    assert isinstance(objective, PlqyProxy)
    assert isinstance(used, PlqyProxy)
    assert found.experiments == (1, 2)
    assert (found.plqy, objective.dye_plqy) == (used.dye_plqy, pytest.approx(0.54))
    assert objective.dye_absorbance == pytest.approx(found.absorbance.value, rel=1e-5)
    assert objective.dye_pl_area == pytest.approx(found.area.value, rel=1e-5)
    assert (whole.folder / "profile.toml").read_bytes() == kept


@pytest.mark.slow
@pytest.mark.parametrize("share", [0.2, 0.4, 0.5, 0.6, 0.8])
def test_it_is_resumed_where_it_was_killed(whole: RunOutcome, tmp_path: Path, share: float) -> None:
    """The same points, each measured once, and nothing learns from the dye afterwards either."""
    with whole.record() as record:
        told = [event.data for event in record.journal.events(Decided)]
        last = max(3, round(share * record.journal.last().sequence))
    folder = killed_behind(whole, tmp_path / "run", last)
    resumed(folder)
    with RunRecord(folder, plugins_with()) as record:
        assert [event.data for event in record.journal.events(Decided)] == told
        assert [e.data.index for e in record.journal.events(Measured)] == [1, 2, 3, 4]
        assert len(results_for_optimizers(record)) == 2
