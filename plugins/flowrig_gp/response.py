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
        rsd: known relative standard deviation of repeated measurements, a fraction; nan if it is
            not known.
        process: the process of the standardized values.
        evidence: log evidence of the measurements in natural units plus the log prior density of
            the hyperparameters.
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
        """Fit at the largest posterior density of the hyperparameters.

        Args:
            X: conditions in the unit cube, shape `n x d`.
            y: measurements of one response, shape `n`.
            scale: the scale to model it on.
            settings: smoothness of the covariance and extent of the search.
            rsd: relative standard deviation of repeated measurements, a fraction, or nan.
            seed: of the random starting points.
        """
        values = scale.forward(y)
        center, spread = float(values.mean()), float(values.std())
        if spread <= 1e-12 * max(abs(center), 1e-300):
            spread = 1.0
        z, smoothness = (values - center) / spread, settings.smoothness
        repeat_variance = _repeat_variance(scale, values, spread, rsd)
        found, evidence = most_probable(
            X,
            z,
            repeat_variance,
            smoothness,
            starts=settings.restarts + 1,
            steps=settings.iterations,
            seed=seed,
        )
        process = Process.conditioned(X, z, repeat_variance, found, smoothness)
        natural = evidence - len(y) * float(np.log(spread)) + scale.log_jacobian(y)
        return cls(scale, center, spread, rsd, process, natural)

    @property
    def length_scales(self) -> Array:
        """Length scales as fractions of the ranges of the conditions, shape `d`."""
        return self.process.hyperparameters.length_scales

    @property
    def noise_factor(self) -> float:
        """Factor on the standard deviation of a new measurement, for noise fitted to few data.

        `sqrt(1 + p / n)` for `p` fitted hyperparameters and `n` experiments, because the error on
        the experiments of a fit is smaller than the error on new ones (Akaike's final prediction
        error, 1970); 1 where the repeatability is known.
        """
        if not np.isnan(self.rsd):
            return 1.0
        fitted = len(self.length_scales) + 2
        return float(np.sqrt(1.0 + fitted / len(self.process.alpha)))

    def noise_sd(self, latent: Array) -> Array:
        """Standard deviation of repeated measurements on the model's scale.

        Args:
            latent: noise-free responses on the model's scale, shape `n`.

        Returns:
            shape `n`.
        """
        found = self.process.hyperparameters
        repeat_variance = _repeat_variance(self.scale, latent, self.spread, self.rsd)
        variance = np.full_like(latent, found.noise_variance)
        if repeat_variance is not None:
            variance += found.repeatability_factor * repeat_variance
        return self.spread * np.sqrt(variance)

    def left_out(self) -> tuple[Array, Array]:
        """Leave-one-out mean and standard deviation of each measurement, in natural units."""
        mean, sd = self.process.left_out()
        return self.scale.moments(self.center + self.spread * mean, self.spread * sd)

    def state(self) -> dict[str, Any]:
        """The values that `restored` needs besides `X` and `z`, as JSON types."""
        return {
            "scale": self.scale.name,
            "center": self.center,
            "spread": self.spread,
            "rsd": None if np.isnan(self.rsd) else self.rsd,
            "evidence": self.evidence,
            "signal": self.process.hyperparameters.signal_variance,
            "length_scales": self.length_scales.tolist(),
            "noise": self.process.hyperparameters.noise_variance,
            "stated": self.process.hyperparameters.repeatability_factor,
        }

    @classmethod
    def restored(
        cls, X: Array, z: Array, state: Mapping[str, Any], smoothness: float
    ) -> "ResponseModel":
        """The model whose `state` this is.

        Args:
            X: conditions in the unit cube, shape `n x d`.
            z: standardized measurements, shape `n`.
            state: from `state`.
            smoothness: `nu` of the Matérn covariance.
        """
        hyperparameters = Hyperparameters(
            np.array(state["length_scales"]),
            *(float(state[name]) for name in ("signal", "noise", "stated")),
        )
        scale = SCALES[state["scale"]]()
        center, spread, evidence = (float(state[n]) for n in ("center", "spread", "evidence"))
        rsd = np.nan if state["rsd"] is None else float(state["rsd"])
        repeat_variance = _repeat_variance(scale, center + spread * z, spread, rsd)
        process = Process.conditioned(X, z, repeat_variance, hyperparameters, smoothness)
        return cls(scale, center, spread, rsd, process, evidence)


def _repeat_variance(scale: Scale, values: Array, spread: float, rsd: float) -> Array | None:
    """Standardized variance of repeated measurements that follows from their repeatability.

    Args:
        scale: the model's scale.
        values: responses on that scale, shape `n`.
        spread: standard deviation of the measurements on that scale.
        rsd: relative standard deviation of repeated measurements, a fraction, or nan.

    Returns:
        shape `n`; None where the repeatability is not known.
    """
    return None if np.isnan(rsd) else np.square(rsd * scale.relative_slope(values) / spread)
