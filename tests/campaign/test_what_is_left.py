"""Stages with nothing left to measure, and experiments from which nothing can be learnt."""

import signal
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
from attrs import evolve
from watched_rig import QUICK, plugins_with

import flowrig as package
from flowrig.campaign import loop
from flowrig.campaign.results import results_for_optimizers
from flowrig.cli.runs.run import _stop_on_signals
from flowrig.interfaces import Optimizer, OptimizerSettings, Quality
from flowrig.journal.events import Decided, Ended, Measured, StageEnded
from flowrig.journal.journal import AnyEvent
from flowrig.operator.requests import OperatorRequests, Request
from flowrig.plugins import Offer, hookimpl
from flowrig.run.options import ResumeOptions, RunOptions
from flowrig.run.start import resume_run, start_run
from flowrig.run_record.reader import RunRecord

Short = Callable[..., Path]

STEPS = (
    QUICK.format(experiments=10)
    .replace('["26 degC", "27 degC"]', '["26 degC", "27 degC"]\nstep = "1 degC"')
    .replace('["220 uL/min", "280 uL/min"]', '["220 uL/min", "280 uL/min"]\nstep = "30 uL/min"')
    .replace('optimizer = "lhs"', 'optimizer = "{optimizer}"\nbatch = 4')
    + '\n[[campaign.stages]]\nname = "more"\noptimizer = "random"\nexperiments = 3\n'
)
"""Six conditions, and two stages that would measure thirteen."""


def stepped(folder: Path, optimizer: str) -> Path:
    """Writes the campaign."""
    path = folder / "stepped.toml"
    path.write_text(STEPS.replace("{optimizer}", optimizer), encoding="utf-8")
    return path


@pytest.mark.parametrize("optimizer", [pytest.param("random", marks=pytest.mark.slow), "grid"])
def test_a_stage_ends_when_everything_is_measured(tmp_path: Path, optimizer: str) -> None:
    """Nothing is repeated and nothing beside the steps is added: that is told, and the run is
    finished, stopped in between or not."""
    options = RunOptions(folder=tmp_path / "run", simulate=True)
    assert start_run(stepped(tmp_path, optimizer), options).state == "finished"
    requests = OperatorRequests()

    def stop(event: AnyEvent) -> None:
        if isinstance(event.data, Measured) and event.data.index == 2:
            requests.ask(Request.STOP)

    again = evolve(options, folder=tmp_path / "again", requests=requests, listeners=[stop])
    assert start_run(stepped(tmp_path, optimizer), again).state == "stopped"
    assert resume_run(tmp_path / "again").state == "finished"

    decided = []
    for name in ("run", "again"):
        with RunRecord(tmp_path / name) as record:
            decided.append([dict(e.data.conditions) for e in record.journal.events(Decided)])
            ends = [e.data for e in record.journal.events(StageEnded)]
            assert [end.experiments for end in ends] == [6, 0]
            assert "all 6 " in ends[0].reason
            assert ends[1].reason == "all 6 conditions of the search space were tried"
            for row in decided[-1]:
                record.profile.space.require_feasible(row)
    assert decided[0] == decided[1]
    assert len({tuple(row.values()) for row in decided[0]}) == len(decided[0]) == 6


class Listening(Optimizer):
    """Remembers what it is told."""

    told: ClassVar[list[Mapping[str, Any]]]

    def _do_ingest(self, results: Sequence[Mapping[str, Any]]) -> None:
        Listening.told = [*getattr(self, "known", []), *results]
        self.known = Listening.told

    def _do_suggest(self, num_points: int) -> list[dict[str, float]]:
        space = self.problem.space
        rng = np.random.default_rng(len(getattr(self, "known", [])))
        return space.rows(space.from_unit(rng.random((1, len(space.names)))))


class Listeners:
    """The plugin that offers it."""

    @hookimpl
    def flowrig_optimizers(self) -> Sequence[Offer]:
        target = f"{__name__}:Listening"
        return [
            Offer(kind="optimizer", name="listening", target=target, settings=OptimizerSettings)
        ]


