"""Campaigns that start from earlier experiments."""

import json
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from watched_rig import QUICK, plugins_with

import flowrig as package
from flowrig.errors import InputError
from flowrig.interfaces import Problem
from flowrig.journal.events import PriorKept, StageEnded
from flowrig.learning.from_campaign import new_surrogate
from flowrig.learning.transfer import WithEarlier
from flowrig.plugins.registry import Plugins
from flowrig.profile import check_profile
from flowrig.report import content_of, render
from flowrig.run_record.reader import RunRecord
from flowrig_bayes.model import fit_model
from flowrig_bayes.settings import BayesSettings

PUBLISHED = Path(__file__).parents[1] / "learning" / "data" / "cs3cu2i5_lhs_chem1.csv"
PRIOR = '[[campaign.prior]]\nsource = "earlier/chem1.csv"\n'

Short = Callable[..., Path]


@pytest.fixture
def beside(tmp_path: Path) -> Path:
    """The published experiments of another chemistry, beside the profile."""
    path = tmp_path / "earlier" / "chem1.csv"
    path.parent.mkdir()
    shutil.copy(PUBLISHED, path)
    return path


def test_a_run_starts_from_what_was_measured_before(
    short: Short, tmp_path: Path, beside: Path
) -> None:
    """The journal keeps a copy, decisions follow from it, and nothing of it counts as measured."""
    outcome = package.start_run(
        short(4, 1, PRIOR), package.RunOptions(folder=tmp_path / "run", simulate=True, seed=3)
    )
    assert (outcome.state, outcome.reason) == ("finished", "")
    beside.unlink()

    with RunRecord(tmp_path / "run") as record:
        assert len(record.experiments()) == 5
        (copied,) = record.journal.events(PriorKept)
        assert (copied.data.experiments, copied.data.left_out) == (60, 0)
        assert record.journal.arrays(copied.sequence)["X"].shape == (60, 5)
        assert isinstance(record.model(), WithEarlier)
        assert "At the end earlier experiments had a share of" in render(content_of(record))

        last = record.decisions()[-1]
        X, Y = record.profile.space.to_unit(record.conditions()), record.features()
        chosen = record.profile.space.to_unit(record.profile.space.array([last.conditions]))
        expected = {}
        cold = partial(new_surrogate, record.campaign, record.seed, record.profile.space)
        rig = record.profile
        for name, make in (("warm", record.surrogates()), ("cold", cold)):
            problem = Problem(rig.space, rig.objective, 1, make, rsd=rig.rsd)
            model = fit_model(problem, X[:4], Y[:4], np.empty((0, X.shape[1])), BayesSettings())
            expected[name] = model.surrogate.predict(chosen).mean[0, :2]
    decided = np.array([last.mean["a300"], last.mean["pla"]])
    np.testing.assert_allclose(decided, expected["warm"], rtol=1e-6)
    assert not np.allclose(decided, expected["cold"], rtol=1e-3)


@pytest.mark.slow
def test_earlier_runs_can_be_a_source(short: Short, tmp_path: Path, finished: Any) -> None:
    """The folder of a run is read as well as a file, relative to the profile that names it."""
    shutil.copytree(finished.folder, tmp_path / "first")
    again = short(4, 1, '[[campaign.prior]]\nsource = "first"\n')
    package.start_run(again, package.RunOptions(folder=tmp_path / "second", simulate=True, seed=2))
    with RunRecord(tmp_path / "first") as first, RunRecord(tmp_path / "second") as second:
        (copied,) = second.journal.events(PriorKept)
        kept = second.journal.arrays(copied.sequence)
        np.testing.assert_array_equal(kept["Y"], first.features())


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "is not there"), ("temperature_c,a300\n", "no column 'CuI_ul_min'")],
    ids=["missing", "another-table"],
)
def test_a_source_that_does_not_fit_ends_nothing(
    short: Short, tmp_path: Path, text: str, said: str
) -> None:
    """The error is raised before anything is opened or written."""
    if text:
        (tmp_path / "earlier").mkdir()
        (tmp_path / "earlier" / "chem1.csv").write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=said):
        package.start_run(
            short(4, 1, PRIOR), package.RunOptions(folder=tmp_path / "run", simulate=True)
        )
    assert not (tmp_path / "run").exists()


