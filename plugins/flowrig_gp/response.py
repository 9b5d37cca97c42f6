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
        process: the process of the standardized values.
        evidence: logarithm of the probability density of the measurements in natural units, with
            the priors on the hyperparameters.
    """

    scale: Scale
    center: float
    spread: float
    process: Process
    evidence: float

    @classmethod
    def fit(
        cls, X: Array, y: Array, scale: Scale, settings: GaussianProcessSettings, seed: int
    ) -> "ResponseModel":
        """Fit by maximum evidence with priors on the hyperparameters.

        Args:
            X: conditions in the unit cube, shape `n x d`.
            y: measurements of one response, shape `n`.
            scale: the scale to model it on.
            settings: how to search.
            seed: of the random starting points.
        """
        values = scale.forward(y)
        center, spread = float(values.mean()), float(values.std())
        if spread <= 1e-12 * max(abs(center), 1e-300):
            spread = 1.0
        z, smoothness = (values - center) / spread, settings.smoothness
        found, evidence = most_probable(
            X, z, smoothness, starts=settings.restarts + 1, steps=settings.iterations, seed=seed
        )
        process = Process.conditioned(X, z, found, smoothness)
        natural = evidence - len(y) * float(np.log(spread)) + scale.log_slope(y)
        return cls(scale, center, spread, process, natural)

    @property
    def length_scales(self) -> Array:
        """How far one must go along each condition for the response to change, shape `d`."""
        return self.process.hyperparameters.length_scales

    @property
    def widening(self) -> float:
        """Factor of the standard deviation of a new measurement, for hyperparameters from few data.

        `sqrt(1 + p / n)` for `p` fitted numbers, as a fit's error on what it has learnt from falls
        short of that on what comes (Akaike's final prediction error, 1970).
        """
        fitted = len(self.length_scales) + 2
        return float(np.sqrt(1.0 + fitted / len(self.process.alpha)))

    @property
    def noise_sd(self) -> float:
        """Standard deviation of a repeated measurement, on the model's scale."""
        return self.spread * float(np.sqrt(self.process.hyperparameters.noise))

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
            "evidence": self.evidence,
            "signal": self.process.hyperparameters.signal,
            "length_scales": self.length_scales.tolist(),
            "noise": self.process.hyperparameters.noise,
        }

    @classmethod
    def restored(
        cls, X: Array, z: Array, state: Mapping[str, Any], smoothness: float
    ) -> "ResponseModel":
        """The model that gave a `state`, of standardized values `z`, shape `n`."""
        hyperparameters = Hyperparameters(
            np.array(state["length_scales"]), float(state["signal"]), float(state["noise"])
        )
        process = Process.conditioned(X, z, hyperparameters, smoothness)
        center, spread, evidence = (float(state[n]) for n in ("center", "spread", "evidence"))
        return cls(SCALES[state["scale"]](), center, spread, process, evidence)
