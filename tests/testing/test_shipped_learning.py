"""The conformance kit on the optimizers and surrogates that come with flowrig."""

import pytest

from flowrig.interfaces import SurrogateSettings
from flowrig.learning.mean_of import MeanOf
from flowrig.learning.mean_of_settings import MeanOfSettings
from flowrig.plugins.registry import Plugins
from flowrig.profile import SurrogateChoice
from flowrig.testing import (
    OptimizerBench,
    OptimizerConformance,
    PlainGaussianProcess,
    SurrogateBench,
    SurrogateConformance,
)
from flowrig_bayes.bayes import BayesianOptimizer
from flowrig_bayes.settings import BayesSettings, LhsSettings, RandomSettings
from flowrig_bayes.spread import LatinHypercube, UniformRandom
from flowrig_enn.settings import EnsembleSettings
from flowrig_enn.surrogate import EnsembleOfNetworks
from flowrig_gp.settings import GaussianProcessSettings
from flowrig_gp.surrogate import GaussianProcess


class TestBayes(OptimizerConformance):
    """Bayesian optimization, with little search to be quick."""

    @pytest.fixture
    def bench(self) -> OptimizerBench:
        return OptimizerBench(
            BayesianOptimizer, BayesSettings(candidates=150, refinements=3, samples=64)
        )


class TestLatinHypercube(OptimizerConformance):
    """Latin hypercubes."""

    @pytest.fixture
    def bench(self) -> OptimizerBench:
        return OptimizerBench(LatinHypercube, LhsSettings(designs=8))


class TestRandom(OptimizerConformance):
    """Random conditions."""

    @pytest.fixture
    def bench(self) -> OptimizerBench:
        return OptimizerBench(UniformRandom, RandomSettings())


class TestGaussianProcess(SurrogateConformance):
    """Scikit-learn's Gaussian process."""

    @pytest.fixture
    def bench(self) -> SurrogateBench:
        return SurrogateBench(GaussianProcess, GaussianProcessSettings(restarts=0))


class TestEnsemble(SurrogateConformance):
    """The ensemble of networks."""

    @pytest.fixture
    def bench(self) -> SurrogateBench:
        return SurrogateBench(EnsembleOfNetworks, EnsembleSettings())


class TestMeanOf(SurrogateConformance):
    """A mean of a Gaussian process and a small ensemble."""

    @pytest.fixture
    def bench(self) -> SurrogateBench:
        offers = Plugins.discover().offers("surrogate")
        parts = (
            SurrogateChoice(offers["gp"], GaussianProcessSettings(restarts=0)),
            SurrogateChoice(offers["enn"], EnsembleSettings(members=2, width=128)),
        )
        return SurrogateBench(MeanOf, MeanOfSettings(of=parts))


class TestPlainGaussianProcess(SurrogateConformance):
    """The model that optimizers get on a bench."""

    @pytest.fixture
    def bench(self) -> SurrogateBench:
        return SurrogateBench(PlainGaussianProcess, SurrogateSettings())
