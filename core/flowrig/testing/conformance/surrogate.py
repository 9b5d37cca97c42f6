"""Checks of surrogates."""

import io
import json
from typing import cast

import numpy as np
from numpy.typing import NDArray

from flowrig.errors import UnsupportedError
from flowrig.interfaces import NormalPosterior, Posterior, Surrogate, SurrogateState
from flowrig.testing.conformance.checks import Level, earns, require
from flowrig.testing.conformance.learning import SurrogateBench, hill

__all__ = ["SurrogateConformance"]

Array = NDArray[np.float64]

EXPERIMENTS = 40
NOISE_SD = 0.03
"""Standard deviation of the noise of an experiment; the hill is 1 high."""

SAMPLES = 2000
STEP = 1e-3
"""Step of finite differences, in the unit cube."""


class SurrogateConformance:
    """The conformance suite of surrogates; a test class adds the fixture `bench`."""

    @earns(Level.BRONZE)
    def test_shapes_are_correct(self, bench: SurrogateBench) -> None:
        """Mean and sd are `n x m`, samples `s x n x m`; all finite, every sd positive."""
        X, Y = _experiments(12)
        for responses in (1, 2):
            posterior = bench.fitted(X, Y[:, :responses]).predict(_elsewhere(7))
            samples = posterior.sample(5, np.random.default_rng(0))
            shapes = posterior.mean.shape, posterior.sd.shape, samples.shape
            require(
                shapes == ((7, responses), (7, responses), (5, 7, responses)),
                f"mean, sd and samples at 7 conditions have the shapes {shapes}; expected "
                f"(7, {responses}), (7, {responses}) and (5, 7, {responses})",
            )
            _require_sound(posterior, "after 12 experiments")

    @earns(Level.BRONZE)
    def test_inputs_are_unchanged(self, bench: SurrogateBench) -> None:
        """fit() and predict() do not change the conditions and responses that they receive."""
        X, Y = _experiments(12)
        kept_X, kept_Y = X.copy(), Y.copy()
        bench.fitted(X, Y).predict(X).sample(3, np.random.default_rng(0))
        require(
            np.array_equal(X, kept_X) and np.array_equal(Y, kept_Y),
            "fit() or predict() changes its arguments; work on copies",
        )

    @earns(Level.BRONZE)
    def test_a_new_fit_forgets_the_old_one(self, bench: SurrogateBench) -> None:
        """A model that is fitted again predicts the same as a new one."""
        X, Y = _experiments(12)
        twice = bench.fitted(X[:6], Y[:6] + 7.0)
        twice.fit(X, Y)
        there = _elsewhere(5)
        require(
            np.array_equal(twice.predict(there).mean, bench.fitted(X, Y).predict(there).mean),
            "a second fit() gives another model than a first one; discard the data and the random "
            "state of the fit before",
        )

    @earns(Level.BRONZE)
    def test_the_description_is_plain_json(self, bench: SurrogateBench) -> None:
        """The description is plain JSON, before and after fitting."""
        X, Y = _experiments(12)
        for surrogate in (bench.fresh(), bench.fitted(X, Y)):
            try:
                json.dumps(dict(surrogate.describe()), allow_nan=False)
            except (TypeError, ValueError) as error:
                raise AssertionError(
                    f"describe() is not plain JSON: {error}; convert arrays to lists of float, and "
                    "leave out values that are not finite"
                ) from error

    @earns(Level.SILVER)
    def test_the_same_seed_is_the_same_model(self, bench: SurrogateBench) -> None:
        """The same seed and data give the same model, bit for bit, without numpy's global state."""
        X, Y = _experiments(20)
        there = _elsewhere(9)
        predictions = []
        for noise in (1, 2):
            np.random.seed(noise)  # noqa: NPY002 - surrogates must not depend on it
            posterior = bench.fitted(X, Y, seed=5).predict(there)
            samples = posterior.sample(4, np.random.default_rng(3))
            predictions.append((posterior.mean, posterior.sd, samples))
            require(
                np.random.random() == np.random.RandomState(noise).random(),  # noqa: NPY002
                "fit() or predict() draws from numpy's global random numbers; use "
                "np.random.default_rng(self.seed)",
            )
        require(
            all(np.array_equal(*pair) for pair in zip(*predictions, strict=True)),
            "the same seed and data gave two models; draw every random number from self.seed, and "
            "those of sample() from its argument",
        )

    @earns(Level.SILVER)
    def test_samples_agree_with_mean_and_sd(self, bench: SurrogateBench) -> None:
        """Samples scatter around the mean, and no more than new measurements."""
        X, Y = _experiments(20)
        posterior = bench.fitted(X, Y).predict(_elsewhere(9))
        samples = posterior.sample(SAMPLES, np.random.default_rng(0))
        off = np.abs(samples.mean(axis=0) - posterior.mean) / posterior.sd
        spread = samples.std(axis=0) / posterior.sd
        require(
            off.max() < 0.2 and spread.max() < 1.2 and spread.min() > 0.0,
            f"the mean of the samples is up to {off.max():.2g} sd off, and they scatter by "
            f"{spread.min():.2g} to {spread.max():.2g} sd; sample the noise-free responses, and "
            "include the noise in sd",
        )

    @earns(Level.SILVER)
    def test_samples_are_smooth(self, bench: SurrogateBench) -> None:
        """With the same random numbers, a small step in the conditions changes a sample little."""
        X, Y = _experiments(20)
        surrogate = bench.fitted(X, Y)
        here = _elsewhere(9)
        one, other = (
            surrogate.predict(U).sample(32, np.random.default_rng(0)) for U in (here, here + 1e-4)
        )
        jump = float((np.abs(one - other) / Y.std(axis=0)).max())
        require(
            jump < 0.05,
            f"a step of 0.0001 moves a sample by {jump:.2g} standard deviations of the data; draw "
            "functions (members, weights), not independent noise at each condition",
        )

    @earns(Level.SILVER)
    def test_predictions_are_independent(self, bench: SurrogateBench) -> None:
        """The prediction for a condition does not depend on the other conditions of the call."""
        X, Y = _experiments(20)
        surrogate = bench.fitted(X, Y)
        there = _elsewhere(9)
        together, alone = surrogate.predict(there), surrogate.predict(there[4:5])
        require(
            np.allclose(together.mean[4], alone.mean[0], rtol=1e-3, atol=1e-6)
            and np.allclose(together.sd[4], alone.sd[0], rtol=1e-2, atol=1e-6),
            "the prediction for a condition changes when it is predicted alone; scale with the "
            "data of fit(), never with the conditions of predict()",
        )

    @earns(Level.SILVER)
    def test_gradients_are_derivatives(self, bench: SurrogateBench) -> None:
        """The gradients of a normal posterior are its derivatives along the conditions."""
        X, Y = _experiments(20)
        surrogate = bench.fitted(X, Y)
        here = _elsewhere(5)
        if not isinstance(surrogate.predict(here), NormalPosterior):
            return
        gradients = np.stack(_normal(surrogate, here).latent_gradients())
        require(
            gradients.shape == (2, 5, 2, 3),
            f"latent_gradients() at 5 conditions, 2 responses and 3 parameters has the shape "
            f"{gradients.shape[1:]}; expected (5, 2, 3), for mean and sd",
        )
        ends = [
            _normal(surrogate, here + s) for s in np.vstack([STEP * np.eye(3), -STEP * np.eye(3)])
        ]
        levels = np.array([[end.latent_mean, end.latent_sd] for end in ends])
        rise = np.moveaxis((levels[:3] - levels[3:]) / (2.0 * STEP), 0, -1)
        off = np.abs(gradients - rise).max(axis=(1, 3)) / np.abs(rise).max(axis=(1, 3))
        require(
            bool((off < 0.05).all()),
            f"gradients of latent mean and sd are up to {off.max():.0%} off the differences over "
            f"a step of {STEP}; return derivatives along the unit cube, on the model's scale",
        )

    @earns(Level.SILVER)
    def test_degenerate_data_are_handled(self, bench: SurrogateBench) -> None:
        """After repeats, constants or two experiments, predictions are finite and near the data."""
        corners = np.eye(3)
        poor = {
            "one condition, one response": (np.full((6, 3), 0.5), np.full((6, 1), 3.0)),
            "repeats that disagree": (np.repeat(corners, 3, axis=0), np.arange(9.0)[:, None]),
            "two experiments": (corners[:2], np.array([[1.0], [2.0]])),
            "a large offset": (corners, 1e6 + np.arange(3.0)[:, None]),
        }
        for what, (X, Y) in poor.items():
            posterior = bench.fitted(X, Y).predict(X)
            _require_sound(posterior, f"after {what}")
            slack = 3.0 * float(np.ptp(Y)) + 3.0
            require(
                (posterior.mean > Y.min() - slack).all()
                and (posterior.mean < Y.max() + slack).all(),
                f"after {what} the mean is {posterior.mean.ravel()}; scale responses, and avoid a "
                "division by a standard deviation of zero",
            )

    @earns(Level.SILVER)
    def test_a_saved_model_predicts_the_same(self, bench: SurrogateBench) -> None:
        """A model that can be saved predicts the same after it is restored, bit for bit."""
        X, Y = _experiments(20)
        surrogate = bench.fitted(X, Y, seed=5)
        try:
            state = surrogate.state()
        except UnsupportedError:
            return
        again = bench.fresh(seed=5)
        again.restore(_written_and_read(state))
        there = _elsewhere(9)
        one, other = surrogate.predict(there), again.predict(there)
        samples = [p.sample(4, np.random.default_rng(3)) for p in (one, other)]
        same = (
            np.array_equal(one.mean, other.mean),
            np.array_equal(one.sd, other.sd),
            np.array_equal(samples[0], samples[1]),
        )
        require(
            all(same),
            "a model that was restored from state() predicts differently; keep every number that "
            "predict() uses, in full precision",
        )

    @earns(Level.GOLD)
    def test_it_learns(self, bench: SurrogateBench) -> None:
        """From 40 experiments on a smooth hill it explains 80 % of the variance elsewhere."""
        X, Y = _experiments(EXPERIMENTS)
        there = _elsewhere(200)
        truth = _truth(there)
        mean = bench.fitted(X, Y).predict(there).mean
        explained = 1.0 - np.square(truth - mean).sum(0) / np.square(truth - truth.mean(0)).sum(0)
        require(
            explained.min() > 0.8,
            f"only {explained.min():.0%} of the variance is explained; check that responses are "
            "scaled and scaled back, and that every condition is used",
        )

    @earns(Level.GOLD)
    def test_its_uncertainty_is_calibrated(self, bench: SurrogateBench) -> None:
        """About two thirds of new measurements lie within one sd, and nearly all within three."""
        X, Y = _experiments(EXPERIMENTS)
        there = _elsewhere(200)
        noise = NOISE_SD * np.random.default_rng(8).standard_normal((200, 2))
        posterior = bench.fitted(X, Y).predict(there)
        off = np.abs(_truth(there) + noise - posterior.mean) / posterior.sd
        within, nearly = float((off < 1.0).mean()), float((off < 3.0).mean())
        require(
            0.4 < within < 0.97 and nearly > 0.9,
            f"{within:.0%} of new measurements lie within one sd and {nearly:.0%} within three; "
            "estimate the noise, and let the members of an ensemble disagree",
        )

    @earns(Level.GOLD)
    def test_its_uncertainty_grows_far_from_data(self, bench: SurrogateBench) -> None:
        """Far from all experiments the sd is larger than among them."""
        X = 0.35 * np.random.default_rng(0).random((30, 3))
        surrogate = bench.fitted(X, hill(X)[:, None])
        near = float(np.median(surrogate.predict(X).sd))
        far = float(surrogate.predict(np.ones((1, 3))).sd[0, 0])
        require(
            far > 2.0 * near,
            f"the sd is {near:.2g} among the experiments and {far:.2g} far from them; let it grow "
            "with the distance from the data, or optimizers do not explore",
        )


