"""The repeatability of a rig: how it reaches surrogates, and how they use it."""

from collections.abc import Sequence

import numpy as np
import pytest
from attrs import evolve
from learning_bench import PLQY, load_published

from flowrig.campaign.optimizer.host import new_optimizer
from flowrig.errors import InputError
from flowrig.interfaces import Posterior, Surrogate, SurrogateSettings
from flowrig.learning.mean_of import MeanOf
from flowrig.learning.mean_of_settings import MeanOfSettings
from flowrig.learning.transfer import TransferSurrogate
from flowrig.plugins.registry import Plugins
from flowrig.profile import Profile, load_profile
from flowrig.testing.conformance.learning import PlainGaussianProcess
from flowrig_bayes.bayes import BayesianOptimizer
from flowrig_bayes.settings import BayesSettings
from flowrig_gp.settings import GaussianProcessSettings
from flowrig_gp.surrogate import GaussianProcess

RIG_RSD = (0.031, 0.042)


class Listener(PlainGaussianProcess):
    """Keeps the repeatability that it gets."""

    heard: Sequence[Sequence[float]] = ()

    def _do_fit(self, X: np.ndarray, Y: np.ndarray) -> None:
        Listener.heard = (*Listener.heard, self.rsd.tolist())
        super()._do_fit(X, Y)


@pytest.fixture(autouse=True)
def _silence() -> None:
    Listener.heard = ()


@pytest.fixture(scope="module")
def profile() -> Profile:
    """The reference rig."""
    return load_profile("cs3cu2i5-heatup-chem3", Plugins.discover())


def rising(noise: float, count: int = 60) -> tuple[np.ndarray, np.ndarray]:
    """Conditions and a response from 2 to 102 whose measurements scatter by a share of it."""
    rng = np.random.default_rng(1)
    X = rng.random((count, 2))
    exact = 2.0 + 100.0 * np.square(X[:, :1])
    return X, exact * (1.0 + noise * rng.standard_normal(exact.shape))


def learnt(X: np.ndarray, Y: np.ndarray, rsd: Sequence[float], transform: str) -> GaussianProcess:
    surrogate = GaussianProcess(GaussianProcessSettings(transform=transform))
    surrogate.fit(X, Y, rsd)
    return surrogate


def test_a_surrogate_is_reported_of_every_response() -> None:
    """An unknown repeatability is nan; a surrogate that ignores it fits as before."""
    X, Y = rising(0.05)
    surrogate = Listener()
    surrogate.fit(X, np.hstack([Y, Y, Y]), [0.05, np.nan])
    surrogate.fit(X, Y)

    assert np.array_equal(Listener.heard[0], [0.05, np.nan, np.nan], equal_nan=True)
    assert np.isnan(Listener.heard[1]).all()


@pytest.mark.parametrize("rsd", [(0.0,), (-0.1,), (np.inf,), (0.1, 0.1), [[0.1]]])
def test_what_cannot_be_is_refused(rsd: Sequence[float]) -> None:
    """No scatter at all, and more numbers than responses, are errors."""
    X, Y = rising(0.05)
    with pytest.raises(InputError, match="relative standard deviations"):
        PlainGaussianProcess().fit(X, Y, rsd)


@pytest.mark.parametrize("transform", ["identity", "sqrt", "log"])
def test_noise_grows_with_the_response(transform: str) -> None:
    """On every scale a measurement scatters by the given repeatability, small or large."""
    X, Y = rising(0.08)
    surrogate = learnt(X, Y, [0.08], transform)
    low, high = np.array([[0.3, 0.5]]), np.array([[0.95, 0.5]])
    for there, most in ((low, 0.2), (high, 0.13)):
        posterior = surrogate.predict(there)
        assert 0.05 < float(posterior.sd[0, 0] / posterior.mean[0, 0]) < most


def test_measurements_overrule_what_is_reported() -> None:
    """Told three times too little or too much, the scatter is learnt nearer to what it is."""
    X, Y = rising(0.09, 120)
    there = np.array([[0.9, 0.5]])
    for rsd in (0.03, 0.27):
        posterior = learnt(X, Y, [rsd], "log").predict(there)
        assert 0.06 < float(posterior.sd[0, 0] / posterior.mean[0, 0]) < 0.14


