"""Campaigns with categories: a choice between streams, and one between settings."""

from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import flowrig as package
from flowrig.cli.runs.control import _lines_under_way
from flowrig.errors import InputError
from flowrig.interfaces import Problem, Surrogate
from flowrig.journal.events import Measured
from flowrig.learning.categories import with_categories
from flowrig.learning.experiment_table import read_experiments
from flowrig.planning.known_conditions import extremes, known_conditions
from flowrig.plugins.registry import Plugins
from flowrig.problem.designs import maximin_latin_hypercube, uniform
from flowrig.problem.objective import MaximumResponse
from flowrig.problem.space import Parameter, Space
from flowrig.profile import load_profile_text
from flowrig.report import content_of, render
from flowrig.report.exports.table import csv_rows
from flowrig.run_record.experiments_from_record import experiments_of
from flowrig.run_record.reader import RunRecord

SPACE = Space(
    (
        Parameter.category("liquid", ["toluene", "hexane", "octane", "water"]),
        Parameter("rate", 10.0, 50.0, "µL/min"),
    )
)
HEIGHTS = {"toluene": 1.0, "hexane": 4.0, "octane": 2.0, "water": 0.0}

PROFILE = """extends = "cs3cu2i5-heatup-chem3"
unset = ["space", "dependent_flows", "campaign"]
analysis.frames = 20
analysis.reactive_frames = 10

[settings]
total = "720 uL/min"
PFO = "240 uL/min"
CuI = "100 uL/min"
ZnI2 = "100 uL/min"

[space]
temperature = { is = "plate", range = ["150 degC", "180 degC"] }
[space.caesium.choices]
none = { CsOA = "20 uL/min" }
some = { "CsOA / CuI" = 0.4 }
much = { CsOA = "70 uL/min" }

[campaign]
surrogate = "gp"
"""
STAGE = """[[campaign.stages]]
name = "{name}"
optimizer = "{optimizer}"
experiments = {experiments}
"""


