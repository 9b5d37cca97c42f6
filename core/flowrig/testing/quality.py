"""Checks of quality checks, and their bench: samples of a rig that is sound, and a strange one."""

import math
from collections.abc import Callable
from typing import Any

import attrs
import numpy as np

from flowrig.errors import PluginError
from flowrig.interfaces.quality import (
    CheckedSample,
    CheckedSpectrum,
    Doubt,
    QualityCheck,
    require_doubts,
)
from flowrig.testing.conformance.checks import Level, earns, require

__all__ = ["QualityBench", "QualityConformance"]

SAMPLES = 30
AXIS_NM = np.linspace(300.0, 800.0, 251)
PERIOD_S = 300.0
"""Time [s] from one sample to the next."""


class QualityBench:
    """A quality check's class and settings, and samples for it.

    Args:
        check: the class.
        settings: an instance of its settings class.
    """

    def __init__(self, check: Callable[[Any], QualityCheck], settings: Any) -> None:
        self._check = check
        self.settings = settings

    def fresh(self) -> QualityCheck:
        """A new check."""
        return self._check(self.settings)

    def samples(self, count: int = SAMPLES, seed: int = 1) -> list[CheckedSample]:
        """Samples of a healthy run: two bands in changing shares, noise, a condition that returns.

        Args:
            count: how many.
            seed: of conditions and noise.
        """
        rng = np.random.default_rng(seed)
        found = list[CheckedSample]()
        for number in range(1, count + 1):
            share = 0.5 if number % 3 == 0 else float(rng.random())
            size = (1.0 + share) * (1.0 + 0.03 * float(rng.standard_normal()))
            values = size * (_band(450.0) * (1.0 - share) + _band(550.0) * share)
            values = values + 0.005 * rng.standard_normal(len(AXIS_NM))
            found.append(
                CheckedSample(
                    number=number,
                    conditions={"share": share},
                    features={"pla": 100.0 * size, "peak_nm": 450.0 + 100.0 * share},
                    spectra={"photoluminescence": _fixed(values)},
                    measured_s=number * PERIOD_S,
                )
            )
        return found

    def judged(self, samples: list[CheckedSample], check: QualityCheck | None = None) -> list[Any]:
        """What a check, by default a new one, says of each sample, with those before it.

        Raises:
            AssertionError: a run could not keep what it says.
        """
        check, found = check or self.fresh(), []
        for place, one in enumerate(samples):
            found.append(_doubts(check, one, samples[:place]))
        return found


def _band(centre_nm: float) -> Any:
    return np.exp(-(((AXIS_NM - centre_nm) / 30.0) ** 2))


def _fixed(values: Any) -> CheckedSpectrum:
    values.flags.writeable = False
    axis = AXIS_NM.view()
    axis.flags.writeable = False
    return CheckedSpectrum(axis, values)


class QualityConformance:
    """The conformance suite of quality checks; a test class adds the fixture `bench`."""

    @earns(Level.BRONZE)
    def test_it_says_what_a_run_can_keep(self, bench: QualityBench) -> None:
        """Of every sample of a run it returns a sequence of Doubt."""
        bench.judged(bench.samples())

    @earns(Level.BRONZE)
    def test_the_first_sample_is_no_error(self, bench: QualityBench) -> None:
        """With nothing to compare with, it returns no doubt."""
        found = _doubts(bench.fresh(), bench.samples(1)[0], [])
        require(
            not found,
            "it doubts the first sample of a run, which nothing can be compared with; return [] "
            "while too few samples are known",
        )

    @earns(Level.SILVER)
    def test_it_keeps_no_state(self, bench: QualityBench) -> None:
        """The same samples give the same doubts, whatever was asked before."""
        samples, used = bench.samples(), bench.fresh()
        bench.judged(bench.samples(seed=2), used)
        require(
            repr(bench.judged(samples, used)) == repr(bench.judged(samples)),
            "a used check doubts something else than a new one; derive it from the arguments of "
            "doubts() alone",
        )

    @earns(Level.SILVER)
    def test_missing_values_are_no_error(self, bench: QualityBench) -> None:
        """Samples without spectra, or with features that have no value, are judged all the same."""
        samples = bench.samples()
        nothing = dict.fromkeys(samples[0].features, math.nan)
        for gone in (
            [attrs.evolve(one, spectra={}) for one in samples],
            [attrs.evolve(one, features=nothing) for one in samples],
        ):
            for some in (gone, [*samples[:20], *gone[20:]], [*gone[:20], *samples[20:]]):
                bench.judged(some)
        bench.judged([attrs.evolve(one, quality="bad") for one in samples])

    @earns(Level.GOLD)
    def test_it_trusts_a_healthy_run(self, bench: QualityBench) -> None:
        """Of five healthy runs it doubts at most one sample in twenty."""
        runs = [bench.judged(bench.samples(seed=seed)) for seed in range(1, 6)]
        doubted = sum(bool(found) for run in runs for found in run)
        require(
            doubted <= len(runs) * SAMPLES // 20,
            f"it doubts {doubted} of {len(runs) * SAMPLES} healthy samples; a person who reads "
            "false alarms reads no other: ask for more samples, or for a stricter test",
        )

    @earns(Level.GOLD)
    def test_it_names_a_reason(self, bench: QualityBench) -> None:
        """It doubts a sample that is strange in every way, or a run that drifts, and says why."""
        samples = bench.samples()
        strange = np.where(np.abs(AXIS_NM - 700.0) < 20.0, 5.0, 0.0) + 0.001 * AXIS_NM
        last = attrs.evolve(
            samples[-1],
            features=dict.fromkeys(samples[-1].features, 1000000.0),
            spectra={"photoluminescence": _fixed(strange)},
        )
        found = list(_doubts(bench.fresh(), last, samples[:-1]))
        for found_later in bench.judged([_drifted(one) for one in samples]):
            found += found_later
        require(
            bool(found) and all(one.test for one in found),
            "it doubts neither a spectrum with a band that no other has, nor features a thousand "
            "times too large, nor a drift of 2 % from sample to sample, or names no test; say "
            "Doubt(text=…, test=…)",
        )


def _drifted(one: CheckedSample) -> CheckedSample:
    """A sample of a run whose features fade by 2 % from one to the next."""
    left = 0.98**one.number
    return attrs.evolve(one, features={n: left * value for n, value in one.features.items()})


def _doubts(check: QualityCheck, sample: CheckedSample, earlier: Any) -> tuple[Doubt, ...]:
    try:
        return require_doubts(check.doubts(sample, tuple(earlier)))
    except PluginError as error:
        raise AssertionError(f"doubts() with {len(earlier)} earlier samples: {error}") from error
    except Exception as error:
        raise AssertionError(
            f"doubts() with {len(earlier)} earlier samples raised {error!r}; return [] where there "
            "is too little to judge"
        ) from error
