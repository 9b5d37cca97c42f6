"""A surrogate that uses earlier experiments as far as they agree with new ones."""

from collections.abc import Callable

import numpy as np
import pytest
from attrs import frozen
from learning_bench import load_published, new_gp, smooth_response

from flowrig.interfaces import NormalPosterior, Posterior, Surrogate, SurrogateSettings
from flowrig.learning.transfer import EarlierModels

NOISE = 0.01
LENGTH = 0.5


@frozen(eq=False)
class Normal(Posterior):
    """A joint normal posterior of one response."""

    center: np.ndarray
    covariance: np.ndarray

    @property
    def mean(self) -> np.ndarray:
        return self.center

    @property
    def sd(self) -> np.ndarray:
        return np.sqrt(np.diag(self.covariance) + NOISE**2)[:, None]

    def sample(self, count: int, rng: np.random.Generator) -> np.ndarray:
        root = np.linalg.cholesky(self.covariance + 1e-8 * np.eye(len(self.covariance)))
        return self.center + (rng.standard_normal((count, len(root))) @ root.T)[..., None]


class Kriging(Surrogate):
    """A Gaussian process with fixed hyperparameters: the quickest surrogate that learns."""

    def _do_fit(self, X: np.ndarray, Y: np.ndarray) -> None:
        self._X, self._level, self._scale = X, Y.mean(axis=0), Y.std(axis=0).clip(1e-12)
        self._inverse = np.linalg.inv(_kernel(X, X) + 1e-3 * np.eye(len(X)))
        self._weights = self._inverse @ ((Y - self._level) / self._scale)
        self._Y = Y

    def _do_predict(self, X: np.ndarray) -> Posterior:
        k = _kernel(X, self._X)
        covariance = _kernel(X, X) - k @ self._inverse @ k.T
        return Normal(
            self._level + self._scale * (k @ self._weights),
            covariance * self._scale[0] ** 2,
        )

    def _do_unseen(self) -> tuple[np.ndarray, np.ndarray]:
        """In closed form (Rasmussen & Williams, 2006, eq. 5.12)."""
        variance = 1.0 / np.diag(self._inverse)[:, None]
        return self._Y - self._scale * self._weights * variance, self._scale * np.sqrt(variance)


def _kernel(A: np.ndarray, B: np.ndarray) -> np.ndarray:
    return np.exp(-0.5 * np.square(A[:, None] - B[None]).sum(axis=-1) / LENGTH**2)


def new_kriging() -> Surrogate:
    return Kriging(SurrogateSettings())


def earlier(kind: str, dimensions: int) -> tuple[np.ndarray, np.ndarray]:
    """60 earlier experiments: alike on another scale, opposite, or unrelated."""
    rng = np.random.default_rng(5)
    X = rng.random((60, dimensions))
    shifted = smooth_response(np.clip(X + 0.05, 0.0, 1.0))
    Y = {"alike": 3.0 + 0.4 * shifted, "opposite": -shifted, "unrelated": rng.random(60)}[kind]
    return X, (Y + NOISE * rng.standard_normal(60))[:, None]


def regret(new: Callable[[], Surrogate], seed: int, dimensions: int = 4) -> float:
    """How far the best of 4 random and 8 chosen conditions is from the top of the hill."""
    rng = np.random.default_rng(seed)
    X = rng.random((4, dimensions))
    y = smooth_response(X) + NOISE * rng.standard_normal(4)
    for _ in range(8):
        model = new()
        model.fit(X, y[:, None])
        candidates = rng.random((200, dimensions))
        samples = model.predict(candidates).sample(64, rng)[..., 0]
        gain = np.maximum(samples - y.max(), 0.0).mean(axis=0) + 1e-9 * samples.mean(axis=0)
        chosen = candidates[gain.argmax()]
        X = np.vstack([X, chosen])
        y = np.append(y, smooth_response(chosen[None]) + NOISE * rng.standard_normal(1))
    return float(1.0 - smooth_response(X).max())


@pytest.fixture(scope="module")
def regrets() -> dict[str, np.ndarray]:
    """Regrets of the same 12 campaigns, from a cold start and with each kind of earlier data."""
    seeds = range(12)
    found = {"cold": np.array([regret(new_kriging, seed) for seed in seeds])}
    for kind in ("alike", "opposite", "unrelated"):
        models = EarlierModels(new_kriging, [earlier(kind, 4)])
        found[kind] = np.array([regret(models.surrogate, seed) for seed in seeds])
    return found


def test_earlier_experiments_that_transfer_find_the_top_sooner(
    regrets: dict[str, np.ndarray],
) -> None:
    """With earlier experiments on another scale the regret is two thirds of a cold start's."""
    assert regrets["alike"].mean() < 0.67 * regrets["cold"].mean()


@pytest.mark.parametrize("kind", ["opposite", "unrelated"])
@pytest.mark.slow
def test_misleading_earlier_experiments_cost_little(
    regrets: dict[str, np.ndarray], kind: str
) -> None:
    """The regret is within 3 % of the range of a cold start's."""
    assert (regrets[kind] - regrets["cold"]).mean() < 0.03