def measured(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    """Results of a hill for each liquid."""
    results = []
    for row in rows:
        away = (float(str(row["rate"])) - 30.0) / 20.0
        results.append({**row, "a300": HEIGHTS[str(row["liquid"])] + 3.0 - away**2})
    return results


@pytest.mark.parametrize("name", ["gp", "enn"])
def test_bayes_finds_the_best_choice(name: str) -> None:
    """From a few experiments the search comes to the liquid with the highest hill."""
    plugins = Plugins.discover()
    offer = plugins.offer("surrogate", name)

    def new_surrogate() -> Surrogate:
        return with_categories(offer.load()(offer.settings(), 0), SPACE)

    bayes = plugins.offer("optimizer", "bayes")
    problem = Problem(SPACE, MaximumResponse("a300"), 0, new_surrogate)
    optimizer = bayes.load()(problem, bayes.settings())
    points = maximin_latin_hypercube(SPACE, 8, 8, np.random.default_rng(0))
    optimizer.ingest(measured(SPACE.rows(SPACE.from_unit(points))))
    rows = optimizer.suggest()
    assert rows[0]["liquid"] == "hexane"


def test_designs_give_every_choice_its_share() -> None:
    """The first and the last choice are drawn as often as the others."""
    for points in (
        uniform(SPACE, 400, np.random.default_rng(0)),
        maximin_latin_hypercube(SPACE, 400, 1, np.random.default_rng(0)),
    ):
        counts = Counter(row["liquid"] for row in SPACE.rows(SPACE.from_unit(points)))
        assert min(counts.values()) > 70


def test_a_plan_looks_at_every_choice() -> None:
    """The extremes of a space have the choices between the first and the last too."""
    found = extremes(SPACE)
    assert {(row["liquid"], row["rate"]) for row in found} == {
        (liquid, rate) for liquid in HEIGHTS for rate in (10.0, 50.0)
    }


def test_a_grid_has_all_choices() -> None:
    """Every choice stands in the grid, whatever the number of levels."""
    grid = Plugins.discover().offer("optimizer", "grid")
    problem = Problem(SPACE, MaximumResponse("a300"), 0, lambda: pytest.fail("no model"))
    rows = grid.load()(problem, grid.settings(levels=2)).suggest(8)
    assert Counter(row["liquid"] for row in rows) == dict.fromkeys(HEIGHTS, 2)
    assert {row["rate"] for row in rows} == {10.0, 50.0}


def test_a_batch_is_ordered_as_the_profile_lists_the_choices() -> None:
    """Ordered by a category, a batch keeps the order of its choices, not that of the alphabet."""
    more = 'batch = 6\norder_by = "caesium"\n'
    text = PROFILE + STAGE.format(name="spread", optimizer="lhs", experiments=6) + more
    profile = load_profile_text(text, "choices.toml", Plugins.discover())
    (stage,) = profile.campaign.stages
    rows = known_conditions(profile, stage, 1, []).conditions
    assert [row["caesium"] for row in rows] == ["none", "none", "some", "some", "much", "much"]


def test_experiments_of_a_table_have_choices(tmp_path: Path) -> None:
    """A column of a category holds its names."""
    file = tmp_path / "earlier.csv"
    file.write_text("liquid,rate_ul_min,a300\nhexane,30,1.5\nwater,10,0.5\n")
    found = read_experiments(file, SPACE, ("a300",))
    assert found.X.tolist() == [[1.0 / 3.0, 0.5], [1.0, 0.0]]
    ends = Space((Parameter.category("end", ["-NH2", "-OH"]), SPACE.parameters[1]))
    file.write_text("end,rate_ul_min,a300\n'-NH2,30,1.5\n-OH,10,0.5\n")
    assert read_experiments(file, ends, ("a300",)).X.tolist() == [[0.0, 0.5], [1.0, 0.0]]


def other_run(*conditions: dict[str, object]) -> SimpleNamespace:
    """The record of a run with some experiments."""
    made = [
        SimpleNamespace(
            conditions=one,
            features={"a300": 1.0},
            quality="good",
            decision=SimpleNamespace(stage="spread", arm=None),
        )
        for one in conditions
    ]
    campaign = SimpleNamespace(stages=(), arms=())
    return SimpleNamespace(folder="other", settled=lambda: made, campaign=campaign)


def test_the_status_of_a_run_under_way_has_choices() -> None:
    """Conditions with the name of a choice are said as those with a number."""
    status = {
        "state": "running", "done": 1, "planned": 4, "skipped": 0, "hold": None,
        "stage": "spread", "step": "waiting", "experiment": 2,
        "conditions": {"liquid": "hexane", "rate": 30.0},
        "units": {"liquid": "", "rate": "µL/min"},
        "heaters": {}, "flow_rates_ul_min": {}, "waste": {}, "waiting": [],
        "devices": {}, "readings": {}, "by_hand": {"devices": {}, "readings": {}},
    }  # fmt: skip
    assert "experiment 2: liquid hexane, rate 30 µL/min" in list(_lines_under_way(Path(), status))


@pytest.mark.parametrize("unit", ["°C", "degC", "µL/min", "%", "s", ""])
def test_what_flowrig_writes_it_reads(tmp_path: Path, unit: str) -> None:
    """A table of a run is read again, whatever the unit of a condition."""
    space = Space((Parameter("x", 0.0, 10.0, unit),))
    made = SimpleNamespace(
        conditions={"x": 5.0}, features={"a300": 1.5}, measured_features={"a300": 1.5}, factors={},
        readings={}, quality="good", flags=(), index=1, objective=1.5, measured_objective=1.5,
        started_s=0.0, ended_s=1.0, entries=(),
        decision=SimpleNamespace(stage="s", objective_mean=None, objective_sd=None),
    )  # fmt: skip
    analysis = SimpleNamespace(off_line_units={}, stored={})
    profile = SimpleNamespace(space=space, objective=MaximumResponse("a300"), analysis=analysis)
    record = SimpleNamespace(
        experiments=lambda: [made],
        profile=profile,
        start=SimpleNamespace(data=SimpleNamespace(readings=None)),
        campaign=SimpleNamespace(arms=(), studies=()),
    )
    file = tmp_path / "table.csv"
    text = "\n".join(",".join(map(str, row)) for row in csv_rows(record))
    file.write_text(text, encoding="utf-8")
    assert read_experiments(file, space, ("a300",)).X.tolist() == [[0.5]]


def test_choices_of_another_run_that_are_none_here_are_left_out() -> None:
    """Its other experiments count; a number in the place of a category is refused."""
    record = other_run({"liquid": "hexane", "rate": 30.0}, {"liquid": "benzene", "rate": 30.0})
    found = experiments_of(record, SPACE, ("a300",))
    assert (found.X.tolist(), found.left_out) == ([[1.0 / 3.0, 0.5]], 1)
    with pytest.raises(InputError, match="liquid is not a category there"):
        experiments_of(other_run({"liquid": 2.0, "rate": 30.0}), SPACE, ("a300",))


def run(folder: Path, *stages: tuple[str, int]) -> Path:
    """A simulated run; its folder."""
    text = PROFILE + "".join(
        STAGE.format(name=f"by {one}", optimizer=one, experiments=count) for one, count in stages
    )
    (folder / "choices.toml").write_text(text)
    options = package.RunOptions(folder=folder / "run", simulate=True, seed=1)
    outcome = package.start_run(folder / "choices.toml", options)
    assert (outcome.state, outcome.reason) == ("finished", "")
    return folder / "run"


def test_a_category_runs_from_the_profile_to_the_report(tmp_path: Path) -> None:
    """Journal, report and exports have the names of the choices."""
    with RunRecord(run(tmp_path, ("grid", 2))) as record:
        chosen = [one.data for one in record.journal.events(Measured)]
        assert [one.conditions["caesium"] for one in chosen] == ["none", "some"]
        rates = [one.flow_rates_ul_min["CsOA"] for one in chosen]
        assert rates == pytest.approx([20.0, 40.0])
        assert "some" in render(content_of(record))
        head, *rows = csv_rows(record)
        assert [row[head.index("caesium")] for row in rows] == ["none", "some"]


@pytest.mark.slow
def test_models_learn_from_categories(tmp_path: Path) -> None:
    """A campaign with a model goes on from a design, and its record gives the model again."""
    with RunRecord(run(tmp_path, ("lhs", 6), ("bayes", 2))) as record:
        assert len(record.experiments()) == 8
        prediction = record.model().predict(record.profile.space.to_unit(record.conditions()))
        assert np.isfinite(prediction.mean).all()
