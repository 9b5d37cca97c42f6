"""Goals in order as a figure of merit, from a profile's text to its value."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrig.errors import InputError
from flowrig.plugins.registry import Plugins
from flowrig.problem.objective import Goal, PlqyProxy, TargetObjective
from flowrig.profile import check_profile, load_profile

COLOUR = Goal(response="peak_ev", target=2.4, tolerance=0.02)
NARROW = Goal(response="fwhm_nm", below=25.0, tolerance=5.0)
DYE = PlqyProxy(dye_plqy=0.1336, dye_absorbance=0.9115, dye_pl_area=198493.1521)
BRIGHT = Goal(objective=DYE, above=0.3, tolerance=0.1, weight=2.0)
CHEMIST = TargetObjective((COLOUR, NARROW, BRIGHT))

anything = st.floats(-1e300, 1e300)
features = st.tuples(anything, anything, anything, anything).map(np.array)


def at(peak_ev: float, fwhm_nm: float, a300: float = 0.5, pla: float = 1e5) -> float:
    return float(CHEMIST.value(np.array([peak_ev, fwhm_nm, a300, pla])))


def test_it_needs_each_feature_once() -> None:
    """A response of several goals, or of an objective among them, is listed once."""
    assert CHEMIST.responses == ("peak_ev", "fwhm_nm", "a300", "pla")
    assert TargetObjective((COLOUR, COLOUR)).responses == ("peak_ev",)


@given(st.lists(features, min_size=1, max_size=5))
def test_it_is_a_share_of_whatever_is_finite(rows: list[np.ndarray]) -> None:
    """Any finite features, in any shape, give a number from 0 to 1."""
    values = CHEMIST.value(np.array(rows)[None])
    assert values.shape == (1, len(rows))
    assert ((values >= 0.0) & (values <= 1.0)).all()


@given(st.floats(2.0, 2.8), st.floats(2.0, 2.8), st.floats(5, 200), st.floats(5, 200))
def test_a_goal_that_is_met_better_never_counts_less(
    energy: float, other_energy: float, width: float, other_width: float
) -> None:
    """Nearer to the target, or narrower, or brighter, is at least as good."""
    near, far = sorted((energy, other_energy), key=lambda e: abs(e - 2.4))
    assert at(near, width) >= at(far, width) - 1e-12
    narrow, wide = sorted((width, other_width))
    assert at(energy, narrow) >= at(energy, wide) - 1e-12
    assert at(energy, width, pla=2e5) >= at(energy, width, pla=1e5)


@given(features, features)
def test_a_later_goal_counts_only_as_far_as_the_first_is_met(
    one: np.ndarray, other: np.ndarray
) -> None:
    """Whatever width and yield do, they change no more than the share of the first goal."""
    other = np.array([one[0], *other[1:]])
    first = float(COLOUR.share(one[:1]))
    later = (NARROW.weight + BRIGHT.weight) / 4.0
    assert abs(CHEMIST.value(one) - CHEMIST.value(other)) <= first * later + 1e-12


def test_the_tolerance_is_where_half_is_met() -> None:
    """One tolerance from a target, and at the value of `above` or `below` itself."""
    assert COLOUR.share(np.array([2.42])) == pytest.approx(0.5)
    assert NARROW.share(np.array([25.0])) == pytest.approx(0.5)
    assert COLOUR.share(np.array([2.4])) == 1.0
    assert NARROW.share(np.array([0.0])) > 0.97


def test_a_wrong_colour_never_beats_the_right_one() -> None:
    """The dimmest and widest particles of the right colour beat perfect ones of a wrong one."""
    assert at(2.4, 80.0, pla=0.0) > at(2.6, 10.0, pla=1e6)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"response": "pla", "tolerance": 1.0}, "exactly one of"),
        ({"response": "pla", "target": 1.0, "above": 1.0, "tolerance": 1.0}, "exactly one of"),
        ({"response": "pla", "target": float("nan"), "tolerance": 1.0}, "exactly one of"),
        ({"target": 1.0, "tolerance": 1.0}, "either a response"),
        ({"response": "pla", "target": 1.0, "tolerance": 0.0}, "more than 0"),
        ({"response": "pla", "target": 1.0, "tolerance": 1.0, "weight": -1.0}, "more than 0"),
    ],
)
def test_a_goal_that_means_nothing_is_refused(settings: dict[str, object], said: str) -> None:
    """Neither two aims nor none, and no distance or weight that is not positive."""
    with pytest.raises(InputError, match=said):
        Goal(**settings)  # type: ignore[arg-type]


def profile_with(tmp_path: Path, goals: str) -> Path:
    path = tmp_path / "colour.toml"
    path.write_text(
        f'extends = "cs3cu2i5-heatup-chem3"\n[objective]\nname = "target"\n{goals}\n',
        encoding="utf-8",
    )
    return path


def test_goals_are_written_with_units(tmp_path: Path) -> None:
    """What a goal wants is a quantity if its response's name ends in a unit, else a number."""
    path = profile_with(
        tmp_path,
        'goals = [{ response = "peak_ev", target = "2400 meV", tolerance = "20 meV" },\n'
        '  { response = "fwhm_nm", below = "25 nm", tolerance = "5 nm" },\n'
        '  { objective = { name = "maximum", response = "pla" }, above = 1e5, tolerance = 1e4 }]',
    )
    objective = load_profile(path, Plugins.discover()).objective
    assert isinstance(objective, TargetObjective)
    assert objective.goals[:2] == (COLOUR, NARROW)
    assert objective.responses == ("peak_ev", "fwhm_nm", "pla")


@pytest.mark.parametrize(
    ("goal", "said"),
    [
        ('response = "peak_nm", target = 446, tolerance = "5 nm"', "without quotes and unit"),
        ('response = "peak_nm", target = "2.4 eV", tolerance = "5 nm"', "expected a length"),
        ('response = "peak_mn", target = 446.0, tolerance = 5.0', "did you mean 'peak_nm'?"),
        ('response = "pla", abov = 1.0, tolerance = 1.0', "did you mean 'above'?"),
        ('response = "pla", above = 1.0', "missing key 'tolerance'"),
    ],
)
def test_a_mistake_in_a_goal_is_reported_at_its_place(tmp_path: Path, goal: str, said: str) -> None:
    """File, line and what would be right, with the nearest valid name."""
    problems = check_profile(profile_with(tmp_path, f"goals = [{{ {goal} }}]"), Plugins.discover())
    assert any(said in str(one) and one.line == 4 for one in problems), problems
