"""Gaussian processes of other libraries behind flowrig's surrogate interface, as they set them.

One model a response, and predictive distributions with the noise of a measurement.
"""

import logging
import warnings
from abc import abstractmethod
from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from flowrig.interfaces import Posterior, Surrogate, SurrogateSettings

__all__ = ["PEERS", "AxGaussianProcess", "BaybeGaussianProcess", "BoTorchGaussianProcess"]

Array = NDArray[np.float64]
Told = tuple[Array, Array, Array]
"""Mean, variance of the noise-free response, and variance of a measurement, shape `n` each."""


class _Normal(Posterior):
    """Independent normal distributions."""

    def __init__(self, mean: Array, latent_sd: Array, sd: Array) -> None:
        self._mean, self._latent_sd, self._sd = mean, latent_sd, sd

    @property
    def mean(self) -> Array:
        return self._mean

    @property
    def sd(self) -> Array:
        return self._sd

    def sample(self, count: int, rng: np.random.Generator) -> Array:
        noise = rng.standard_normal((count, *self._mean.shape))
        return np.asarray(self._mean + self._latent_sd * noise)


class _Peer(Surrogate):
    """One model a response."""

    def __init__(self, seed: int) -> None:
        super().__init__(SurrogateSettings(), seed)

    def _do_fit(self, X: Array, Y: Array) -> None:
        import torch  # noqa: PLC0415, TID251 - the peers compute with it

        torch.set_num_threads(1)
        torch.manual_seed(self.seed)
        logging.disable(logging.WARNING)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._asked = [self._learn(X, y) for y in Y.T]

    def _do_predict(self, X: Array) -> Posterior:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            told = [np.stack(ask(X)) for ask in self._asked]
        mean, variance, noisy = np.stack(told, axis=-1)
        return _Normal(mean, np.sqrt(variance), np.sqrt(noisy))

    @abstractmethod
    def _learn(self, X: Array, y: Array) -> Callable[[Array], Told]:
        """Fit a model; returns what predicts."""


class BoTorchGaussianProcess(_Peer):
    """`SingleTaskGP` (Balandat et al., NeurIPS 2020)."""

    def _learn(self, X: Array, y: Array) -> Callable[[Array], Told]:
        import torch  # noqa: PLC0415, TID251
        from botorch.fit import fit_gpytorch_mll  # noqa: PLC0415
        from botorch.models import SingleTaskGP  # noqa: PLC0415
        from gpytorch.mlls import ExactMarginalLogLikelihood  # noqa: PLC0415

        model = SingleTaskGP(torch.tensor(X), torch.tensor(y[:, None]))
        fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
        return lambda asked: _of_botorch(model, asked)


class AxGaussianProcess(_Peer):
    """The model that a `Client` of Ax fits by default, through the adapter that it is behind.

    The adapter is asked because `Client.predict` leaves out the noise of a measurement.
    """

    def _learn(self, X: Array, y: Array) -> Callable[[Array], Told]:
        from ax.adapter.registry import Generators  # noqa: PLC0415
        from ax.api.client import Client  # noqa: PLC0415
        from ax.api.configs import RangeParameterConfig  # noqa: PLC0415
        from ax.core.observation import ObservationFeatures  # noqa: PLC0415

        names = _names(X)
        client = Client(random_seed=self.seed)
        client.configure_experiment(
            [RangeParameterConfig(name=n, bounds=(0.0, 1.0), parameter_type="float") for n in names]
        )
        client.configure_optimization(objective="y")
        for row, value in zip(X.tolist(), y.tolist(), strict=True):
            trial = client.attach_trial(dict(zip(names, row, strict=True)))
            client.complete_trial(trial, raw_data={"y": value})
        experiment = client._experiment
        adapter = Generators.BOTORCH_MODULAR(experiment=experiment, data=experiment.lookup_data())

        def told(asked: Array) -> Told:
            points = [
                ObservationFeatures(parameters=dict(zip(names, row, strict=True)))
                for row in asked.tolist()
            ]
            mean, covariance = adapter.predict(points)
            _, noisy = adapter.predict(points, use_posterior_predictive=True)
            return (
                np.array(mean["y"]),
                np.array(covariance["y"]["y"]),
                np.array(noisy["y"]["y"]),
            )

        return told


class BaybeGaussianProcess(_Peer):
    """`GaussianProcessSurrogate` of BayBE.

    Its interface tells no noise of a measurement; the model behind it does, and is asked.
    """

    def _learn(self, X: Array, y: Array) -> Callable[[Array], Told]:
        import pandas as pd  # noqa: PLC0415
        from baybe.parameters import NumericalContinuousParameter  # noqa: PLC0415
        from baybe.searchspace import SearchSpace  # noqa: PLC0415
        from baybe.surrogates import GaussianProcessSurrogate  # noqa: PLC0415
        from baybe.targets import NumericalTarget  # noqa: PLC0415

        names = _names(X)
        space = SearchSpace.from_product(
            [NumericalContinuousParameter(name=n, bounds=(0.0, 1.0)) for n in names]
        )
        surrogate = GaussianProcessSurrogate()
        table = pd.DataFrame(X, columns=names).assign(y=y)
        surrogate.fit(space, NumericalTarget(name="y").to_objective(), table)
        return lambda asked: _of_botorch(surrogate._model, asked)


def _names(X: Array) -> list[str]:
    return [f"x{j}" for j in range(X.shape[1])]


def _of_botorch(model: object, asked: Array) -> Told:
    import torch  # noqa: PLC0415, TID251

    points = torch.tensor(asked)
    latent = model.posterior(points)  # type: ignore[attr-defined]
    noisy = model.posterior(points, observation_noise=True)  # type: ignore[attr-defined]
    mean, variance, noisy_variance = (
        values.detach().numpy()[:, 0] for values in (latent.mean, latent.variance, noisy.variance)
    )
    return mean, variance, noisy_variance


PEERS: dict[str, Callable[[int], Surrogate]] = {
    name: peer
    for name, package, peer in (
        ("botorch", "botorch", BoTorchGaussianProcess),
        ("ax", "ax", AxGaussianProcess),
        ("baybe", "baybe", BaybeGaussianProcess),
    )
    if find_spec(package) is not None
}
"""Those that are installed, by name."""
