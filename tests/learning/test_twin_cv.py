"""Cross-validation of a twin, and `flowrig twin cv`."""

import json
from pathlib import Path

import numpy as np
import pytest
from attrs import evolve
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from learning_bench import DATA, PLQY, load_published, smooth_response

from flowrig.cli import main
from flowrig.errors import InputError
from flowrig.interfaces import Posterior, Surrogate, SurrogateSettings
from flowrig.learning.cross_validation import measurements
from flowrig.plugins.registry import Plugins
from flowrig.problem.objective import MaximumResponse
from flowrig.problem.space import Parameter, Space
from flowrig.profile import load_profile
from flowrig.testing import PlainGaussianProcess
from flowrig.twin import TrainingSet, cross_validate, held_out, read_experiments, score

AREA = MaximumResponse("pla", "counts·nm")
SPACE = Space(
    (Parameter("temperature", 120.0, 180.0, "°C"), Parameter("CuI", 80.0, 120.0, "µL/min"))
)
CHEM1 = DATA / "cs3cu2i5_lhs_chem1.csv"


def experiments(count: int = 30) -> TrainingSet:
    """A hill in three conditions, with a little noise."""
    rng = np.random.default_rng(0)
    X = rng.random((count, 3))
    Y = smooth_response(X)[:, None] + 0.02 * rng.standard_normal((count, 1))
    return TrainingSet(X, Y, AREA)


def plain(seed: int) -> Surrogate:
    """A Gaussian process with fixed length scales."""
    return PlainGaussianProcess(seed=seed)


class Knows(Posterior):
    """A standard deviation of 0.5, of which 0.3 is noise."""

    def __init__(self, mean: np.ndarray) -> None:
        self._mean = mean

    mean = property(lambda self: self._mean)
    sd = property(lambda self: np.full_like(self._mean, 0.5))

    def sample(self, count: int, rng: np.random.Generator) -> np.ndarray:
        return self._mean + 0.4 * rng.standard_normal((count, *self._mean.shape))


class Spy(Surrogate):
    """Records the conditions that it is fitted to; predicts the mean."""

    shown: list[np.ndarray]

    def _do_fit(self, X: np.ndarray, Y: np.ndarray) -> None:
        self._mean = Y.mean(axis=0)
        self.shown.append(X)

    def _do_predict(self, X: np.ndarray) -> Posterior:
        return Knows(np.tile(self._mean, (len(X), 1)))


def test_exact_predictions_score_best() -> None:
    """Exact predictions with a small spread have R² 1, and all lie within it."""
    measured = np.array([1.0, 2.0, 4.0])
    exact = score(measured, measured, np.full(3, 1e-3))

    assert exact.r2 == 1.0
    assert exact.coverage68 == exact.coverage95 == 1.0
    assert exact.crps < 1e-3
    assert exact.nll < -5.0


@given(
    st.lists(st.floats(-5, 5), min_size=3, max_size=20),
    st.floats(0.1, 5),
    st.floats(-3, 3),
    st.floats(0.1, 1e4),
)
def test_scores_have_no_unit(errors: list[float], sd: float, shift: float, unit: float) -> None:
    """Another unit and another zero change no score."""
    measured = np.linspace(0.0, 10.0, len(errors))
    mean = measured + np.array(errors)
    spread = np.full(len(errors), sd)
    one = score(measured, mean, spread)
    other = score(unit * (measured + shift), unit * (mean + shift), unit * spread)

    for name in ("r2", "nll", "crps"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-6, abs=1e-6)


@given(st.floats(-3, 3), st.floats(0.2, 3))
def test_crps_is_its_integral(off: float, sd: float) -> None:
    """The closed form is the integral of the squared difference of the distributions."""
    measured = np.array([0.0, 2.0])
    mean, spread = measured + off, np.full(2, sd)
    grid = np.linspace(off - 12 * sd - 12, off + 12 * sd + 12, 4001)
    density = np.exp(-0.5 * np.square((grid - off) / sd))
    below = np.cumsum(density) / density.sum()
    integral = np.square(below - (grid > 0.0)).sum() * (grid[1] - grid[0])

    assert score(measured, mean, spread).crps == pytest.approx(integral, rel=0.03, abs=0.01)


