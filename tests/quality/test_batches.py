"""A fresh stock is a batch of its own: the reference condition tells how much it differs."""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from watched_rig import QUICK, WORLD, plugins_with, run_watched

from flowrig.journal.events import Measured, Resumed
from flowrig.planning.plan import plan_campaign
from flowrig.problem.objective import MaximumResponse
from flowrig.profile import check_profile, load_profile
from flowrig.profile.model.campaign import References
from flowrig.run.options import ResumeOptions
from flowrig.run.start import RunOutcome, resume_run
from flowrig.run_record.batches import FreshStock, batch_text, batches_of, corrected
from flowrig.run_record.experiment import Decision, Experiment

RSD = 0.03
PROFILE: Any = SimpleNamespace(
    objective=MaximumResponse("pla"),
    rsd=(RSD,),
    campaign=SimpleNamespace(reference=References()),
)


def made(index: int, pla: float, *, reference: bool) -> Experiment:
    decision = Decision(
        index=index,
        stage="all",
        conditions={"T": 0.5},
        mean={},
        sd={},
        objective_mean=None,
        objective_sd=None,
        reason="",
        reference=reference,
    )
    return Experiment(
        decision=decision,
        features={"pla": pla},
        objective=pla,
        quality="good",
        flags=(),
        started_s=0.0,
        ended_s=0.0,
        sequence=10 * index,
    )


def run_of(factors: Sequence[float], seed: int) -> tuple[list[Experiment], list[FreshStock]]:
    """Batches with two references and two other experiments each, and their changes."""
    rng, found = np.random.default_rng(seed), list[Experiment]()
    fresh = []
    for number, factor in enumerate(factors):
        if number:
            fresh.append(FreshStock(10 * len(found) + 5, ("CuI",)))
        for value, reference in ((100.0, True), (100.0, True), (150.0, False), (50.0, False)):
            pla = value * factor * float(np.exp(RSD * rng.standard_normal()))
            found.append(made(len(found) + 1, pla, reference=reference))
    return found, fresh


@given(st.lists(st.floats(0.7, 1.4), min_size=2, max_size=5), st.integers(0, 999))
def test_the_factor_of_a_batch_is_found(factors: list[float], seed: int) -> None:
    """Within what two references each tell, and never farther from 1 than they say."""
    batches = batches_of(PROFILE, *run_of([1.0, *factors], seed))
    assert [one.number for one in batches] == list(range(1, len(factors) + 2))
    assert [one.first for one in batches] == [1 + 4 * n for n in range(len(factors) + 1)]
    assert batches[0].factors == {"pla": 1.0}
    for batch, true in zip(batches[1:], factors, strict=True):
        error = np.log(batch.factors["pla"]) - np.log(true)
        assert abs(error) < 5 * RSD * np.sqrt(1.0) + abs(np.log(true)) * 0.2
        assert batch.sd["pla"] <= RSD * np.sqrt(1.0)


def test_equal_batches_are_left_nearly_as_they_are() -> None:
    """Chance is not corrected: over many runs less than half of it is taken for a difference."""
    shrunk, plain = [], []
    for seed in range(200):
        made_, fresh = run_of([1.0, 1.0, 1.0, 1.0], seed)
        batches = batches_of(PROFILE, made_, fresh)
        shrunk += [np.log(one.factors["pla"]) ** 2 for one in batches[1:]]
        refs = np.log([[e.features["pla"] for e in made_[4 * n : 4 * n + 2]] for n in range(4)])
        plain += list(np.square(refs[1:].mean(axis=1) - refs[0].mean()))
    assert np.mean(shrunk) < 0.5 * np.mean(plain)


