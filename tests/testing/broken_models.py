"""Optimizers and surrogates that are wrong in one way each."""

from contextlib import nullcontext

import numpy as np

from flowrig.interfaces import NormalPosterior, Posterior, SurrogateSettings, SurrogateState
from flowrig.testing import (
    OptimizerBench,
    OptimizerConformance,
    PlainGaussianProcess,
    SurrogateBench,
    SurrogateConformance,
)
from flowrig.testing.templates.flowrig_template.optimizer import TemplateOptimizer
from flowrig.testing.templates.flowrig_template.optimizer_settings import (
    TemplateOptimizerSettings,
)


class IgnoresConstraints(TemplateOptimizer):
    def _do_suggest(self, num_points):
        space = self.problem.space
        rng = np.random.default_rng(1)
        return space.rows(space.from_unit(rng.random((num_points, len(space.names)))))


class SuggestsOne(TemplateOptimizer):
    def _do_suggest(self, num_points):
        return super()._do_suggest(1)


class NeedsResults(TemplateOptimizer):
    def _do_suggest(self, num_points):
        assert self._best[1] is not None
        return super()._do_suggest(num_points)


class ChangesTheResults(TemplateOptimizer):
    def _do_ingest(self, results):
        super()._do_ingest(results)
        results.sort(key=lambda row: row["yield"])
        results.pop()


class DrawsFromTheProcess(TemplateOptimizer):
    def _draw(self, rng, draw):
        return super()._draw(np.random.default_rng(np.random.randint(2**31)), draw)  # noqa: NPY002


class CountsItsCalls(TemplateOptimizer):
    calls = 0

    def _do_suggest(self, num_points):
        self._results += 1
        return super()._do_suggest(num_points)


class TakesFailuresAsZero(TemplateOptimizer):
    def _value(self, row):
        value = super()._value(row)
        return value if np.isfinite(value) else 0.0


class TakesInfinityAsBest(TemplateOptimizer):
    def _value(self, row):
        value = super()._value(row)
        return 1e300 if np.isposinf(value) else value


class RepeatsABatch(TemplateOptimizer):
    def _do_suggest(self, num_points):
        return super()._do_suggest(1) * num_points


class DividesBySpread(TemplateOptimizer):
    def _do_ingest(self, results):
        super()._do_ingest(results)
        self._spread = np.std([self._value(row) for row in results])

    def _draw(self, rng, draw):
        return super()._draw(rng, draw) + 0.0 / float(self._spread)


class Minimizes(TemplateOptimizer):
    def _value(self, row):
        return -super()._value(row)


class Changed(Posterior):
    """A posterior with one thing changed."""

    def __init__(self, posterior, mean=None, sd=None, sample=None):
        self._posterior = posterior
        self._mean = mean
        self._sd = sd
        self._sample = sample

    @property
    def mean(self):
        return self._posterior.mean if self._mean is None else self._mean

    @property
    def sd(self):
        return self._posterior.sd if self._sd is None else self._sd

    def sample(self, count, rng):
        if self._sample is None:
            return self._posterior.sample(count, rng)
        return self._sample(count, rng)


class FlattensItsMean(PlainGaussianProcess):
    def _do_predict(self, X):
        posterior = super()._do_predict(X)
        return Changed(posterior, mean=posterior.mean.ravel())


class CentersItsArguments(PlainGaussianProcess):
    def _do_fit(self, X, Y):
        Y -= Y.mean(axis=0)
        super()._do_fit(X, Y)


class RemembersOldFits(PlainGaussianProcess):
    _old = None

    def _do_fit(self, X, Y):
        if self._old is not None:
            X, Y = np.vstack([self._old[0], X]), np.vstack([self._old[1], Y])
        self._old = X, Y
        super()._do_fit(X, Y)


class DescribesArrays(PlainGaussianProcess):
    def describe(self):
        return {"length_scales": np.ones(3)}


class FitsAtRandom(PlainGaussianProcess):
    def _do_fit(self, X, Y):
        super()._do_fit(X, Y + 1e-3 * np.random.standard_normal(Y.shape))  # noqa: NPY002


class ScattersTooFar(PlainGaussianProcess):
    def _do_predict(self, X):
        posterior = super()._do_predict(X)

        def sample(count, rng):
            return posterior.mean + 3.0 * posterior.sd * rng.standard_normal((count, 1, 1))

        return Changed(posterior, sample=sample)


class DrawsNoise(PlainGaussianProcess):
    def _do_predict(self, X):
        posterior = super()._do_predict(X)

        def sample(count, rng):
            rng = np.random.default_rng(int(1e6 * X.sum()))
            return posterior.mean + posterior.sd * rng.standard_normal((count, *posterior.sd.shape))

        return Changed(posterior, sample=sample)


class ScalesByTheBatch(PlainGaussianProcess):
    def _do_predict(self, X):
        posterior = super()._do_predict(X)
        return Changed(posterior, mean=posterior.mean + 0.1 * np.ptp(X))