def test_nothing_is_learnt_from_what_is_bad_or_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Optimizers get no values with its conditions, whatever was computed; a doubtful measurement
    counts like a good one."""
    profile = tmp_path / "quick.toml"
    text = QUICK.format(experiments=5).replace('"lhs"', '"listening"')
    profile.write_text(text, encoding="utf-8")
    qualities = iter([Quality.GOOD, Quality.BAD, Quality.DOUBTFUL, Quality.GOOD])
    evaluate = loop.evaluate

    def judged(*args: Any) -> Any:
        measurement, features = evaluate(*args)
        return evolve(measurement, quality=next(qualities)), features

    monkeypatch.setattr(loop, "evaluate", judged)
    requests = OperatorRequests()

    def skip(event: AnyEvent) -> None:
        if event.kind == "experiment" and event.data.index == 4:
            requests.ask(Request.SKIP)

    plugins = plugins_with(listeners=Listeners())
    options = RunOptions(
        folder=tmp_path / "run",
        simulate=True,
        plugins=plugins,
        requests=requests,
        listeners=[skip],
    )
    assert start_run(profile, options).state == "finished"
    with RunRecord(tmp_path / "run", plugins) as record:
        told = results_for_optimizers(record)
        objective = record.profile.objective
        for row, learns in zip(told, [True, False, True, False, True], strict=True):
            assert set(record.profile.space.names) < set(row)
            values = [row[name] for name in (*objective.responses, objective.name)]
            assert np.isfinite(values).all() == np.isfinite(values).any() == learns
        assert repr(told[:4]) == repr(Listening.told)  # nan is not nan
        experiments = record.experiments()
        assert np.isfinite(experiments[1].objective)
        assert len(results_for_optimizers(record, experiments[1].sequence)) == 1


class Spy:
    """A surrogate that remembers how many experiments it is fitted to."""

    def fit(self, X: np.ndarray, Y: np.ndarray, rsd: Sequence[float]) -> None:
        self.rows = len(X)


@pytest.mark.slow
def test_no_model_of_a_run_is_fitted_to_bad_experiments(
    short: Short, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nor is one the best, though its values are finite and high."""
    evaluate, count = loop.evaluate, iter(range(100))

    def judged(*args: Any) -> Any:
        measurement, features = evaluate(*args)
        if next(count) == 1:
            measurement = evolve(measurement, quality=Quality.BAD, objective=0.99)
        return measurement, features

    monkeypatch.setattr(loop, "evaluate", judged)
    outcome = package.start_run(
        short(5, 1), package.RunOptions(folder=tmp_path / "run", simulate=True, seed=1)
    )
    assert outcome.state == "finished"
    with RunRecord(tmp_path / "run") as record:
        monkeypatch.setattr(record, "surrogates", lambda: Spy)
        assert record.model().rows == 5  # type: ignore[attr-defined]
        best, expected = record.best(), record.incumbent()
        assert best is not None
        assert best.objective < 0.9
        assert expected is not None
        assert expected.objective_mean < 0.9


def test_ctrl_c_ends_a_computation() -> None:
    """In simulated time nobody looks while conditions are chosen, so the signal itself ends it."""
    said = threading.Event()
    with _stop_on_signals(lambda text: said.set()) as requests:
        with pytest.raises(KeyboardInterrupt), requests.computing():
            signal.raise_signal(signal.SIGINT)
        assert said.wait(30.0)
        assert requests.ending
        signal.raise_signal(signal.SIGINT)  # no computation: only a request


@pytest.mark.slow
def test_a_stop_while_conditions_are_chosen_is_obeyed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run ends as stopped, and a resume chooses what the run would have chosen."""
    profile = stepped(tmp_path, "random")
    whole = RunOptions(folder=tmp_path / "whole", simulate=True)
    assert start_run(profile, whole).state == "finished"
    requests = OperatorRequests()
    choose = loop.ConditionChooser.choose

    def interrupted(*args: Any, **how: Any) -> Any:
        *most, compute = args

        def compute_until(what: str, function: Callable[[], Any], at_most_s: float) -> Any:
            def stopped() -> None:
                requests.ask(Request.STOP, "signal")
                requests.give_up_computing()

            return compute(what, stopped, at_most_s)

        return choose(*most, compute_until, **how)

    with monkeypatch.context() as patch:
        patch.setattr(loop.ConditionChooser, "choose", interrupted)
        outcome = start_run(profile, evolve(whole, folder=tmp_path / "stopped", requests=requests))
    assert (outcome.state, outcome.exit_code) == ("stopped", 3)
    assert resume_run(tmp_path / "stopped", ResumeOptions()).state == "finished"
    decided = []
    for name in ("whole", "stopped"):
        with RunRecord(tmp_path / name) as record:
            decided.append([e.data for e in record.journal.events(Decided)])
            assert record.journal.last(Ended) is not None
    assert decided[0] == decided[1]