def _written_and_read(state: SurrogateState) -> SurrogateState:
    """Write a state as a model file does and read it back: JSON and NumPy, without pickles."""
    try:
        values = json.loads(json.dumps(dict(state.values), allow_nan=False))
        file = io.BytesIO()
        np.savez(file, allow_pickle=False, **dict(state.arrays))
        file.seek(0)
        with np.load(file, allow_pickle=False) as archive:
            return SurrogateState(values, {name: archive[name] for name in archive.files})
    except (TypeError, ValueError) as error:
        raise AssertionError(
            f"state() cannot be written to a file: {error}; values must be plain JSON, and arrays "
            "must be of numbers or booleans"
        ) from error


def _normal(surrogate: Surrogate, U: Array) -> NormalPosterior:
    posterior = surrogate.predict(U)
    require(
        isinstance(posterior, NormalPosterior),
        "only some posteriors are of the class NormalPosterior; return the same class everywhere",
    )
    return cast(NormalPosterior, posterior)


def _truth(U: Array) -> Array:
    """Two responses, shape `n x 2`: a hill, and a slope."""
    return np.stack([hill(U), 2.0 + U @ np.array([1.0, -0.5, 0.2])], axis=1)


def _experiments(count: int) -> tuple[Array, Array]:
    rng = np.random.default_rng(4)
    X = rng.random((count, 3))
    return X, _truth(X) + NOISE_SD * rng.standard_normal((count, 2))


def _elsewhere(count: int) -> Array:
    return np.random.default_rng(6).random((count, 3))


def _require_sound(posterior: Posterior, when: str) -> None:
    require(
        np.isfinite(posterior.mean).all()
        and np.isfinite(posterior.sd).all()
        and (posterior.sd > 0).all(),
        f"{when} a mean or sd is not finite, or an sd is not positive; avoid divisions by a "
        "standard deviation of zero, and add the noise to the sd",
    )
