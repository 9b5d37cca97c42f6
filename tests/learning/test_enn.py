"""What is special about the ensemble of networks."""

import numpy as np
import pytest
import torch  # noqa: TID251 - the insides of the ensemble are tensors
from learning_bench import smooth_response

from flowrig.interfaces import NormalPosterior
from flowrig_enn.calibration import Calibration, Unseen
from flowrig_enn.descent import Adam
from flowrig_enn.evidence import Evidence, Hyperparameters, Priors
from flowrig_enn.hidden import HiddenLayers
from flowrig_enn.members import Members
from flowrig_enn.networks import CASCADE_LAYERS, CASCADE_NODES, CascadeNetworks
from flowrig_enn.settings import Architecture, EnsembleSettings
from flowrig_enn.surrogate import EnsembleOfNetworks

NOISE_SD = 0.1


def noisy(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Experiments in three conditions, of which the last does not matter, with noise."""
    rng = np.random.default_rng(seed)
    X = rng.random((count, 3))
    slope = X[:, :1] + smooth_response(X[:, :2])[:, None]
    return X, 5.0 + slope + NOISE_SD * rng.standard_normal((count, 1))


SETS = 4


@pytest.fixture(scope="module")
def each() -> list[EnsembleOfNetworks]:
    """Ensembles that have learnt from 40 noisy experiments, each from others."""
    ensembles = [EnsembleOfNetworks(EnsembleSettings(transform="identity")) for _ in range(SETS)]
    for seed, ensemble in enumerate(ensembles):
        ensemble.fit(*noisy(40, seed))
    return ensembles


@pytest.fixture
def fitted(each: list[EnsembleOfNetworks]) -> EnsembleOfNetworks:
    """One of them."""
    return each[2]


def test_noise_is_learnt(each: list[EnsembleOfNetworks]) -> None:
    """The noise that the models tell is that of the measurements, within a factor of two."""
    noise_sd = np.median([ensemble.describe()["noise_sd"] for ensemble in each])

    assert 0.5 * NOISE_SD < noise_sd < 2.0 * NOISE_SD


def test_relevance_is_learnt(fitted: EnsembleOfNetworks) -> None:
    """A condition that does not matter has the least relevance."""
    (relevance,) = fitted.describe()["relevance"]

    assert int(np.argmin(relevance)) == 2


def test_spread_is_right_on_new_experiments(each: list[EnsembleOfNetworks]) -> None:
    """About two thirds of new measurements lie within one sd, and nearly all within 1.96."""
    X, Y = noisy(400, seed=9)
    posteriors = [ensemble.predict(X) for ensemble in each]
    off = np.abs([(Y - posterior.mean) / posterior.sd for posterior in posteriors])

    assert 0.55 < (off < 1.0).mean() < 0.82
    assert (off < 1.96).mean() > 0.84


def test_unseen_errors_are_those_of_new_experiments(each: list[EnsembleOfNetworks]) -> None:
    """What it would expect of experiments, had it not seen them, errs as on new experiments."""
    there, truth = noisy(400, seed=9)
    new = np.mean([np.square(truth - ensemble.predict(there).mean) for ensemble in each])
    unseen = [ensemble.unseen() for ensemble in each]
    measured = [noisy(40, seed)[1] for seed in range(SETS)]
    error = np.square([Y - mean for Y, (mean, _) in zip(measured, unseen, strict=True)])
    sd = np.array([sd for _, sd in unseen])

    assert 0.5 * new < error.mean() < 2.5 * new
    assert 0.5 < (error / np.square(sd)).mean() < 2.0


def test_gradients_are_those_of_the_posterior(fitted: EnsembleOfNetworks) -> None:
    """Central differences of the latent mean and standard deviation agree with the gradients."""
    X = np.random.default_rng(2).random((6, 3))
    posterior = fitted.predict(X)
    assert isinstance(posterior, NormalPosterior)
    gradients = posterior.latent_gradients()
    step = 0.01
    for j in range(3):
        ahead, behind = (fitted.predict(X + s * np.eye(3)[j]) for s in (step, -step))
        assert isinstance(ahead, NormalPosterior)
        assert isinstance(behind, NormalPosterior)
        pairs = (
            (ahead.latent_mean, behind.latent_mean),
            (ahead.latent_sd, behind.latent_sd),
        )
        for (after, before), gradient in zip(pairs, gradients, strict=True):
            size = np.abs(gradient).max()
            assert np.allclose((after - before) / (2 * step), gradient[:, :, j], atol=0.02 * size)


def test_latent_values_lead_to_the_mean() -> None:
    """On the square-root scale too, `natural` of the latent distribution has the posterior mean."""
    X, Y = noisy(30)
    ensemble = EnsembleOfNetworks(EnsembleSettings(members=2, width=64))
    ensemble.fit(X, Y)
    posterior = ensemble.predict(X[:5])
    assert isinstance(posterior, NormalPosterior)
    normal = np.random.default_rng(0).standard_normal((20_000, 1, 1))
    values = posterior.natural(posterior.latent_mean + posterior.latent_sd * normal)
    h = 1e-4 * posterior.latent_mean
    slope = (
        posterior.natural(posterior.latent_mean + h) - posterior.natural(posterior.latent_mean - h)
    ) / (2 * h)

    assert np.allclose(values.mean(axis=0), posterior.mean, rtol=0.01)
    assert np.allclose(slope, posterior.natural_slope(posterior.latent_mean))


def test_evidence_climbs_along_its_gradient() -> None:
    """Differences of the evidence agree with the gradient that the search follows."""
    generator = torch.Generator().manual_seed(0)
    hidden = HiddenLayers.random(3, 4, 32, generator, "cpu")
    X = torch.rand(15, 4, generator=generator, dtype=torch.float64) - 0.5
    evidence = Evidence(X, X.sum(dim=1), hidden)
    logs = Priors(4).start
    _, gradient = evidence(logs)
    h = 1e-4
    rises = [(evidence(logs + h * e)[0] - evidence(logs - h * e)[0]) / (2 * h) for e in np.eye(6)]

    assert np.allclose(gradient, rises, rtol=1e-5, atol=1e-5)


def test_wide_layers_have_a_smooth_covariance() -> None:
    """Hidden units of enough members correlate as the Matérn covariance of smoothness 5/2."""
    generator = torch.Generator().manual_seed(0)
    hidden = HiddenLayers.random(50, 3, 256, generator, "cpu")
    steps = torch.linspace(0.0, 3.0, 13, dtype=torch.float64)
    units = hidden(steps[:, None] * torch.tensor([[0.6, 0.0, 0.8]], dtype=torch.float64))
    covariance = torch.bmm(units, units.mT).mean(dim=0)[0]
    root = np.sqrt(5.0) * steps.numpy()

    assert np.allclose(covariance, (1.0 + root + root**2 / 3.0) * np.exp(-root), atol=0.01)


def test_left_out_is_what_the_others_foretell() -> None:
    """The prediction of an unseen experiment is that of a member fitted without it."""
    generator = torch.Generator().manual_seed(0)
    hidden = HiddenLayers.random(2, 3, 64, generator, "cpu")
    X = torch.rand(12, 3, generator=generator, dtype=torch.float64) - 0.5
    z = X.square().sum(dim=1)
    found = Hyperparameters(np.full(3, 2.0), 1.0, 0.01)
    mean, variance = Members.conditioned(X, z, hidden, found).left_out()
    others = Members.conditioned(X[1:], z[1:], hidden, found).at(X[:1])

    assert mean[0] == pytest.approx(others.mean[0], abs=0.01)
    assert variance[0] == pytest.approx(others.variance[0] + found.noise, rel=0.02)


def test_it_is_sure_where_it_measured() -> None:
    """Without noise the doubt at experiments is less than half of that between them."""
    X = np.random.default_rng(0).random((30, 4))
    ensemble = EnsembleOfNetworks(EnsembleSettings())
    ensemble.fit(X, np.sin(5.0 * X).sum(axis=1, keepdims=True))
    there, elsewhere = (ensemble.predict(points) for points in (X, X[::-1] * 0.5 + X * 0.5))
    assert isinstance(there, NormalPosterior)
    assert isinstance(elsewhere, NormalPosterior)

    assert np.median(there.latent_sd) < 0.5 * np.median(elsewhere.latent_sd)


def test_calibration_finds_factor_and_noise() -> None:
    """Errors that are three times the members' disagreement give that factor."""
    rng = np.random.default_rng(0)
    variance = np.exp(rng.normal(-3.0, 1.5, (1, 2000)))
    count = np.full((1, 2000), 50.0)
    mean = rng.standard_normal((1, 2000))
    sd = np.sqrt(9.0 * variance + 0.04)
    calibration = Calibration.of(
        Unseen(mean, variance, count), mean + sd * rng.standard_normal((1, 2000))
    )

    assert calibration.factor[0] == pytest.approx(3.0, rel=0.15)
    assert calibration.noise_variance[0] == pytest.approx(0.04, rel=0.3)


def test_one_error_does_not_widen_all() -> None:
    """An outlier of 30 standard deviations changes the spread by less than a third."""
    rng = np.random.default_rng(0)
    variance, count = np.full((1, 50), 0.01), np.full((1, 50), 50.0)
    clean = rng.normal(0.0, 0.3, (1, 50))
    spoilt = clean.copy()
    spoilt[0, 0] = 9.0
    unseen = Unseen(np.zeros((1, 50)), variance, count)
    one, two = (
        Calibration.of(unseen, errors).variance_of(unseen)[0, 0] for errors in (clean, spoilt)
    )

    assert np.sqrt(two / one) < 4 / 3


def test_nothing_held_out_still_learns() -> None:
    """Without experiments to check on, the priors of the cascades' calibration decide."""
    ensemble = EnsembleOfNetworks(
        EnsembleSettings(architecture="cascade", held_out=0.0, members=4, steps=40)
    )
    ensemble.fit(*noisy(12))
    learnt = ensemble.describe()

    assert learnt["spread_factor"] == [1.0]
    assert np.isfinite(learnt["noise_sd"]).all()


@pytest.mark.slow
def test_descent_is_adam() -> None:
    """Steps are those of PyTorch's Adam with its cosine schedule."""
    start = torch.linspace(-1.0, 2.0, 7)
    ours, theirs = start.clone().requires_grad_(), start.clone().requires_grad_()
    descent = Adam([ours], [0.1], steps=20)
    reference = torch.optim.Adam([theirs], lr=0.1)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(reference, 20)
    for _ in range(20):
        descent.step(torch.autograd.grad(ours.pow(4).sum(), [ours]))
        reference.zero_grad()
        theirs.pow(4).sum().backward()
        reference.step()
        schedule.step()

    assert torch.allclose(ours, theirs, atol=1e-5)


def test_cascades_have_the_published_sizes() -> None:
    """Each member has 8 to 10 layers of 20 to 40 nodes, not all the same."""
    generator = torch.Generator().manual_seed(0)
    masks = CascadeNetworks.random(20, 5, generator, "cpu").masks[:, :, 0]
    layers, nodes = masks.amax(dim=-1).sum(dim=0), masks.sum(dim=-1).amax(dim=0)

    for sizes, (least, most) in ((layers, CASCADE_LAYERS), (nodes, CASCADE_NODES)):
        assert least <= sizes.min() < sizes.max() <= most


def test_nodes_that_a_cascade_lacks_have_no_say() -> None:
    """Other weights in and out of masked nodes give the same outputs."""
    generator = torch.Generator().manual_seed(0)
    networks = CascadeNetworks.random(3, 2, generator, "cpu")
    x = torch.rand(3, 4, 2, generator=generator)
    before = networks(x)
    lacking = 1.0 - networks.masks
    for layer, mask in enumerate(lacking):
        networks.weights[layer].add_(mask)
        rows = slice(2 + layer * mask.shape[-1], 2 + (layer + 1) * mask.shape[-1])
        for later in networks.weights[layer + 1 :]:
            later[:, rows] += mask.mT

    assert torch.equal(networks(x), before)


def test_cascades_learn() -> None:
    """The published architecture explains most of a smooth response."""
    X, Y = noisy(40)
    ensemble = EnsembleOfNetworks(
        EnsembleSettings(architecture="cascade", members=3, steps=40, transform="identity")
    )
    ensemble.fit(X, Y)
    there, truth = noisy(100, seed=1)
    left = np.square(truth - ensemble.predict(there).mean).mean() / truth.var()

    assert left < 0.3


@pytest.mark.parametrize("architecture", ["wide", "cascade"])
def test_another_default_precision_changes_nothing(architecture: Architecture) -> None:
    """A package that makes double precision the default of PyTorch does not change the model."""
    rng = np.random.default_rng(8)
    X = rng.random((20, 2))
    Y = np.sin(3.0 * X[:, :1])
    said = []
    for dtype in (torch.float32, torch.float64):
        before = torch.get_default_dtype()
        torch.set_default_dtype(dtype)
        try:
            model = EnsembleOfNetworks(
                EnsembleSettings(architecture=architecture, members=4, steps=20), seed=1
            )
            model.fit(X, Y)
            said.append(model.predict(X).mean)
        finally:
            torch.set_default_dtype(before)
    assert np.array_equal(*said)