class _Flat(NormalPosterior):
    def __init__(self, posterior, conditions):
        self._posterior = posterior
        self._conditions = conditions

    mean = property(lambda self: self._posterior.mean)
    sd = property(lambda self: self._posterior.sd)
    latent_mean = mean
    latent_sd = sd

    def sample(self, count, rng):
        return self._posterior.sample(count, rng)

    def latent_gradients(self):
        nowhere = np.zeros((*self.mean.shape, self._conditions))
        return nowhere, nowhere

    def natural(self, latent):
        return latent

    def natural_slope(self, latent):
        return np.ones_like(latent)


class HasZeroGradients(PlainGaussianProcess):
    def _do_predict(self, X):
        return _Flat(super()._do_predict(X), X.shape[1])


class DividesByZero(PlainGaussianProcess):
    def _do_fit(self, X, Y):
        with np.errstate(invalid="ignore", divide="ignore"):
            super()._do_fit(X, Y / Y.std(axis=0))


class LearnsNothing(PlainGaussianProcess):
    def _do_predict(self, X):
        posterior = super()._do_predict(X)
        return Changed(posterior, mean=np.broadcast_to(self._center, posterior.mean.shape))


class IsTooCertain(PlainGaussianProcess):
    def _do_predict(self, X):
        posterior = super()._do_predict(X)
        return Changed(posterior, sd=0.05 * posterior.sd)


class IsEquallyUncertain(PlainGaussianProcess):
    def _do_predict(self, X):
        posterior = super()._do_predict(X)
        return Changed(posterior, sd=np.full_like(posterior.sd, 0.1))


class ForgetsItsCenter(PlainGaussianProcess):
    _KEPT = ("_X", "_scale", "_inverse", "_weights")

    def _do_state(self):
        return SurrogateState({}, {name: getattr(self, name) for name in self._KEPT})

    def _do_restore(self, state):
        self._center = np.zeros(2)
        for name in self._KEPT:
            setattr(self, name, state.arrays[name])


class KeepsObjects(PlainGaussianProcess):
    def _do_state(self):
        return SurrogateState({"settings": self.settings}, {})


def optimizer(cls):
    bench = OptimizerBench(cls, TemplateOptimizerSettings())
    return OptimizerConformance, lambda: nullcontext(bench), cls.__name__


def surrogate(cls):
    bench = SurrogateBench(cls, SurrogateSettings())
    return SurrogateConformance, lambda: nullcontext(bench), cls.__name__


BROKEN = [
    ("test_suggestions_keep_to_the_space", *optimizer(IgnoresConstraints)),
    ("test_it_suggests_the_number_requested", *optimizer(SuggestsOne)),
    ("test_without_results_it_suggests_or_raises", *optimizer(NeedsResults)),
    ("test_inputs_are_unchanged", *optimizer(ChangesTheResults)),
    ("test_the_same_seed_suggests_the_same", *optimizer(DrawsFromTheProcess)),
    ("test_it_is_rebuilt_from_its_results", *optimizer(CountsItsCalls)),
    ("test_failed_experiments_are_left_out", *optimizer(TakesFailuresAsZero)),
    ("test_failed_experiments_are_left_out", *optimizer(TakesInfinityAsBest)),
    ("test_points_of_a_batch_differ", *optimizer(RepeatsABatch)),
    ("test_choices_and_curved_limits_are_kept", *optimizer(IgnoresConstraints)),
    ("test_degenerate_results_are_handled", *optimizer(DividesBySpread)),
    ("test_it_is_no_worse_than_random_search", *optimizer(Minimizes)),
    ("test_shapes_are_correct", *surrogate(FlattensItsMean)),
    ("test_inputs_are_unchanged", *surrogate(CentersItsArguments)),
    ("test_a_new_fit_forgets_the_old_one", *surrogate(RemembersOldFits)),
    ("test_the_description_is_plain_json", *surrogate(DescribesArrays)),
    ("test_the_same_seed_is_the_same_model", *surrogate(FitsAtRandom)),
    ("test_samples_agree_with_mean_and_sd", *surrogate(ScattersTooFar)),
    ("test_samples_are_smooth", *surrogate(DrawsNoise)),
    ("test_predictions_are_independent", *surrogate(ScalesByTheBatch)),
    ("test_gradients_are_derivatives", *surrogate(HasZeroGradients)),
    ("test_degenerate_data_are_handled", *surrogate(DividesByZero)),
    ("test_a_saved_model_predicts_the_same", *surrogate(ForgetsItsCenter)),
    ("test_a_saved_model_predicts_the_same", *surrogate(KeepsObjects)),
    ("test_it_learns", *surrogate(LearnsNothing)),
    ("test_its_uncertainty_is_calibrated", *surrogate(IsTooCertain)),
    ("test_its_uncertainty_grows_far_from_data", *surrogate(IsEquallyUncertain)),
]
"""A check, its suite, a bench on which it must fail, and what is broken there."""
