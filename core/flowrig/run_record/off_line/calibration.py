"""Calibration of the in-situ proxy of the quantum yield, from the experiments of a run."""

import math
from collections.abc import Collection, Sequence

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.errors import InputError
from flowrig.problem.objective import Objective, OfGoals, PlqyProxy, plqy_proxy
from flowrig.run_record.experiment import Experiment
from flowrig.run_record.off_line.names import named_quantity
from flowrig.run_record.reader import RunRecord

__all__ = ["DyeCalibration", "Mean", "ProxyCalibration", "calibrate_dye", "calibrate_proxy"]

Array = NDArray[np.float64]

LEAST_PAIRS = 3
"""Experiments without which a line has no standard error."""


@frozen(kw_only=True)
class Mean:
    """The mean of repeated measurements.

    Attributes:
        value: the mean.
        sd: standard deviation of one measurement; nan of a single one.
        count: how many.
    """

    value: float
    sd: float
    count: int

    @classmethod
    def of(cls, values: Sequence[float]) -> "Mean":
        """The mean of finite values."""
        array = np.asarray(values, dtype=float)
        sd = float(array.std(ddof=1)) if len(array) > 1 else math.nan
        return cls(value=float(array.mean()), sd=sd, count=len(array))

    @property
    def standard_error(self) -> float:
        """Standard deviation of the mean; nan of a single measurement."""
        return self.sd / math.sqrt(self.count)


@frozen(kw_only=True)
class DyeCalibration:
    """The reference dye of the proxy.

    Attributes:
        plqy: quantum yield of the dye, as a fraction, from elsewhere.
        absorbance: decadic absorbance at the excitation wavelength.
        area: photoluminescence area [counts·nm].
        experiments: numbers of the experiments.
    """

    plqy: float
    absorbance: Mean
    area: Mean
    experiments: tuple[int, ...]

    @property
    def relative_error(self) -> float:
        """Relative standard error of every proxy, from those of absorbance and area.

        The proxy is proportional to `(1 - 10^-A) / area`, whose errors are taken to be independent.
        """
        a = self.absorbance
        slope = math.log(10.0) * 10.0**-a.value / (1.0 - 10.0**-a.value)
        return math.hypot(slope * a.standard_error, self.area.standard_error / self.area.value)


@frozen(kw_only=True, eq=False)
class ProxyCalibration:
    """The proxy against quantum yields that were measured off the line.

    A straight line by least squares, `proxy = intercept + slope · yield`, all of them fractions.
    The intercept is light that is no emission of the sample, such as scattered excitation.

    Attributes:
        experiments: numbers of the experiments.
        quantity: CHANNEL.QUANTITY of the yields.
        proxy: the proxy of each experiment, shape `n`.
        plqy: its quantum yield, shape `n`.
        slope: of the line.
        slope_sd: its standard error.
        intercept: of the line.
        intercept_sd: its standard error.
        residual_sd: standard deviation of the proxy about the line.
        r2: share of the variance of the proxy that the line explains.
    """

    experiments: tuple[int, ...]
    quantity: str
    proxy: Array
    plqy: Array
    slope: float
    slope_sd: float
    intercept: float
    intercept_sd: float
    residual_sd: float
    r2: float

    @property
    def passes_the_origin(self) -> bool:
        """Whether the intercept is within two standard errors of 0."""
        return abs(self.intercept) <= 2.0 * self.intercept_sd

    @property
    def rises(self) -> bool:
        """Whether the slope is above 0 by more than two standard errors."""
        return self.slope > 2.0 * self.slope_sd


def proxy_of(objective: Objective) -> PlqyProxy | None:
    """The proxy in an objective; None if it has none."""
    if isinstance(objective, PlqyProxy):
        return objective
    if isinstance(objective, OfGoals):
        inner = (proxy_of(goal.objective) for goal in objective.goals if goal.objective)
        return next((one for one in inner if one is not None), None)
    return None


def _required_proxy(record: RunRecord) -> PlqyProxy:
    proxy = proxy_of(record.profile.objective)
    if proxy is None:
        raise InputError(
            f"the objective of {record.folder} is {record.profile.objective.name!r}, and no "
            "plqy-proxy; there is nothing to calibrate"
        )
    return proxy


def _chosen(record: RunRecord, only: Collection[int]) -> list[Experiment]:
    """The good experiments of the rig's own liquids, or those of them with the given numbers."""
    if not only:
        good = [one for one in record.experiments() if one.quality == "good"]
        return [one for one in good if not one.decision.is_foreign]
    found = [record.experiment(index) for index in sorted(set(only))]
    for one in found:
        if one.quality != "good":
            raise InputError(f"experiment {one.index} is {one.quality}: {'; '.join(one.flags)}")
    return found


