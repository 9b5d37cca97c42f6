"""What every surrogate must keep to, whatever it learns from."""

import json
from collections.abc import Callable

import numpy as np
import pytest
from learning_bench import load_published, new_enn, new_gp, smooth_response

from flowrig.errors import InputError, NotReadyError
from flowrig.interfaces import Surrogate

NewSurrogate = Callable[[int], Surrogate]


def fitted(new_surrogate: NewSurrogate, X: np.ndarray, Y: np.ndarray, seed: int = 0) -> Surrogate:
    """A surrogate that has learnt."""
    surrogate = new_surrogate(seed)
    surrogate.fit(X, Y)
    return surrogate


@pytest.fixture
def anywhere() -> np.ndarray:
    """Conditions without measurements."""
    return np.random.default_rng(3).random((40, 5))


def test_same_seed_same_model(new_surrogate: NewSurrogate, anywhere: np.ndarray) -> None:
    """The same seed and data give bit for bit the same predictions and samples."""
    data = load_published("chem3")
    one, two = (fitted(new_surrogate, data.X, data.Y, 5).predict(anywhere) for _ in range(2))

    assert np.array_equal(one.mean, two.mean)
    assert np.array_equal(one.sd, two.sd)
    assert np.array_equal(
        one.sample(8, np.random.default_rng(0)), two.sample(8, np.random.default_rng(0))
    )


def test_ensembles_differ_by_seed(anywhere: np.ndarray) -> None:
    """Another seed trains other networks."""
    data = load_published("chem3")
    one, two = (fitted(new_enn, data.X, data.Y, seed).predict(anywhere) for seed in (0, 1))

    assert not np.array_equal(one.mean, two.mean)
    assert np.corrcoef(one.mean[:, 1], two.mean[:, 1])[0, 1] > 0.98


def test_fitting_leaves_the_process_as_it_was(new_surrogate: NewSurrogate) -> None:
    """Neither PyTorch's global random state nor its number of threads change."""
    import torch  # noqa: TID251 - this is about torch

    threads, state = torch.get_num_threads(), torch.get_rng_state()
    data = load_published("chem1")
    fitted(new_surrogate, data.X[:20], data.Y[:20]).predict(data.X)

    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), state)


def test_uncertainty_grows_away_from_data(new_surrogate: NewSurrogate) -> None:
    """In a corner far from all experiments the standard deviation is larger than among them."""
    X = 0.35 * np.random.default_rng(0).random((30, 3))
    Y = 5.0 * smooth_response(X)[:, None] + 1.0
    surrogate = fitted(new_surrogate, X, Y)

    near, far = surrogate.predict(X).sd, surrogate.predict(np.ones((1, 3))).sd

    assert far[0, 0] > 3.0 * np.median(near)


def test_samples_agree_with_moments(new_surrogate: NewSurrogate, anywhere: np.ndarray) -> None:
    """Samples have the posterior mean; they scatter no more than a noisy measurement would."""
    data = load_published("chem3")
    posterior = fitted(new_surrogate, data.X, data.Y).predict(anywhere)
    samples = posterior.sample(4000, np.random.default_rng(0))
    scatter = samples.std(axis=0)

    assert samples.shape == (4000, 40, 2)
    assert np.allclose(samples.mean(axis=0), posterior.mean, atol=0.1 * posterior.sd.max(axis=0))
    assert (scatter < 1.1 * posterior.sd).all()
    assert (scatter > 0).all()


def test_samples_are_smooth(new_surrogate: NewSurrogate, anywhere: np.ndarray) -> None:
    """With the same random numbers a small step in the conditions is a small step in a sample."""
    data = load_published("chem3")
    surrogate = fitted(new_surrogate, data.X, data.Y)
    here, there = (
        surrogate.predict(points).sample(64, np.random.default_rng(0))
        for points in (anywhere, anywhere + 1e-4)
    )

    assert (np.abs(here - there) < 0.02 * data.Y.std(axis=0)).all()


def test_order_of_asking_does_not_matter(new_surrogate: NewSurrogate, anywhere: np.ndarray) -> None:
    """A condition's prediction does not depend on what else is asked."""
    data = load_published("chem1")
    surrogate = fitted(new_surrogate, data.X, data.Y)
    together, alone = surrogate.predict(anywhere), surrogate.predict(anywhere[7:8])

    assert np.allclose(together.mean[7], alone.mean[0], rtol=1e-4)
    assert np.allclose(together.sd[7], alone.sd[0], rtol=1e-3)


@pytest.mark.parametrize(
    ("X", "Y"),
    [
        pytest.param(np.full((6, 2), 0.5), np.full((6, 1), 3.0), id="all the same"),
        pytest.param(np.zeros((5, 2)), np.zeros((5, 1)), id="all zero"),
        pytest.param(
            np.repeat(np.eye(2), 4, axis=0), np.arange(8.0)[:, None], id="repeats that disagree"
        ),
        pytest.param(np.eye(2), np.array([[1.0], [2.0]]), id="two experiments"),
        pytest.param(np.eye(4), -np.arange(4.0)[:, None], id="negative responses"),
        pytest.param(np.eye(4), 1e9 + np.arange(4.0)[:, None], id="large offset"),
    ],
)
def test_poor_data_survive(new_surrogate: NewSurrogate, X: np.ndarray, Y: np.ndarray) -> None:
    """Repeats, constants and very few experiments give finite predictions near the data."""
    posterior = fitted(new_surrogate, X, Y).predict(np.vstack([X, X + 0.3]))

    assert np.isfinite(posterior.mean).all()
    assert np.isfinite(posterior.sd).all()
    assert (posterior.sd > 0).all()
    slack = 3.0 * np.ptp(Y) + 3.0
    assert (posterior.mean > Y.min() - slack).all()
    assert (posterior.mean < Y.max() + slack).all()


def test_description_is_plain(new_surrogate: NewSurrogate) -> None:
    """What was learnt can go to the journal as JSON; before fitting there is nothing."""
    surrogate = new_surrogate(0)
    before = json.loads(json.dumps(surrogate.describe()))
    surrogate.fit(np.eye(3), np.arange(6.0).reshape(3, 2))
    after = json.loads(json.dumps(surrogate.describe()))

    assert not any(before.values())
    assert len(after["noise_sd"]) == 2


def test_prediction_needs_a_fit(new_surrogate: NewSurrogate) -> None:
    """A surrogate that has learnt nothing says so."""
    with pytest.raises(NotReadyError, match="fit"):
        new_surrogate(0).predict(np.eye(2))


def test_unknown_device() -> None:
    """A device that PyTorch cannot use is reported at once."""
    from flowrig_enn.settings import EnsembleSettings
    from flowrig_enn.surrogate import EnsembleOfNetworks

    with pytest.raises(InputError, match="abacus"):
        EnsembleOfNetworks(EnsembleSettings(device="abacus"))


def test_evidence_finds_the_scale() -> None:
    """Only the square of a smooth function is modelled by its square root."""
    X = np.random.default_rng(2).random((40, 2))
    root = 3.0 * np.sin(4.0 * X[:, 0]) + 5.0 + X[:, 1]
    noise = 0.2 * np.random.default_rng(3).standard_normal(40)
    Y = np.stack([np.square(root + noise), root + noise - 8.0], axis=1)

    assert fitted(new_gp, X, Y).describe()["transform"] == ["sqrt", "identity"]