def test_right_spread_has_right_coverage() -> None:
    """Normal errors of the predicted size lie within the two intervals as often as they should."""
    rng = np.random.default_rng(0)
    mean = rng.standard_normal(20_000)
    right = score(mean + rng.standard_normal(20_000), mean, np.ones(20_000))

    assert right.coverage68 == pytest.approx(0.683, abs=0.01)
    assert right.coverage95 == pytest.approx(0.95, abs=0.01)


def test_measurements_have_noise_on_top() -> None:
    """Samples of measurements have the posterior's standard deviation, noise included."""
    samples = measurements(Knows(np.zeros((3, 2))), 20_000, np.random.default_rng(0))

    assert np.allclose(samples.std(axis=0), 0.5, rtol=0.03)


def test_every_experiment_is_predicted_once_and_unseen() -> None:
    """The folds share out all experiments, and no model is asked for what it was shown."""
    data = experiments(23)
    Spy.shown = []
    folds = list(held_out(data, lambda: Spy(SurrogateSettings()), seed=3))

    assert sorted(np.concatenate([fold.rows for fold in folds])) == list(range(23))
    for fold, shown in zip(folds, Spy.shown, strict=True):
        assert not any((row == shown).all(axis=1).any() for row in data.X[fold.rows])
        assert len(shown) + len(fold.rows) == 23


def test_the_seed_decides() -> None:
    """The same seed gives the same scores, another one others; each fold is a step of progress."""
    data = experiments()
    calls: list[None] = []
    one, two = (
        cross_validate(data, plain, repeats=2, seed=5, on_fold=lambda: calls.append(None))
        for _ in range(2)
    )
    other = cross_validate(data, plain, repeats=2, seed=6)

    assert one.objective == two.objective != other.objective
    assert len(calls) == 2 * 2 * 5
    assert one.objective.r2 > 0.8


def test_an_objective_that_is_a_response_scores_alike() -> None:
    """An objective that is a response has the scores of the response, up to sampling."""
    result = cross_validate(experiments(), plain)

    assert result.objective.r2 == pytest.approx(result.responses["pla"].r2, abs=0.01)
    assert result.objective.nll == pytest.approx(result.responses["pla"].nll, abs=0.05)


@pytest.mark.parametrize(
    ("count", "constant", "message"),
    [(9, False, "at least 10 experiments, got 9"), (12, True, "pla is the same in every")],
)
def test_experiments_that_cannot_be_cross_validated_are_refused(
    count: int, constant: bool, message: str
) -> None:
    """Too few experiments, and a response that never changes, are errors of the input."""
    data = experiments(count)
    with pytest.raises(InputError, match=message):
        cross_validate(evolve(data, Y=0.0 * data.Y) if constant else data, plain)


def written(folder: Path, text: str) -> Path:
    """A CSV file."""
    file = folder / "measured.csv"
    file.write_text(text, encoding="utf-8")
    return file


def test_columns_are_found_by_name_and_unit(tmp_path: Path) -> None:
    """Order and capitals of columns do not matter, nor a byte-order mark, nor other columns."""
    file = written(
        tmp_path, "\ufeffnote,CUI_uL_min,Temperature_C,PLA\nfirst, 80,120,5\n,120,150,7.5\n"
    )
    found = read_experiments(file, SPACE, ("pla",))

    assert np.array_equal(found.X, [[0.0, 0.0], [0.5, 1.0]])
    assert np.array_equal(found.Y, [[5.0], [7.5]])


def test_long_names_and_other_names(tmp_path: Path) -> None:
    """A feature's long name is known, and any other can be said."""
    head = "temperature_c,CuI_ul_min,absorbance_300nm,area\n"
    file = written(tmp_path, f"{head}120,80,0.5,9\n130,90,0.6,8\n")
    found = read_experiments(file, SPACE, ("pla", "a300"), {"pla": "AREA"})

    assert np.array_equal(found.Y, [[9.0, 0.5], [8.0, 0.6]])