def test_what_was_measured_stays_beside_what_is_corrected() -> None:
    """Models and the best use the corrected values; the first batch is as it was."""
    experiments, fresh = run_of([1.0, 0.7], 3)
    found = corrected(PROFILE, experiments, fresh)
    assert [one.measured_features for one in found] == [one.features for one in experiments]
    assert [one.measured_objective for one in found] == [one.objective for one in experiments]
    assert [one.objective for one in found[:4]] == [one.objective for one in experiments[:4]]
    for before, after in zip(experiments[4:], found[4:], strict=True):
        assert after.objective == pytest.approx(before.objective / 0.7, rel=0.12)
        assert after.features["pla"] == after.objective
    text = batch_text(batches_of(PROFILE, experiments, fresh)[1])
    assert text.startswith("Batch 2, fresh CuI, from experiment 5 on, against the first batch: pla")


def test_a_batch_without_references_is_not_corrected() -> None:
    """Neither is one whose reference has no value above 0; the others are."""
    experiments, fresh = run_of([1.0, 0.8, 0.8], 1)
    dark = [*experiments[:4], *experiments[6:8], made(9, -1.0, reference=True), *experiments[9:]]
    found = batches_of(PROFILE, dark, fresh)
    assert [one.factors for one in found] == [{}, {}, {}]
    assert "not known yet" in batch_text(found[1])


CAMPAIGN = """
[campaign.reference]
at = { ODE = "250 uL/min" }
repeats = 1
every = 2
"""


class Killed(BaseException):
    """The end of the process."""


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("batches") / "batches.toml"
    path.write_text(QUICK.format(experiments=4) + CAMPAIGN + WORLD, encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def done(profile: Path) -> RunOutcome:
    """Killed after its second measurement, and resumed with a fresh stock."""
    count = 0

    def kill(event: Any) -> None:
        nonlocal count
        count += isinstance(event.data, Measured)
        if count == 2:
            raise Killed

    folder = profile.parent / "run"
    with contextlib.suppress(Killed):
        run_watched(profile, folder, listeners=[kill])
    return resume_run(folder, ResumeOptions(plugins=plugins_with(), refilled=["CuI"]))


def test_the_reference_comes_first_in_each_batch_and_at_intervals(done: RunOutcome) -> None:
    """Before what was chosen already; the stage keeps its own number of experiments."""
    assert done.state == "finished", done.reason
    with done.record() as record:
        made_ = record.experiments()
        assert [one.decision.reference for one in made_] == [
            *(True, False),
            *(True, False, False),
            *(True, False),
        ]
        assert sum(not one.decision.reference for one in made_) == 4
        reasons = [one.decision.reason for one in made_ if one.decision.reference]
        assert reasons == [
            "reference condition: the first batch",
            "reference condition: fresh CuI",
            "reference condition: 2 experiments after the last",
        ]
        assert {one.conditions["ODE"] for one in made_ if one.decision.reference} == {250.0}
        resumed = record.journal.last(Resumed)
        assert resumed is not None
        assert resumed.data.planned == 4 + 1
        summary = record.summary()
        assert summary["planned"] == 7
        assert [one["fresh"] for one in summary["batches"]] == [[], ["CuI"]]
        assert len(record.chosen()) == 4


def test_a_plan_has_the_references(profile: Path) -> None:
    """At the beginning and at intervals; nobody knows of fresh stocks beforehand."""
    plan = plan_campaign(load_profile(profile, plugins_with()))
    assert plan.experiments == 4 + 2
    assert any("reference condition" in one for one in plan.assumptions)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("repeats = 0", "1 to"),
        ("every = -1", "1 to"),
        ('at = "best"', '"middle", or a table'),
        ('at = { ODE = "300 uL/min" }', "220 to 280"),
        ('at = { OED = "250 uL/min" }', "'ODE'"),
    ],
)
def test_wrong_references_are_told(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "wrong.toml"
    wrong = f"\n[campaign.reference]\n{text}\n"
    path.write_text(QUICK.format(experiments=4) + wrong + WORLD, encoding="utf-8")
    (problem,) = check_profile(path, plugins_with())
    assert told in f"{problem.message} {problem.expected} {problem.nearest!r}"
