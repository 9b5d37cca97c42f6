"""A Gaussian process for one response in natural units."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig_gp.evidence import Hyperparameters, most_probable
from flowrig_gp.process import Process
from flowrig_gp.scales import SCALES, Scale
from flowrig_gp.settings import GaussianProcessSettings

__all__ = ["ResponseModel"]

Array = NDArray[np.float64]


@frozen(eq=False)
class ResponseModel:
    """A fitted Gaussian process on the standardized, rescaled values of one response.

    Attributes:
        scale: the scale on which the response is modelled.
        center: mean of the measurements on that scale.
        spread: their standard deviation on that scale.
        rsd: relative standard deviation of repeated measurements that was told, a fraction; nan if
            none was.
        process: the process of the standardized values.
        evidence: logarithm of the probability density of the measurements in natural units, with
            the priors on the hyperparameters.
    """

    scale: Scale
    center: float
    spread: float
    rsd: float
    process: Process
    evidence: float

    @classmethod
    def fit(
        cls,
        X: Array,
        y: Array,
        scale: Scale,
        settings: GaussianProcessSettings,
        *,
        rsd: float,
        seed: int,
    ) -> "ResponseModel":
        """Fit by maximum evidence with priors on the hyperparameters.

        Args:
            X: conditions in the unit cube, shape `n x d`.
            y: measurements of one response, shape `n`.
            scale: the scale to model it on.
            settings: how to search.
            rsd: relative standard deviation of repeated measurements, a fraction, or nan.
            seed: of the random starting points.
        """
        values = scale.forward(y)
        center, spread = float(values.mean()), float(values.std())
        if spread <= 1e-12 * max(abs(center), 1e-300):
            spread = 1.0
        z, smoothness = (values - center) / spread, settings.smoothness
        stated = _stated_variance(scale, values, spread, rsd)
        found, evidence = most_probable(
            X,
            z,
            stated,
            smoothness,
            starts=settings.restarts + 1,
            steps=settings.iterations,
            seed=seed,
        )
        process = Process.conditioned(X, z, stated, found, smoothness)
        natural = evidence - len(y) * float(np.log(spread)) + scale.log_slope(y)
        return cls(scale, center, spread, rsd, process, natural)

    @property
    def length_scales(self) -> Array:
        """How far one must go along each condition for the response to change, shape `d`."""
        return self.process.hyperparameters.length_scales

    @property
    def widening(self) -> float:
        """Factor of the standard deviation of a new measurement, for noise from few data.

        `sqrt(1 + p / n)` for `p` fitted numbers, as a fit's error on what it has learnt from falls
        short of that on what comes (Akaike's final prediction error, 1970). 1 where the noise was
        told.
        """
        if not np.isnan(self.rsd):
            return 1.0
        fitted = len(self.length_scales) + 2
        return float(np.sqrt(1.0 + fitted / len(self.process.alpha)))

    def noise_sd(self, latent: Array) -> Array:
        """Standard deviation of a repeated measurement where the noise-free response is `latent`,
        both on the model's scale."""
        found = self.process.hyperparameters
        stated = _stated_variance(self.scale, latent, self.spread, self.rsd)
        told = 0.0 if stated is None else found.stated * stated
        return self.spread * np.sqrt(np.full_like(latent, found.noise) + told)

    def left_out(self) -> tuple[Array, Array]:
        """Mean and sd of each measurement in natural units, as the others predict it."""
        mean, sd = self.process.left_out()
        return self.scale.moments(self.center + self.spread * mean, self.spread * sd)

    def state(self) -> dict[str, Any]:
        """What is needed to condition it again, besides `X`, as JSON has it."""
        return {
            "scale": self.scale.name,
            "center": self.center,
            "spread": self.spread,
            "rsd": None if np.isnan(self.rsd) else self.rsd,
            "evidence": self.evidence,
            "signal": self.process.hyperparameters.signal,
            "length_scales": self.length_scales.tolist(),
            "noise": self.process.hyperparameters.noise,
            "stated": self.process.hyperparameters.stated,
        }

    @classmethod
    def restored(
        cls, X: Array, z: Array, state: Mapping[str, Any], smoothness: float
    ) -> "ResponseModel":
        """The model that gave a `state`, of standardized values `z`, shape `n`."""
        hyperparameters = Hyperparameters(
            np.array(state["length_scales"]),
            *(float(state[name]) for name in ("signal", "noise", "stated")),
        )
        scale = SCALES[state["scale"]]()
        center, spread, evidence = (float(state[n]) for n in ("center", "spread", "evidence"))
        rsd = np.nan if state["rsd"] is None else float(state["rsd"])
        stated = _stated_variance(scale, center + spread * z, spread, rsd)
        process = Process.conditioned(X, z, stated, hyperparameters, smoothness)
        return cls(scale, center, spread, rsd, process, evidence)


def _stated_variance(scale: Scale, values: Array, spread: float, rsd: float) -> Array | None:
    """Variance of repeated measurements by what is said of them, in squared `spread`s.

    Args:
        scale: the model's.
        values: responses on it, shape `n`.
        spread: standard deviation of the measurements on it.
        rsd: relative standard deviation of repeated measurements, a fraction, or nan.

    Returns:
        shape `n`; None where nothing is said.
    """
    return None if np.isnan(rsd) else np.square(rsd * scale.relative(values) / spread)