def test_rows_without_a_sound_response_are_left_out(tmp_path: Path) -> None:
    """Empty and infinite responses, and experiments marked as bad, are counted and left out."""
    head = "temperature_c,CuI_ul_min,pla,quality\n"
    rows = "120,80,1,good\n120,80,,good\n120,80,inf,good\n120,80,2,bad\n130,90,3,doubtful\n"
    found = read_experiments(written(tmp_path, head + rows), SPACE, ("pla",))

    assert found.left_out == 3
    assert np.array_equal(found.Y, [[1.0], [3.0]])


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ["is empty"]),
        (
            "temperature_c,cu_ul_min,pla\n120,80,1\n",
            [
                "no column 'CuI_ul_min'",
                "did you mean 'cu_ul_min'",
                "found:    temperature_c, cu_ul_min, pla",
                "expected: temperature_c, CuI_ul_min, pla or pl_area",
                "--response NAME=COLUMN",
            ],
        ),
        ("temperature_c,CuI_ul_min,pla\n120,x,1\n", ["measured.csv:2", "CuI_ul_min", "'x'"]),
        ("temperature_c,CuI_ul_min,pla\n120,80\n", ["measured.csv:2", "2 values in 3 columns"]),
    ],
)
def test_the_message_about_a_wrong_file_has_its_columns(
    tmp_path: Path, text: str, parts: list[str]
) -> None:
    """A message names the file, the line, the columns that are there and those that should be."""
    with pytest.raises(InputError) as wrong:
        read_experiments(written(tmp_path, text), SPACE, ("pla",))
    assert all(part in str(wrong.value) for part in parts)


def test_published_rows_are_read_as_they_are() -> None:
    """The published table is understood without help, in the profile's search space."""
    profile = load_profile("cs3cu2i5-heatup-chem1", Plugins.discover())
    found = read_experiments(CHEM1, profile.space, profile.objective.responses)
    published = load_published("chem1")

    assert np.allclose(found.X, published.X)
    assert np.array_equal(found.Y, published.Y)
    assert profile.objective.responses == PLQY.responses


def cv(*words: str | Path) -> tuple[int, str, str]:
    """Exit code, output, and the text on the error channel."""
    result = CliRunner().invoke(main, ["twin", "cv", *map(str, words)])
    return result.exit_code, result.stdout, result.stderr


PUBLISHED = (CHEM1, "--profile", "cs3cu2i5-heatup-chem1", "--repeats", "1")


def test_json_has_every_score() -> None:
    """Scores of responses and objective, as numbers, and nothing else on the channel."""
    code, out, _ = cv(*PUBLISHED, "--surrogate", "gp", "--json")
    printed = json.loads(out)

    assert code == 0
    assert set(printed["responses"]) == {"a300", "pla"}
    for scores in (*printed["responses"].values(), printed["objective"]):
        assert set(scores) == {"r2", "nll", "crps", "coverage68", "coverage95"}
    assert printed["objective"]["r2"] > 0.9
    assert printed["fit_seconds"] > 0
    assert (printed["surrogate"], printed["experiments"], printed["repeats"]) == ("gp", 60, 1)


def test_people_get_a_table() -> None:
    """One line a quantity under the names of the scores, and what a fit costs."""
    code, out, _ = cv(*PUBLISHED, "--surrogate", "{ name = 'gp', restarts = 0 }")
    lines = out.splitlines()

    assert code == 0
    assert lines[1].split() == ["r2", "nll", "coverage68", "coverage95"]
    assert [line.rsplit(maxsplit=4)[0] for line in lines[2:5]] == ["a300", "pla", "PLQY proxy"]
    assert lines[5].startswith("fit_seconds ")


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--surrogate", "gpp"), "expected one of"),
        (("--surrogate", "{ name = 'gp', smooth = 1 }"), "unknown key 'smooth'"),
        (("--surrogate", "{ name = "), "is not a TOML table"),
        (("--response", "a300"), "RESPONSE=COLUMN"),
        (("--response", "a301=absorbance_300nm"), "no response is called 'a301'"),
        (("--response", "a300=absorbance"), "no column 'absorbance'"),
    ],
)
def test_a_wrong_option_is_refused_with_the_expected_form(
    words: tuple[str, ...], message: str
) -> None:
    """An input that is wrong ends with exit code 2 and says what was expected."""
    code, _, errors = cv(*PUBLISHED, *words)

    assert code == 2
    assert message in errors
