"""The best of a campaign as a model of all experiments expects it."""

import json
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from flowrig.campaign.incumbent import find_incumbent
from flowrig.journal.events import HeaterValues, IncumbentFound, Reading, StepBegun
from flowrig.journal.journal import FILE_NAME, Journal
from flowrig.problem.objective import MaximumResponse
from flowrig.problem.space import Parameter, Space
from flowrig.run_record.experiment import Decision, Experiment
from flowrig.run_record.reader import RunRecord
from flowrig_gp.settings import GaussianProcessSettings
from flowrig_gp.surrogate import GaussianProcess

NOISE = 0.05
SCATTER = 0.02
"""Distance [°C] of the plate from its set point."""


def recorded(X: np.ndarray, y: np.ndarray) -> Any:
    """What `find_incumbent` asks of a run with these measurements."""
    space = Space((Parameter("T", 0.0, 1.0, "°C"),))

    def model() -> GaussianProcess:
        surrogate = GaussianProcess(GaussianProcessSettings(), 0)
        surrogate.fit(X, y[:, None])
        return surrogate

    experiments = [
        Experiment(
            decision=Decision(
                index=i,
                stage="explore",
                conditions={"T": float(x)},
                mean={},
                sd={},
                objective_mean=None,
                objective_sd=None,
                reason="",
            ),
            quality="good",
            flags=(),
            features={},
            objective=float(value),
            started_s=0.0,
            ended_s=0.0,
            sequence=i,
        )
        for i, (x, value) in enumerate(zip(X[:, 0], y, strict=True), start=1)
    ]
    variable = SimpleNamespace(name="T", heater="plate", stream=None, device=None)
    profile = SimpleNamespace(
        space=space,
        objective=MaximumResponse("pla"),
        variables=[variable],
        system=None,
        streams={},
        following_streams=(),
        flow_rates_ul_min=lambda conditions: {},
        analysis=SimpleNamespace(repeatability_percent={}),
        rsd=(float("nan"),),
    )
    plate = HeaterValues(temperature_c=0.5, set_point_c=0.5 - SCATTER)
    looks = [
        StepBegun(what="20 sample frames", duration_s=None),
        Reading(heaters={"plate": plate}, pumps={}),
    ]
    return SimpleNamespace(
        experiments=lambda: experiments,
        campaign=SimpleNamespace(surrogate=object(), arms=()),
        profile=profile,
        journal=SimpleNamespace(
            events=lambda *kinds, after=0: [SimpleNamespace(data=one) for one in looks]
        ),
        model=model,
        seed=1,
    )


def test_it_is_not_the_luckiest_of_many_shots() -> None:
    """Of 16 noisy shots at one optimum the highest reads too high; what is expected does not."""
    errors = []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        X = np.append(np.linspace(0.0, 1.0, 12), np.full(16, 0.5))[:, None]
        y = (1.0 - 4.0 * np.square(X[:, 0] - 0.5)) + NOISE * rng.standard_normal(len(X))
        told = find_incumbent(recorded(X, y))
        assert told is not None
        assert abs(X[told.index - 1, 0] - 0.5) < 0.1
        assert abs(told.objective_mean - 1.0) < 4.0 * told.objective_sd
        errors.append((told.objective_mean - 1.0, y.max() - 1.0))
    expected, highest = np.mean(errors, axis=0)
    assert highest > NOISE
    assert abs(expected) < highest / 4


def test_the_best_is_told_with_the_scatter_of_the_rig() -> None:
    """Replicates tell the noise of a measurement, readings how far the temperature is off.

    Around its top a parabola is flat: the scatter of the temperature changes little.
    """
    rng = np.random.default_rng(1)
    X = np.append(np.linspace(0.0, 1.0, 12), np.full(16, 0.5))[:, None]
    y = (1.0 - 4.0 * np.square(X[:, 0] - 0.5)) + NOISE * rng.standard_normal(len(X))
    told = find_incumbent(recorded(X, y))
    assert told is not None
    spread = told.robustness
    assert spread is not None
    assert spread.scatter == pytest.approx({"T": SCATTER})
    assert spread.measurement == "replicates"
    assert spread.from_measurement == pytest.approx(NOISE, rel=0.5)
    assert 0.0 < spread.from_conditions < 4.0 * 0.1 * SCATTER
    assert spread.sd == pytest.approx(np.hypot(spread.from_conditions, spread.from_measurement))
    assert IncumbentFound.from_json(told.as_json()) == told


def test_too_few_experiments_or_no_surrogate_expect_nothing() -> None:
    """Nothing is claimed where no model can know more than the measurements."""
    few = recorded(np.linspace(0.0, 1.0, 4)[:, None], np.ones(4))
    assert find_incumbent(few) is None
    without = recorded(np.linspace(0.0, 1.0, 8)[:, None], np.linspace(0.0, 1.0, 8))
    without.campaign.surrogate = None
    assert find_incumbent(without) is None


def test_a_finished_run_reports_it_everywhere(finished: Any, flowrig: Any) -> None:
    """The journal keeps it for JSON, report and end message; the digest does not include it."""
    folder = finished.folder
    said = " ".join(finished.stdout.split())
    assert "as the model of all experiments expects" in said
    assert "highest measured" in said
    assert "by the rig's own scatter" in said
    status = flowrig("status", folder).stdout
    assert "as the model of all experiments expects" in status
    assert "by the rig's own scatter" in status

    told = json.loads(flowrig("report", folder, "--json").stdout)
    expected = told["expected_best"]
    assert expected["objective_sd"] > 0
    assert expected["robustness"]["sd"] > 0
    assert set(expected["robustness"]["scatter"]) == set(expected["conditions"])
    assert expected["conditions"]["temperature"]["unit"] == "°C"
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert "Highest measured" in page
    assert "by the rig's own scatter" in page.replace("&#x27;", "'")
    with RunRecord(folder) as record:
        incumbent = record.incumbent()
    assert incumbent is not None
    assert incumbent.experiment.index == expected["index"]
    with Journal(folder / FILE_NAME, read_only=True) as journal:
        assert [e.kind for e in journal.events(IncumbentFound)] == ["expected-best"]
        assert journal.digest() == told["digest"]
