"""How well surrogates predict experiments that they have not seen, beside other libraries'.

Run with `python benchmarks/accuracy.py FILE.csv … --profile PROFILE`, for instance with the tables
in `tests/learning/data` and the profile cs3cu2i5-heatup-chem3; `pip install "flowrig[bench]"` adds
BoTorch. Each file is cross-validated on its own, and the figure of merit's scores are told: R²,
negative log density and continuous ranked probability score in standard deviations of the data,
shares within one and 1.96 standard deviations, and processor time of a fit.
"""

import argparse
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from flowrig.interfaces import Posterior, Surrogate, SurrogateSettings
from flowrig.plugins import Plugins
from flowrig.profile import SurrogateChoice, load_profile
from flowrig.twin import CrossValidation, cross_validate, read_experiments

Array = NDArray[np.float64]

OURS = ("gp", "enn", "mean-of")


class _Normal(Posterior):
    """Independent normal distributions, as BoTorch tells them."""

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


class BoTorchGaussianProcess(Surrogate):
    """`SingleTaskGP` for each response, as the library sets it (Balandat et al., NeurIPS 2020)."""

    def __init__(self, seed: int) -> None:
        super().__init__(SurrogateSettings(), seed)

    def _do_fit(self, X: Array, Y: Array) -> None:
        import torch  # noqa: PLC0415, TID251 - the peer computes with it
        from botorch.fit import fit_gpytorch_mll  # noqa: PLC0415
        from botorch.models import SingleTaskGP  # noqa: PLC0415
        from gpytorch.mlls import ExactMarginalLogLikelihood  # noqa: PLC0415

        torch.set_num_threads(1)
        self._models = []
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for y in Y.T:
                model = SingleTaskGP(torch.tensor(X), torch.tensor(y[:, None]))
                fit_gpytorch_mll(ExactMarginalLogLikelihood(model.likelihood, model))
                self._models.append(model)

    def _do_predict(self, X: Array) -> Posterior:
        import torch  # noqa: PLC0415, TID251 - the peer computes with it

        asked = torch.tensor(X)
        latent = [model.posterior(asked) for model in self._models]
        measured = [model.posterior(asked, observation_noise=True) for model in self._models]
        mean, variance, noisy = (
            np.hstack([values.detach().numpy() for values in column])
            for column in (
                [one.mean for one in latent],
                [one.variance for one in latent],
                [one.variance for one in measured],
            )
        )
        return _Normal(mean, np.sqrt(variance), np.sqrt(noisy))


def _ours(name: str) -> Callable[[int], Surrogate]:
    offer = Plugins.discover().offer("surrogate", name)
    return SurrogateChoice(offer, offer.settings()).build


MODELS: dict[str, Callable[[], Callable[[int], Surrogate]]] = {
    **{name: lambda name=name: _ours(name) for name in OURS},
    "botorch": lambda: BoTorchGaussianProcess,
}


def print_row(file: str, name: str, result: CrossValidation, peer: CrossValidation | None) -> None:
    """One model on one file; its time as a share of BoTorch's, where that ran before."""
    merit = result.objective
    ratio = "" if peer is None else f"{result.fit_seconds / peer.fit_seconds:7.2f}"
    print(
        f"{file:28} {name:8} {merit.r2:6.3f} {merit.nll:+7.3f} {merit.crps:6.3f} "
        f"{merit.coverage68:6.2f} {merit.coverage95:6.2f} {1e3 * result.fit_seconds:7.0f} ms{ratio}"
    )


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path, help="CSV files as `flowrig twin cv` reads")
    parser.add_argument("--profile", required=True, help="rig profile, by name or path")
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(OURS))
    parser.add_argument("--repeats", type=int, default=3, help="each in five folds")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    profile = load_profile(arguments.profile, Plugins.discover())
    print(f"{'':37} {'R²':>6} {'NLL':>7} {'CRPS':>6} {'68 %':>6} {'95 %':>6}     a fit  to BoTorch")
    for file in arguments.files:
        measured = read_experiments(file, profile.space, profile.objective.responses)
        results: dict[str, CrossValidation] = {}
        for name in sorted(arguments.models, key="botorch".__ne__):
            new_surrogate = MODELS[name]()
            new_surrogate(0).fit(measured.X[:4], measured.Y[:4])  # what is imported is imported now
            results[name] = cross_validate(
                measured.X,
                measured.Y,
                profile.objective,
                new_surrogate,
                rsd=profile.rsd,
                repeats=arguments.repeats,
                seed=arguments.seed,
            )
            print_row(file.stem, name, results[name], results.get("botorch"))


if __name__ == "__main__":
    main()