def test_with_few_experiments_the_given_repeatability_decides() -> None:
    """With eight experiments, which fit any noise, the noise follows the given repeatability."""
    X, Y = rising(0.05, 8)
    wide, narrow = (learnt(X, Y, [rsd], "log").describe()["noise_sd"][0] for rsd in (0.3, 0.02))

    assert wide > 3.0 * narrow


def test_published_repeatability_helps() -> None:
    """Unseen measurements of PL area are more probable when the rig's repeatability is given."""
    density = []
    for rsd in ((), RIG_RSD):
        total = 0.0
        for chemistry in ("chem1", "chem3"):
            data = load_published(chemistry)
            for fold in range(5):
                out = np.arange(60) % 5 == fold
                surrogate = GaussianProcess(GaussianProcessSettings())
                surrogate.fit(data.X[~out], data.Y[~out], rsd)
                posterior = surrogate.predict(data.X[out])
                off = (data.Y[out] - posterior.mean) / posterior.sd
                total -= float((0.5 * off**2 + np.log(posterior.sd))[:, 1].sum())
        density.append(total)

    assert density[1] > density[0]


def test_a_saved_model_keeps_the_repeatability() -> None:
    """A model that is read back predicts the same noise."""
    X, Y = rising(0.05, 20)
    surrogate = learnt(X, np.hstack([Y, Y]), [0.05], "sqrt")
    again = GaussianProcess(GaussianProcessSettings(transform="sqrt"))
    again.restore(surrogate.state())

    assert np.array_equal(again.predict(X).sd, surrogate.predict(X).sd)


def test_the_profile_tells_the_optimizer(profile: Profile) -> None:
    """The reference rig's published repeatability reaches the surrogates of its campaign."""
    assert profile.campaign is not None
    stage = profile.campaign.stages[1]
    problem = new_optimizer(profile, stage, 1, PlainGaussianProcess).problem

    assert problem.rsd == pytest.approx(RIG_RSD)
    assert np.isnan(profile.analysis.rsd(["fwhm_nm"])).all()


def test_bayes_tells_what_it_models(profile: Profile) -> None:
    """The repeatability of the responses is given, that of the objective beside them is not."""
    assert profile.campaign is not None
    given = new_optimizer(profile, profile.campaign.stages[1], 1, PlainGaussianProcess).problem
    optimizer = BayesianOptimizer(
        evolve(given, new_surrogate=Listener), BayesSettings(acquisition="ei")
    )
    data = load_published("chem3")
    names = (*given.space.names, *PLQY.responses)
    rows = np.hstack([given.space.from_unit(data.X), data.Y])
    optimizer.ingest([dict(zip(names, map(float, row), strict=True)) for row in rows])
    optimizer.suggest()

    assert np.allclose(Listener.heard[0], [*RIG_RSD, np.nan], equal_nan=True)


def test_a_combined_surrogate_passes_the_repeatability_to_its_parts() -> None:
    """A mean of models does so, and so does a model that starts from earlier experiments."""
    X, Y = rising(0.05, 12)
    mixed = MeanOf(MeanOfSettings())
    mixed._parts, mixed._names = [Listener(), Listener()], ["one", "other"]
    mixed.fit(X, Y, [0.05])
    earlier = Listener()
    earlier.fit(X, Y)
    TransferSurrogate(Listener, [earlier]).fit(X, Y, [0.05])

    assert [0.05] == Listener.heard[0] == Listener.heard[1] == Listener.heard[3]


class Deaf(Surrogate):
    """A third party's surrogate that knows nothing of noise."""

    def _do_fit(self, X: np.ndarray, Y: np.ndarray) -> None:
        self._plain = PlainGaussianProcess()
        self._plain.fit(X, Y)

    def _do_predict(self, X: np.ndarray) -> Posterior:
        return self._plain.predict(X)


def test_a_surrogate_can_ignore_the_repeatability() -> None:
    """Two methods are enough for a surrogate that gets a repeatability."""
    X, Y = rising(0.05, 12)
    surrogate = Deaf(SurrogateSettings())
    surrogate.fit(X, Y, [0.05])

    assert surrogate.predict(X).mean.shape == (12, 1)
