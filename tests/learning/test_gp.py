"""The Gaussian process: what it takes as most probable, what it predicts, and its gradients."""

from math import inf

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.gaussian_process import GaussianProcessRegressor  # noqa: TID251 - the reference
from sklearn.gaussian_process.kernels import (  # noqa: TID251
    ConstantKernel,
    Matern,
    WhiteKernel,
)
from threadpoolctl import threadpool_info, threadpool_limits

from flowrig.interfaces import NormalPosterior
from flowrig_gp.covariance import COVARIANCES
from flowrig_gp.evidence import Hyperparameters, NegativeLogPosterior, Priors, most_probable
from flowrig_gp.process import Process
from flowrig_gp.scales import Identity, Logarithm, Scale, SquareRoot
from flowrig_gp.settings import GaussianProcessSettings
from flowrig_gp.surrogate import GaussianProcess

SMOOTHNESS = [1.5, 2.5, inf]


def wavy(count: int, dimensions: int = 3, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Conditions and standardized noisy responses."""
    rng = np.random.default_rng(seed)
    X = rng.random((count, dimensions))
    z = np.sin(5.0 * X[:, 0]) + X[:, 1] + 0.1 * rng.standard_normal(count)
    return X, (z - z.mean()) / z.std()


def positive(count: int = 25) -> tuple[np.ndarray, np.ndarray]:
    """Conditions and two positive responses."""
    X, z = wavy(count)
    return X, np.stack([10.0 + z, np.exp(z)], axis=1)


def differences(function, at: np.ndarray, step: float = 1e-5) -> np.ndarray:
    """Central differences of a function of `d` numbers, along a last axis of length `d`."""
    moves = step * np.eye(len(at))
    rises = [np.asarray(function(at + m)) - np.asarray(function(at - m)) for m in moves]
    return np.stack(rises, axis=-1) / (2.0 * step)


@pytest.mark.parametrize("smoothness", SMOOTHNESS)
@given(
    seed=st.integers(0, 1000),
    logs=st.lists(st.floats(-2.0, 2.0), min_size=6, max_size=6),
    repeatability_known=st.booleans(),
)
@settings(deadline=None, max_examples=15)
def test_gradient_of_the_evidence(
    smoothness: float, seed: int, logs: list[float], repeatability_known: bool
) -> None:
    """The evidence rises as its gradient says, for every hyperparameter."""
    X, z = wavy(12, seed=seed)
    repeat_variance = 0.1 * np.square(z) if repeatability_known else None
    evidence = NegativeLogPosterior(
        X, z, repeat_variance, COVARIANCES[smoothness], Priors(3, repeat_variance is not None)
    )
    at = np.array(logs if repeatability_known else logs[:5])

    assert evidence(at)[1] == pytest.approx(
        differences(lambda x: evidence(x)[0], at), rel=1e-4, abs=1e-4
    )


@pytest.mark.parametrize("smoothness", SMOOTHNESS)
def test_covariances_are_those_of_scikit_learn_to_the_last_bit(smoothness: float) -> None:
    """Journals hold decisions that were made with scikit-learn's kernels."""
    rng = np.random.default_rng(5)
    for d in (1, 2, 5, 8):
        scales, signal = np.exp(rng.normal(size=d)), float(np.exp(rng.normal()))
        X, Y = rng.random((30, d)), rng.random((7, d))
        kernel = Hyperparameters(scales, signal, 0.1).kernel(smoothness)
        peer = ConstantKernel(signal) * Matern(scales, nu=smoothness)
        np.testing.assert_array_equal(kernel(X), peer(X))
        np.testing.assert_array_equal(kernel(Y, X), peer(Y, X))


@pytest.mark.parametrize("smoothness", SMOOTHNESS)
def test_evidence_and_predictions_are_those_of_scikit_learn(smoothness: float) -> None:
    """Evidence, mean and standard deviation agree with scikit-learn's at the same numbers."""
    X, z = wavy(20)
    logs = np.log([0.4, 0.8, 2.0, 1.3, 0.02])
    priors = Priors(3)
    process = Process.conditioned(X, z, None, Hyperparameters.from_logs(logs, 3), smoothness)
    kernel = ConstantKernel(1.3) * Matern([0.4, 0.8, 2.0], nu=smoothness) + WhiteKernel(0.02)
    peer = GaussianProcessRegressor(kernel, alpha=0.0, optimizer=None).fit(
        X, z - process.prior_mean
    )
    there = np.random.default_rng(1).random((7, 3))
    mean, sd = peer.predict(there, return_std=True)
    prediction = process.at(there)
    off = (logs - priors.mean) / priors.sd
    value = (
        NegativeLogPosterior(X, z, None, COVARIANCES[smoothness], priors)(logs)[0] - 0.5 * off @ off
    )

    assert -value == pytest.approx(peer.log_marginal_likelihood_value_)
    assert prediction.mean == pytest.approx(process.prior_mean + mean)
    assert np.square(prediction.sd) + 0.02 == pytest.approx(np.square(sd))


@pytest.mark.parametrize("smoothness", SMOOTHNESS)
@pytest.mark.parametrize("transform", ["identity", "sqrt", "log"])
def test_gradients_of_predictions(smoothness: float, transform: str) -> None:
    """Mean and standard deviation change with the conditions as their gradients say."""
    X, Y = positive()
    surrogate = GaussianProcess(
        GaussianProcessSettings(smoothness=smoothness, transform=transform, restarts=0)
    )
    surrogate.fit(X, Y)
    for u in np.random.default_rng(2).random((4, 3)):
        posterior = surrogate.predict(u[None])
        assert isinstance(posterior, NormalPosterior)
        mean, sd = posterior.latent_gradients()
        by_mean = differences(lambda x: surrogate.predict(x[None]).latent_mean[0], u)
        by_sd = differences(lambda x: surrogate.predict(x[None]).latent_sd[0], u)

        assert mean.shape == sd.shape == (1, 2, 3)
        assert mean[0] == pytest.approx(by_mean, rel=1e-3, abs=1e-5)
        assert sd[0] == pytest.approx(by_sd, rel=1e-3, abs=1e-5)


@pytest.mark.parametrize("scale", [Identity(), SquareRoot(), Logarithm()], ids=lambda s: s.name)
@pytest.mark.parametrize(("mean", "sd"), [(2.0, 0.3), (0.5, 0.6), (-1.0, 0.5)])
def test_moments_on_a_scale(scale: Scale, mean: float, sd: float) -> None:
    """Mean and standard deviation of the response are those of many samples of it."""
    z = mean + sd * np.random.default_rng(0).standard_normal(200_000)
    responses = scale.backward(z)
    expected, spread = scale.moments(np.array([mean]), np.array([sd]))

    assert expected[0] == pytest.approx(responses.mean(), rel=0.02, abs=2e-4)
    assert spread[0] == pytest.approx(responses.std(), rel=0.05, abs=2e-3)


@pytest.mark.parametrize("scale", [Identity(), SquareRoot(), Logarithm()], ids=lambda s: s.name)
def test_slope_of_a_scale(scale: Scale) -> None:
    """Slopes are those of the way back, and there and back is no change."""
    y = np.array([0.01, 0.5, 3.0, 70.0])
    z = scale.forward(y)
    rise = (scale.backward(z + 1e-6) - scale.backward(z - 1e-6)) / 2e-6

    assert scale.backward(z) == pytest.approx(y)
    assert scale.slope(z) == pytest.approx(rise, rel=1e-5)


def test_samples_are_joint() -> None:
    """Neighbours far from all experiments are unsure together; distant conditions are not."""
    X = 0.3 * np.random.default_rng(0).random((15, 2))
    surrogate = GaussianProcess(GaussianProcessSettings())
    surrogate.fit(X, np.sin(9.0 * X).sum(axis=1, keepdims=True))
    there = np.array([[0.9, 0.9], [0.91, 0.9], [0.1, 0.95]])
    samples = surrogate.predict(there).sample(3000, np.random.default_rng(1))[..., 0]
    correlation = np.corrcoef(samples.T)

    assert correlation[0, 1] > 0.95
    assert correlation[0, 2] < 0.9
    assert samples.std(axis=0) == pytest.approx(surrogate.predict(there).latent_sd[:, 0], rel=0.05)


def test_repeats_tell_the_noise() -> None:
    """Repeated conditions fix the standard deviation of a measurement."""
    rng = np.random.default_rng(0)
    X = np.repeat(rng.random((8, 2)), 6, axis=0)
    Y = (3.0 * X[:, :1]) + 0.4 * rng.standard_normal((48, 1))
    surrogate = GaussianProcess(GaussianProcessSettings(transform="identity"))
    surrogate.fit(X, Y)

    assert surrogate.describe()["noise_sd"][0] == pytest.approx(0.4, rel=0.25)


def test_many_experiments() -> None:
    """With more experiments than the search looks at first, all still count in the predictions."""
    X, z = wavy(230)
    found, _ = most_probable(X, z, None, 2.5, starts=1, steps=20, seed=0)
    process = Process.conditioned(X, z, None, found, 2.5)
    there, truth = wavy(50, seed=1)

    assert np.abs(process.at(X).mean - z).mean() < 0.15
    assert np.corrcoef(process.at(there).mean, truth)[0, 1] > 0.98


def threads() -> list[int]:
    """How many threads each library of linear algebra takes now."""
    return [one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"]


def test_it_computes_on_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """It learns, predicts and samples on one thread; afterwards all is as before."""
    seen: list[int] = []

    def watched(squared: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        seen.extend(threads())
        return COVARIANCES[2.5](squared)

    X, Y = positive()
    with threadpool_limits(2, user_api="blas"):
        before = threads()
        with monkeypatch.context() as patched:
            patched.setattr("flowrig_gp.evidence.COVARIANCES", {2.5: watched})
            patched.setattr("flowrig_gp.process.COVARIANCES", {2.5: watched})
            surrogate = GaussianProcess(GaussianProcessSettings(transform="log"))
            surrogate.fit(X, Y)
            surrogate.predict(X).sample(2, np.random.default_rng(0))
        after = threads()

    assert set(seen) == {1}
    assert after == before