def calibrate_dye(
    record: RunRecord, plqy: float | None = None, only: Collection[int] = ()
) -> DyeCalibration:
    """The three numbers of the reference dye, from experiments in which it flowed.

    Args:
        record: the run.
        plqy: quantum yield of the dye, as a fraction; None for that in the profile of the run.
        only: numbers of the experiments; without any, the good ones of the study `dye`, or all good
            ones where there is none.

    Raises:
        InputError: the run has no proxy, or no such experiment, or the dye absorbs or emits
            nothing.
    """
    proxy = _required_proxy(record)
    of_dye = [one.index for one in record.experiments() if one.decision.is_foreign]
    sound = [index for index in of_dye if record.experiment(index).quality == "good"]
    if of_dye and not (only or sound):
        raise InputError(f"no experiment of {record.folder} in which the dye flowed is good")
    found = _chosen(record, only or sound)
    plqy = proxy.dye_plqy if plqy is None else plqy
    if not found:
        raise InputError(f"{record.folder} has no good experiment")
    if not 0.0 < plqy <= 1.0:
        raise InputError(f"the quantum yield of the dye is {plqy:.4g}; expected 0 % to 100 %")
    absorbance = Mean.of([one.features[proxy.absorbance] for one in found])
    area = Mean.of([one.features[proxy.area] for one in found])
    if not (absorbance.value > 0.0 and area.value > 0.0):
        raise InputError(
            f"{proxy.absorbance} is {absorbance.value:.3g} and {proxy.area} {area.value:.3g} in "
            "the mean; a dye has both above 0. Choose its experiments with --experiment"
        )
    indices = tuple(one.index for one in found)
    return DyeCalibration(plqy=plqy, absorbance=absorbance, area=area, experiments=indices)


def calibrate_proxy(
    record: RunRecord, against: str = "", only: Collection[int] = ()
) -> ProxyCalibration:
    """The proxy of a run against quantum yields that were entered for its experiments.

    Args:
        record: the run.
        against: off-line quantity in %; without it the one that is called plqy.
        only: numbers of the experiments; all good ones without any.

    Raises:
        InputError: the run has no proxy, no such quantity, or too few experiments with both.
    """
    proxy = _required_proxy(record)
    quantity = named_quantity(record.profile, against or "plqy")
    unit = record.profile.analysis.off_line_units[quantity]
    if unit not in ("%", ""):
        raise InputError(f"{quantity} is in {unit}, and a quantum yield is a share")
    scale = 0.01 if unit == "%" else 1.0
    pairs = [
        (one.index, _proxy(proxy, one), scale * one.results[quantity])
        for one in _chosen(record, only)
        if quantity in one.results
    ]
    pairs = [pair for pair in pairs if all(map(math.isfinite, pair))]
    if len(pairs) < LEAST_PAIRS:
        raise InputError(
            f"{len(pairs)} experiments have a proxy and {quantity}; a line needs {LEAST_PAIRS}. "
            f"Enter more with: flowrig result {record.folder} NUMBER {quantity}=VALUE"
        )
    indices, proxies, yields = zip(*pairs, strict=True)
    return _fitted(indices, quantity, np.array(proxies), np.array(yields))


def _proxy(proxy: PlqyProxy, experiment: Experiment) -> float:
    """The proxy of an experiment, without the limit that is for predictions."""
    absorbance, area = (experiment.features[name] for name in proxy.responses)
    return float(
        plqy_proxy(
            absorbance,
            area,
            dye_plqy=proxy.dye_plqy,
            dye_absorbance=proxy.dye_absorbance,
            dye_pl_area=proxy.dye_pl_area,
        )
    )


def _fitted(indices: tuple[int, ...], quantity: str, proxy: Array, plqy: Array) -> ProxyCalibration:
    """Least squares; standard errors as in any textbook (Draper & Smith, 1998, chapter 1)."""
    count = len(proxy)
    x, y = plqy - plqy.mean(), proxy - proxy.mean()
    spread = float(x @ x)
    if not spread > 0.0:
        raise InputError("all quantum yields are the same, and a line needs different ones")
    slope = float(x @ y) / spread
    intercept = float(proxy.mean() - slope * plqy.mean())
    residual = proxy - intercept - slope * plqy
    residual_sd = math.sqrt(float(residual @ residual) / (count - 2))
    total = float(y @ y)
    return ProxyCalibration(
        experiments=indices,
        quantity=quantity,
        proxy=proxy,
        plqy=plqy,
        slope=slope,
        slope_sd=residual_sd / math.sqrt(spread),
        intercept=intercept,
        intercept_sd=residual_sd * math.sqrt(1.0 / count + float(plqy.mean()) ** 2 / spread),
        residual_sd=residual_sd,
        r2=1.0 - float(residual @ residual) / total if total > 0.0 else 0.0,
    )
