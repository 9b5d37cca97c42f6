"""Checks of analyses, and their bench: frames of a known sample."""

import numpy as np
from attrs import frozen
from numpy.typing import NDArray

from flowrig.errors import PluginError
from flowrig.interfaces.analysis import Analysis, Looked, require_sound
from flowrig.plugins.offers import AnalysisOffer
from flowrig.testing.conformance.checks import Level, earns, require

__all__ = ["AnalysisBench", "AnalysisConformance"]

Array = NDArray[np.float64]

PIXELS, FRAMES = 400, 20
AXIS_NM = np.linspace(200.0, 1000.0, PIXELS)
DARK_COUNTS = 1300.0
"""Counts without light."""
NOISE_COUNTS = 5.0


@frozen(eq=False)
class _Sample:
    """Frames of a sample that absorbs in the ultraviolet and emits at 450 nm, with references."""

    frames: Array
    dark: Array
    light: Array


def _sample(seed: int, height_counts: float = 4000.0) -> _Sample:
    rng = np.random.default_rng(seed)
    lamp = 6000.0 * np.exp(-(((AXIS_NM - 500.0) / 400.0) ** 2))
    passed = lamp * 10.0 ** -(0.6 * np.exp(-(((AXIS_NM - 300.0) / 40.0) ** 2)))
    emitted = height_counts * np.exp(-(((AXIS_NM - 450.0) / 35.0) ** 2))
    noise = NOISE_COUNTS * rng.standard_normal((FRAMES, PIXELS))
    dark = np.full(PIXELS, DARK_COUNTS)
    return _Sample(DARK_COUNTS + passed + emitted + noise, dark, dark + lamp)


class AnalysisBench:
    """A bench for an analysis.

    Args:
        analysis: the class.
        settings: an instance of its settings class.
        offer: the offer of its plugin.
    """

    def __init__(self, analysis: type[Analysis], settings: object, offer: AnalysisOffer) -> None:
        self._class = analysis
        self._settings = settings
        self.offer = offer

    def fresh(self) -> Analysis:
        """A new analysis."""
        return self._class(self._settings)  # type: ignore[call-arg]

    def reduced(self, sample: _Sample, analysis: Analysis | None = None) -> Looked:
        """What an analysis, by default a new one, makes of a sample."""
        one = self.fresh() if analysis is None else analysis
        copies = sample.frames.copy(), AXIS_NM.copy(), sample.dark.copy(), sample.light.copy()
        return one.reduce(*copies)


class AnalysisConformance:
    """The conformance suite of analyses; a test class adds the fixture `bench`."""

    @earns(Level.BRONZE)
    def test_the_spectrum_is_sound(self, bench: AnalysisBench) -> None:
        """reduce() returns a Looked with a rising axis and one value for each place on it."""
        try:
            require_sound(bench.reduced(_sample(1)))
        except PluginError as error:
            raise AssertionError(
                f"reduce() gives nothing to read features from: {error}; return "
                "Looked(axis, values) with two float64 arrays of one length"
            ) from error

    @earns(Level.BRONZE)
    def test_its_numbers_are_those_of_the_offer(self, bench: AnalysisBench) -> None:
        """The quantities of a Looked are those that the offer names, each a number or nan."""
        found = bench.reduced(_sample(1)).quantities
        require(
            set(found) == set(bench.offer.quantities),
            f"reduce() gives the quantities {sorted(found)}, and the offer names "
            f"{sorted(bench.offer.quantities)}; profiles can use those of the offer only",
        )
        require(
            all(isinstance(value, float) for value in found.values()),
            f"the quantities are {dict(found)}; convert each to float, nan where it has no value",
        )

    @earns(Level.BRONZE)
    def test_frames_are_unchanged(self, bench: AnalysisBench) -> None:
        """reduce() does not change the arrays that it receives."""
        sample, axis = _sample(1), AXIS_NM.copy()
        kept = sample.frames.copy(), axis.copy(), sample.dark.copy(), sample.light.copy()
        bench.fresh().reduce(sample.frames, axis, sample.dark, sample.light)
        now = sample.frames, axis, sample.dark, sample.light
        require(
            all(np.array_equal(a, b) for a, b in zip(kept, now, strict=True)),
            "reduce() changes its arguments, which other channels see too; work on copies",
        )

    @earns(Level.SILVER)
    def test_missing_references_are_no_error(self, bench: AnalysisBench) -> None:
        """Without a dark, or a light that the offer does not need, reduce() gives a spectrum."""
        sample = _sample(1)
        light = sample.light if bench.offer.needs_light else None
        try:
            require_sound(bench.fresh().reduce(sample.frames, AXIS_NM, None, light))
        except Exception as error:
            raise AssertionError(
                f"without a dark{'' if light is not None else ' and a light'} reduce() fails: "
                f"{error!r}; take None as zeros, or say needs_light=True in the offer"
            ) from error

    @earns(Level.GOLD)
    def test_the_same_frames_give_the_same(self, bench: AnalysisBench) -> None:
        """Frames that are evaluated again give the same, whatever was evaluated in between."""
        analysis = bench.fresh()
        first = bench.reduced(_sample(1), analysis)
        bench.reduced(_sample(2, height_counts=100.0), analysis)
        again = bench.reduced(_sample(1), analysis)
        same = np.array_equal(first.values, again.values, equal_nan=True)
        same = same and np.array_equal(
            list(first.quantities.values()), list(again.quantities.values()), equal_nan=True
        )
        require(
            same,
            "the same frames give another result the second time; keep nothing from one sample to "
            "the next, so that a run can be evaluated again",
        )

    @earns(Level.GOLD)
    def test_darkness_is_no_error(self, bench: AnalysisBench) -> None:
        """One frame without any light gives numbers or nan, and no error."""
        dark = np.full(PIXELS, DARK_COUNTS)
        try:
            require_sound(bench.fresh().reduce(dark[None, :], AXIS_NM, dark, dark))
        except Exception as error:
            raise AssertionError(
                f"a frame without light is an error: {error!r}; return nan where there is no value"
            ) from error
