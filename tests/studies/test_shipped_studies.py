"""The studies that come with flowrig: the kit, their plans, and what they find in known points."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs
import numpy as np
import pytest
from quick_rig import loaded

from flowrig.interfaces import At, Point, StudyPoint, Sweep
from flowrig.plugins.registry import Plugins
from flowrig.profile import ProfileError
from flowrig.profile.controls.studies import study_rig
from flowrig.profile.load import read_profile
from flowrig.profile.settings import settings_from
from flowrig.testing import Level, StudyBench
from flowrig.testing.conformance.installed import score_offer

NAMES = (
    "robustness",
    "repeatability",
    "perturbation",
    "sweep",
    "grid",
    "partial-grid",
    "dynamic-residence-time",
    "dye",
    "stability",
    "production",
)


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    return Plugins.discover()


@pytest.fixture
def bench(plugins: Plugins) -> Callable[..., StudyBench]:
    def make(name: str, **settings: Any) -> StudyBench:
        offer = plugins.offer("study", name)
        return StudyBench(offer.load(), attrs.evolve(settings_from(offer, plugins, ()), **settings))

    return make


@pytest.mark.parametrize("name", NAMES)
def test_it_is_gold(plugins: Plugins, name: str) -> None:
    assert score_offer(plugins.offer("study", name), plugins=plugins).level is Level.GOLD


def with_values(points: list[StudyPoint], value_of: Callable[[StudyPoint], float]) -> list[Any]:
    return [attrs.evolve(one, features={"pla": value_of(one), "a300": 1.0}) for one in points]


def test_robustness_finds_scatter_and_drift(bench: Callable[..., StudyBench]) -> None:
    """Two per cent of scatter, and ten per cent an hour."""
    kit, rng = bench("robustness"), np.random.default_rng(3)
    points = kit.run()
    assert [one.point.continues for one in points] == [False, *[True] * 90]
    assert {one.point.after_s for one in points[1:]} == {20.0}
    still = with_values(points, lambda one: 1.0 + 0.02 * float(rng.standard_normal()))
    found = {one.name: one for one in kit.fresh().findings(still).findings}
    assert found["pla"].low <= 0.02 <= found["pla"].high
    rising = with_values(still, lambda one: one.features["pla"] * (1 + 0.1 * one.ended_s / 3600))
    found = {one.name: one for one in kit.fresh().findings(rising).findings}
    assert found["drift of pla"].p < 0.05
    assert found["drift of pla"].low <= 0.1 <= found["drift of pla"].high


def test_perturbation_finds_what_is_left_of_the_one_before(
    bench: Callable[..., StudyBench],
) -> None:
    kit = bench("perturbation", repeats=6)
    points = kit.run()
    assert [one.point.reason for one in points[::2]] == ["reference"] * 6
    other = {one.number: float(one.number % 7) for one in points}

    def value(one: StudyPoint) -> float:
        if one.point.reason != "reference":
            return other[one.number]
        return 10.0 + 0.2 * other.get(one.number - 1, 0.0) + 0.01 * (one.number % 2)

    found = {one.name: one for one in kit.fresh().findings(with_values(points, value)).findings}
    assert found["carry-over of pla"].value == pytest.approx(0.2, abs=0.01)
    assert found["carry-over of pla"].p < 0.001


def test_a_sweep_takes_what_changes_the_residence_time(bench: Callable[..., StudyBench]) -> None:
    """And tells where a plateau begins."""
    kit = bench("sweep", repeats=3)
    points = kit.run()
    levels = sorted({float(one.point.conditions["B"]) for one in points})
    assert levels == [200.0, 250.0, 300.0, 350.0, 400.0]
    noise = np.random.default_rng(0)

    def value(one: StudyPoint) -> float:
        height = min(float(one.point.conditions["B"]), 300.0)
        return height * (1.0 + 0.01 * float(noise.standard_normal()))

    found = {one.name: one for one in kit.fresh().findings(with_values(points, value)).findings}
    assert found["plateau of pla"].value == 300.0


def test_a_grid_is_as_large_as_its_levels(bench: Callable[..., StudyBench]) -> None:
    sweep = Sweep({"temperature": (130.0, 150.0), "A": (90.0, 100.0, 110.0)})
    points = bench("grid", sweep=sweep, repeats=2, at=At({"B": 210.0})).run()
    assert len(points) == 12
    assert {one.point.conditions["B"] for one in points} == {210.0}
    assert [one.point.conditions["temperature"] for one in points] == [130.0] * 6 + [150.0] * 6


def test_looks_follow_the_liquid(bench: Callable[..., StudyBench]) -> None:
    """The first look of each condition begins with its flow; the others keep it."""
    points = bench("dynamic-residence-time", every=0.5, until=4.0, frames=10).run()
    begins = [one for one in points if not one.point.continues]
    assert len(begins) == 3
    assert all(one.point.after_s and one.point.frames == 10 for one in points)


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        ('study = "robustnes"', "no plugin offers the study 'robustnes'"),
        ('study = "robustness"\nduration = "1 h"\nbatch = 3', "unknown key 'batch'"),
        ('study = "robustness"\nduration = 30', "got 30 without quotes and unit"),
        ('study = "robustness"\nduration = "1 s"', "shorter than three points"),
        ('study = "robustness"\noptimizer = "lhs"', "an optimizer or a study"),
        ('study = "robustness"\nfeatures = ["plz"]', "unknown feature 'plz'"),
        ('study = "robustness"\nat = "midle"', "did you mean 'middle'"),
        ('study = "robustness"\nat = { ODEE = "250 uL/min" }', "unknown condition 'ODEE'"),
        ('study = "robustness"\nat = { ODE = 250 }', "250"),
        ('study = "robustness"\nat = { ODE = "25 uL/min" }', "outside of its range"),
        ('study = "sweep"\nsweep = { ODE = 1 }', "expected an array of values"),
        ('study = "sweep"\nsweep = { ODE = 3, temperature = 3 }', "more than one variable"),
        ('study = "sweep"\nplateau = "plz"', "unknown feature 'plz'"),
    ],
)
def test_a_wrong_setting_is_told_at_its_key(tmp_path: Path, stage: str, said: str) -> None:
    with pytest.raises(ProfileError) as caught:
        loaded(tmp_path, f'[[campaign.stages]]\nname = "x"\n{stage}\n')
    assert said in str(caught.value)


def test_quantities_have_the_units_of_the_space(tmp_path: Path) -> None:
    stage = 'study = "sweep"\nsweep = { ODE = ["15 mL/h", "0.27 mL/min"] }\nrepeats = 1\n'
    profile = loaded(tmp_path, f"[[campaign.stages]]\n{stage}")
    assert profile.campaign is not None
    (found,) = profile.campaign.stages
    assert (found.name, found.experiments) == ("sweep", 2)
    assert found.settings.sweep.levels["ODE"] == pytest.approx((250.0, 270.0))  # type: ignore[union-attr]
    assert not math.isnan(found.settings.sweep.levels["ODE"][0])  # type: ignore[union-attr]


def test_no_flow_is_kept_through_steps_of_ones_own(tmp_path: Path) -> None:
    """A rig with `[[procedure]]` has studies whose points settle, and no others."""
    system = Path(__file__).parents[1] / "profile" / "systems" / "s15.toml"
    text = system.read_text(encoding="utf-8")
    file = tmp_path / "s15.toml"
    file.write_text(text[: text.index("[[campaign.stages]]")], encoding="utf-8")
    for study, fits in (("repeatability", True), ("robustness", False)):
        source = read_profile(file, Plugins.discover()).with_study(study)
        if fits:
            assert source.load().campaign is not None
        else:
            with pytest.raises(ProfileError, match="steps of their own"):
                source.load()


def test_the_best_place_is_never_one_without_a_result(tmp_path: Path) -> None:
    """An experiment that waits for its result is good, and has no objective yet."""
    rig = study_rig(loaded(tmp_path))
    places = [{**rig.middle} for _ in range(3)]
    earlier = [
        StudyPoint(number=n, point=Point(conditions=one), objective=value)
        for n, (one, value) in enumerate(zip(places, (math.nan, 0.3, 0.2), strict=True), 1)
    ]
    rig = attrs.evolve(rig, earlier=earlier)
    assert rig.conditions(At("best")) is places[1]