def test_opposite_earlier_experiments_have_no_share() -> None:
    """Earlier experiments with the opposite trend leave the model as it is without them."""
    X = np.random.default_rng(1).random((12, 3))
    Y = smooth_response(X)[:, None]
    model = EarlierModels(new_kriging, [earlier("opposite", 3)]).surrogate()
    model.fit(X, Y)
    cold = new_kriging()
    cold.fit(X, Y)
    assert model.describe()["earlier_share"] == [0.0]
    np.testing.assert_array_equal(model.predict(X).mean, cold.predict(X).mean)


def test_each_source_has_its_own_scale() -> None:
    """Of two sources, the one that contradicts the new experiments gets the scale 0."""
    X = np.random.default_rng(1).random((10, 3))
    sources = [earlier("opposite", 3), earlier("alike", 3)]
    model = EarlierModels(new_kriging, sources).surrogate()
    model.fit(X, smooth_response(X)[:, None])
    wrong, right = model.describe()["earlier_slopes"]
    assert wrong == [0.0]
    assert right[0] == pytest.approx(2.5, rel=0.2)
    assert model.describe()["earlier_share"][0] > 0.5


def test_published_chemistries_transfer() -> None:
    """Chem1 helps to predict the PL area of Chem3; its opposite does not harm."""
    first, third = load_published("chem1"), load_published("chem3")
    turned = first.Y.max(axis=0) + first.Y.min(axis=0) - first.Y
    right = EarlierModels(new_gp, [(first.X, first.Y)])
    wrong = EarlierModels(new_gp, [(first.X, turned)])
    errors = []
    for seed in range(3):
        rows = np.random.default_rng(seed).permutation(60)
        seen, unseen = rows[:7], rows[7:]
        each = []
        for new in (new_gp, right.surrogate, wrong.surrogate):
            model: Surrogate = new()
            model.fit(third.X[seen], third.Y[seen])
            off = model.predict(third.X[unseen]).mean[:, 1] - third.Y[unseen, 1]
            each.append(np.sqrt(np.square(off).mean()) / third.Y[:, 1].std())
        errors.append(each)
    cold, warm, misled = np.mean(errors, axis=0)
    assert warm < 0.9 * cold
    assert misled < cold + 0.05


def test_gradients_are_those_of_the_posterior() -> None:
    """On Gaussian processes it has a normal posterior, whose gradients match differences."""
    rng = np.random.default_rng(3)
    X = rng.random((9, 3))
    Y = np.stack([smooth_response(X), 2.0 + X[:, 0]], axis=1)
    source = np.random.default_rng(4).random((20, 3))
    responses = np.stack([1.0 + smooth_response(source), source[:, 0]], axis=1)
    model = EarlierModels(new_gp, [(source, responses)]).surrogate()
    model.fit(X, Y)
    assert min(model.describe()["earlier_share"]) > 0

    def at(points: np.ndarray) -> NormalPosterior:
        posterior = model.predict(points)
        assert isinstance(posterior, NormalPosterior)
        return posterior

    points, step = rng.random((4, 3)), 1e-5
    mean_slope, sd_slope = at(points).latent_gradients()
    for j in range(3):
        ahead, behind = at(points + step * np.eye(3)[j]), at(points - step * np.eye(3)[j])
        mean = (ahead.latent_mean - behind.latent_mean) / (2 * step)
        sd = (ahead.latent_sd - behind.latent_sd) / (2 * step)
        np.testing.assert_allclose(mean_slope[..., j], mean, rtol=1e-3, atol=1e-4)
        np.testing.assert_allclose(sd_slope[..., j], sd, rtol=1e-2, atol=1e-3)


def test_too_few_new_experiments_give_no_share() -> None:
    """With three new experiments the model is the cold one."""
    X = np.random.default_rng(1).random((3, 3))
    model = EarlierModels(new_kriging, [earlier("alike", 3)]).surrogate()
    model.fit(X, smooth_response(X)[:, None])
    assert model.describe()["earlier_share"] == [0.0]


def test_a_response_without_earlier_experiments_is_learnt_from_new_ones() -> None:
    """Fewer responses than earlier, or more, are accepted; the common ones transfer."""
    X = np.random.default_rng(1).random((10, 3))
    known, unknown = smooth_response(X), X[:, 0] ** 2
    source, responses = earlier("alike", 3)
    model = EarlierModels(new_gp, [(source, responses)]).surrogate()
    model.fit(X, np.column_stack([known, unknown]))
    assert model.share[0] > 0.5
    assert model.share[1] == 0.0
    posterior = model.predict(X)
    assert isinstance(posterior, NormalPosterior)
    assert posterior.latent_gradients()[0].shape == (10, 2, 3)

    wide = EarlierModels(new_gp, [(source, np.column_stack([responses, responses]))]).surrogate()
    wide.fit(X, known[:, None])
    assert wide.predict(X).mean.shape == (10, 1)
