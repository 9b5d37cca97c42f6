"""The mean of surrogates."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from learning_bench import smooth_response

from flowrig.errors import InputError
from flowrig.interfaces import NormalPosterior, Posterior, Surrogate, SurrogateSettings
from flowrig.learning.mean_of import MeanOf
from flowrig.learning.mean_of_settings import MeanOfSettings
from flowrig.learning.mixture import Mixture
from flowrig.learning.stacking import Stacking
from flowrig.plugins.registry import Plugins
from flowrig.profile import ProfileError, SurrogateChoice, load_profile

PLUGINS = Plugins.discover()


class FixedPosterior(Posterior):
    """Fixed means and standard deviations; half of the variance is noise."""

    def __init__(self, mean: np.ndarray, sd: np.ndarray) -> None:
        self._mean, self._sd = mean, sd

    mean = property(lambda self: self._mean)
    sd = property(lambda self: self._sd)

    def sample(self, count: int, rng: np.random.Generator) -> np.ndarray:
        spread = self._sd / np.sqrt(2.0)
        return self._mean + spread * rng.standard_normal((count, *self._mean.shape))


def choice(name: str, **settings: object) -> SurrogateChoice:
    """A surrogate with settings."""
    offer = PLUGINS.offer("surrogate", name)
    return SurrogateChoice(offer, offer.settings(**settings))


def experiments(count: int = 30) -> tuple[np.ndarray, np.ndarray]:
    """A hill and a slope in two conditions, with a little noise."""
    rng = np.random.default_rng(0)
    X = rng.random((count, 2))
    Y = np.stack([1.0 + smooth_response(X), X[:, 0] - X[:, 1]], axis=1)
    return X, Y + 0.02 * rng.standard_normal(Y.shape)


@pytest.fixture(scope="module")
def fitted() -> MeanOf:
    """A Gaussian process and a small ensemble, fitted."""
    made = MeanOf(MeanOfSettings(of=(choice("gp"), choice("enn", members=2, width=64))), seed=1)
    made.fit(*experiments())
    return made


def test_it_lies_between_its_parts(fitted: MeanOf) -> None:
    """The mean is nowhere above or below what all parts expect."""
    X = np.random.default_rng(1).random((50, 2))
    parts = np.stack([part.predict(X).mean for part in fitted._parts])
    mean = fitted.predict(X).mean

    assert (mean >= parts.min(axis=0) - 1e-9).all()
    assert (mean <= parts.max(axis=0) + 1e-9).all()


def test_contradiction_is_doubt() -> None:
    """Where parts contradict each other, the sd is that of the mixture: larger than any part's."""
    parts = [FixedPosterior(np.array([[mean]]), np.array([[1.0]])) for mean in (-2.0, 2.0)]
    mixture = Mixture(parts, Stacking.equal(2, 1))

    assert mixture.mean[0, 0] == pytest.approx(0.0)
    assert mixture.sd[0, 0] == pytest.approx(np.sqrt(5.0))


def test_samples_come_from_the_parts_by_their_share() -> None:
    """A quarter of the samples lie near the part that has a quarter of the weight."""
    parts = [FixedPosterior(np.array([[mean]]), np.array([[0.1]])) for mean in (-2.0, 2.0)]
    mixture = Mixture(parts, Stacking(np.array([[0.25], [0.75]]), np.ones(1)))
    samples = mixture.sample(400, np.random.default_rng(0))

    assert (samples < 0).mean() == pytest.approx(0.25)


def test_gradients_are_those_of_the_moments(fitted: MeanOf) -> None:
    """Central differences of the latent mean and sd agree with the gradients."""
    X = np.random.default_rng(2).random((5, 2))
    step = 1e-3

    def posterior_at(points: np.ndarray) -> NormalPosterior:
        posterior = fitted.predict(points)
        assert isinstance(posterior, NormalPosterior)
        return posterior

    mean_slope, sd_slope = posterior_at(X).latent_gradients()
    for j in range(2):
        ahead = posterior_at(X + step * np.eye(2)[j])
        behind = posterior_at(X - step * np.eye(2)[j])
        means = (ahead.latent_mean - behind.latent_mean) / (2 * step)
        sds = (ahead.latent_sd - behind.latent_sd) / (2 * step)
        assert np.allclose(means, mean_slope[:, :, j], atol=0.01 * np.abs(mean_slope).max())
        assert np.allclose(sds, sd_slope[:, :, j], atol=0.02 * np.abs(sd_slope).max())


def test_latent_moments_are_those_of_samples(fitted: MeanOf) -> None:
    """Samples have the mean and standard deviation that the normal posterior tells."""
    X = np.random.default_rng(3).random((8, 2))
    posterior = fitted.predict(X)
    assert isinstance(posterior, NormalPosterior)
    samples = posterior.sample(8000, np.random.default_rng(0))

    assert np.allclose(samples.mean(0), posterior.latent_mean, atol=0.1 * posterior.sd.max())
    assert np.allclose(samples.std(0), posterior.latent_sd, rtol=0.1)