def test_a_source_with_too_few_experiments_is_refused(
    short: Short, tmp_path: Path, beside: Path
) -> None:
    """Four experiments teach nothing that could transfer."""
    lines = beside.read_text(encoding="utf-8").splitlines(keepends=True)
    beside.write_text("".join(lines[:5]), encoding="utf-8")
    with pytest.raises(InputError, match="4 usable experiments"):
        package.start_run(
            short(4, 1, PRIOR), package.RunOptions(folder=tmp_path / "run", simulate=True)
        )


def test_columns_are_those_of_responses(short: Short) -> None:
    """A column that is no response is reported at its place, with the nearest name."""
    path = short(4, 1, PRIOR + 'columns = { pia = "pl_area" }\n')
    (problem,) = check_profile(path, Plugins.discover())
    assert "unknown response 'pia'" in str(problem)
    assert "did you mean 'pla'?" in str(problem)


def test_no_surrogate_no_prior(short: Short) -> None:
    """Earlier experiments without a model that could learn from them are a mistake."""
    path = short(4, 1, PRIOR)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('surrogate = { name = "gp" }\n', ""), encoding="utf-8")
    path.write_text(
        path.read_text(encoding="utf-8").replace("cs3cu2i5-heatup-chem3", "cs3cu2i5-heatup"),
        encoding="utf-8",
    )
    problems = check_profile(path, plugins_with())
    assert any("earlier experiments need a surrogate" in str(one) for one in problems), problems


INFORMED = """
counts_prior = true

[[campaign.stages]]
name = "improve"
optimizer = "bayes"
experiments = 2

[campaign.surrogate]
name = "gp"

[[campaign.prior]]
source = "before.csv"
trust = "same-rig"
"""


def informed(folder: Path, explore: int) -> Path:
    """A campaign with seven experiments of the same rig before it, one outside of the space."""
    lines = ["temperature_c,ODE_ul_min,a300,pla"]
    lines += [f"{26 + n / 6},{220 + 10 * n},{0.5 + n / 60},{1000 + 100 * n}" for n in range(8)]
    (folder / "before.csv").write_text("\n".join(lines), encoding="utf-8")
    profile = folder / "informed.toml"
    profile.write_text(QUICK.format(experiments=explore) + INFORMED, encoding="utf-8")
    return profile


@pytest.mark.parametrize(("explore", "left"), [(9, 2), pytest.param(7, 0, marks=pytest.mark.slow)])
def test_earlier_experiments_of_the_rig_count_and_guide(
    tmp_path: Path, flowrig: Any, explore: int, left: int
) -> None:
    """A stage that counts them is shorter, or left out; the first choice is not a blind one."""
    profile = informed(tmp_path, explore)
    planned = flowrig("plan", profile, "--json").stdout
    assert json.loads(planned)["experiments"] == left + 2
    flowrig("run", profile, "--simulate", "--seed", 2, "--out", tmp_path / "run")
    with RunRecord(tmp_path / "run") as record:
        stages = [one.stage for one in record.decisions()]
        assert stages == ["explore"] * left + ["improve"] * 2
        assert "space filling" not in record.decisions()[left].reason
        (kept,) = record.journal.events(PriorKept)
        assert kept.data.trust == "same-rig"
        (ended,) = record.journal.events(StageEnded)
        assert (ended.data.stage, ended.data.experiments) == ("explore", left)
        assert "7 earlier experiments of the same rig count as its own" in render(
            content_of(record)
        )
        digest = record.journal.digest()
    package.resume_run(tmp_path / "run")
    with RunRecord(tmp_path / "run") as record:
        assert record.journal.digest() == digest


def test_a_stage_counts_only_what_is_there(tmp_path: Path) -> None:
    """Without a source of the same rig the key would do nothing, and is refused."""
    profile = informed(tmp_path, 7)
    text = profile.read_text(encoding="utf-8").replace('trust = "same-rig"', 'trust = "other-rig"')
    profile.write_text(text, encoding="utf-8")
    (problem,) = check_profile(profile, Plugins.discover())
    assert "no earlier experiments of the same rig" in str(problem)