def test_a_part_that_predicts_badly_has_little_weight() -> None:
    """Of a good and a useless prediction, the good one gets nearly all weight."""
    Y = np.random.default_rng(0).standard_normal((60, 1))
    mean = np.stack([Y + 0.1, np.zeros_like(Y)])
    sd = np.stack([np.full_like(Y, 0.1), np.ones_like(Y)])

    assert Stacking.of(Y, mean, sd).weights[0, 0] > 0.9


@given(
    st.integers(2, 4),
    st.integers(2, 30),
    st.integers(1, 3),
    st.integers(0, 2**31),
    st.floats(-6, 6),
)
def test_weights_are_shares(
    predictions: int, count: int, responses: int, seed: int, log_size: float
) -> None:
    """Whatever was predicted, weights sum to one, and the factor is positive and finite."""
    rng = np.random.default_rng(seed)
    Y = np.exp(log_size) * rng.standard_normal((count, responses))
    mean = rng.standard_normal((predictions, count, responses))
    sd = rng.uniform(0.01, 2.0, (predictions, count, responses))
    stacking = Stacking.of(Y, mean, sd)

    assert np.allclose(stacking.weights.sum(axis=0), 1.0)
    assert (stacking.weights > 0).all()
    assert np.isfinite(stacking.factor).all()
    assert (stacking.factor > 0).all()


@given(st.floats(0.4, 2.0))
def test_spread_is_set_right(times: float) -> None:
    """Errors that are `times` the sd of 500 predictions change it by that factor."""
    Y = times * np.random.default_rng(0).standard_normal((500, 1))
    stacking = Stacking.of(Y, np.zeros((2, 500, 1)), np.ones((2, 500, 1)))

    assert stacking.factor[0] == pytest.approx(times, rel=0.12)


def test_parts_that_cannot_tell_count_alike() -> None:
    """A part that does not know what it would have expected unseen leaves all weights equal."""

    class Mute(Surrogate):
        def _do_fit(self, X: np.ndarray, Y: np.ndarray) -> None:
            self._mean = Y.mean(axis=0)

        def _do_predict(self, X: np.ndarray) -> Posterior:
            mean = np.tile(self._mean, (len(X), 1))
            return FixedPosterior(mean, np.ones_like(mean))

    made = MeanOf(MeanOfSettings(of=(choice("gp"), choice("gp"))))
    made._parts[1] = Mute(SurrogateSettings())
    made.fit(*experiments())

    assert made.unseen() is None
    assert made.describe()["weights"] == {"gp": [0.5, 0.5], "gp 2": [0.5, 0.5]}


def campaign(folder: Path, surrogate: str) -> Path:
    """A profile with that surrogate."""
    file = folder / "rig.toml"
    file.write_text(
        f'extends = "cs3cu2i5-heatup-chem3"\n[campaign]\nsurrogate = {surrogate}\n',
        encoding="utf-8",
    )
    return file


def test_a_profile_names_the_parts(tmp_path: Path) -> None:
    """A part is a name or a table with settings, and what it needs is known beforehand."""
    text = '{ name = "mean-of", of = ["gp", { name = "enn", members = 4 }] }'
    profile = load_profile(campaign(tmp_path, text), PLUGINS)
    assert profile.campaign is not None
    assert profile.campaign.surrogate is not None
    made = profile.campaign.surrogate.build(0)

    assert isinstance(made, MeanOf)
    assert {"mean-of", "gp", "enn"} <= {offer.name for offer in profile.offers}
    assert [one.settings for one in made.settings.of] == [
        choice("gp").settings,
        choice("enn", members=4).settings,
    ]


@pytest.mark.parametrize(
    ("of", "message"),
    [
        ('["gp", "en"]', "no plugin offers the surrogate 'en'"),
        ('["gp", { name = "enn", member = 4 }]', "unknown key 'member'"),
        ('["gp"]', "a mean needs two surrogates"),
    ],
)
def test_what_is_wrong_with_a_part_is_reported(tmp_path: Path, of: str, message: str) -> None:
    """A part that does not exist, wrong settings of it, and a mean of one are reported."""
    with pytest.raises(ProfileError, match=message) as wrong:
        load_profile(campaign(tmp_path, f'{{ name = "mean-of", of = {of} }}'), PLUGINS)
    assert "rig.toml:3" in str(wrong.value)


def test_without_names_it_is_the_two_that_come_with_flowrig() -> None:
    """Left to itself it combines the Gaussian process and the ensemble."""
    made = MeanOf(MeanOfSettings())

    assert [type(part).__name__ for part in made._parts] == [
        "GaussianProcess",
        "EnsembleOfNetworks",
    ]


def test_a_part_that_is_not_installed() -> None:
    """A name without an offer is an error of the input."""
    with pytest.raises(InputError, match="gpp"):
        PLUGINS.offer("surrogate", "gpp")
