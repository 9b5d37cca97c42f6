"""Fitted surrogates in files."""

import json
from pathlib import Path

import numpy as np
import pytest

from flowrig.errors import InputError, NotReadyError, UnsupportedError
from flowrig.learning.model_file import load_model, save_model
from flowrig.plugins.registry import Plugins
from flowrig.profile import SurrogateChoice
from flowrig.testing import PlainGaussianProcess

PLUGINS = Plugins.discover()


def choice(name: str, **settings: object) -> SurrogateChoice:
    """A surrogate with settings."""
    offer = PLUGINS.offer("surrogate", name)
    return SurrogateChoice(offer, offer.settings(**settings))


SMALL_ENSEMBLE = choice("enn", members=2, width=32)
CHOICES = {
    "gp": choice("gp", smoothness=1.5),
    "enn": SMALL_ENSEMBLE,
    "cascade": choice("enn", architecture="cascade", members=2, steps=5),
    "mean-of": choice("mean-of", of=(choice("gp"), SMALL_ENSEMBLE)),
}


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A Gaussian process in a file."""
    file = tmp_path / "model.npz"
    save_model(file, CHOICES["gp"], fitted(CHOICES["gp"]))
    return file


def fitted(chosen: SurrogateChoice):
    """It, with what 15 experiments teach."""
    rng = np.random.default_rng(0)
    X = rng.random((15, 3))
    made = chosen.build(7)
    made.fit(X, np.stack([X.sum(axis=1) + 1.0, X[:, 0] - X[:, 1]], axis=1))
    return made


def rewritten(file: Path, **changes: object) -> Path:
    """The file with another header, or other arrays."""
    with np.load(file) as archive:
        arrays = dict(archive)
    header = json.loads(arrays["header"].tobytes())
    arrays |= {name: value for name, value in changes.items() if isinstance(value, np.ndarray)}
    header |= {name: value for name, value in changes.items() if name in header}
    arrays["header"] = np.frombuffer(json.dumps(header).encode(), dtype=np.uint8)
    np.savez(file, **arrays)
    return file


@pytest.mark.parametrize("name", CHOICES)
def test_what_is_read_back_predicts_the_same(tmp_path: Path, name: str) -> None:
    """Means, standard deviations, samples and settings are the same, bit for bit."""
    file = tmp_path / "model.npz"
    made = fitted(CHOICES[name])
    save_model(file, CHOICES[name], made, {"responses": ["a300", "pla"]})
    read = load_model(file, PLUGINS)
    there = np.random.default_rng(1).random((9, 3))
    one, two = made.predict(there), read.surrogate.predict(there)

    assert np.array_equal(one.mean, two.mean)
    assert np.array_equal(one.sd, two.sd)
    assert np.array_equal(
        one.sample(3, np.random.default_rng(0)), two.sample(3, np.random.default_rng(0))
    )
    assert read.choice == CHOICES[name]
    assert read.surrogate.describe() == made.describe()
    assert read.notes == {"responses": ["a300", "pla"]}


def test_a_pickle_is_refused(saved: Path, tmp_path: Path) -> None:
    """An archive with a pickled object is an error of the input; nothing in it is run."""

    class Trap:
        def __reduce__(self):
            return Path.touch, (tmp_path / "sprung",)

    np.savez(saved, header=np.array([Trap()], dtype=object))

    with pytest.raises(InputError, match="not a saved model"):
        load_model(saved, PLUGINS)
    assert not (tmp_path / "sprung").exists()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"schema": "flowrig-model/9"}, "flowrig-model/9"),
        ({"surrogate": {"name": "gpp"}}, "no plugin offers the surrogate 'gpp'"),
        ({"surrogate": {"name": "gp", "smooth": 1}}, "unknown key 'smooth'"),
        ({"surrogate": {"name": "enn"}}, "the state does not fit this model"),
        ({"state": {}}, "the state does not fit this model"),
        ({"seed": "x"}, "not a saved model"),
        ({"state.z": np.zeros((5, 2))}, "the state does not fit this model"),
    ],
)
def test_what_does_not_fit_is_reported(saved: Path, changes: dict, message: str) -> None:
    """Another schema, another surrogate, or an incomplete state, is reported."""
    with pytest.raises(InputError, match=message):
        load_model(rewritten(saved, **changes), PLUGINS)


@pytest.mark.parametrize("content", [b"", b"text", b"PK\x03\x04 cut off"])
def test_other_files_are_reported(tmp_path: Path, content: bytes) -> None:
    """The message about a file that is not an archive has its name."""
    file = tmp_path / "other.npz"
    file.write_bytes(content)

    with pytest.raises(InputError, match=r"other\.npz"):
        load_model(file, PLUGINS)


def test_an_archive_without_header(tmp_path: Path) -> None:
    """A NumPy archive that is not a model is an error of the input."""
    file = tmp_path / "arrays.npz"
    np.savez(file, X=np.eye(2))

    with pytest.raises(InputError, match="not a saved model"):
        load_model(file, PLUGINS)


def test_files_that_are_not_there(tmp_path: Path) -> None:
    """A missing file, and a folder that does not exist, are errors of the input."""
    with pytest.raises(InputError, match="cannot be read"):
        load_model(tmp_path / "none.npz", PLUGINS)
    with pytest.raises(InputError, match="cannot be written"):
        save_model(tmp_path / "none" / "m.npz", CHOICES["gp"], fitted(CHOICES["gp"]))


def test_only_what_was_fitted_can_be_kept(tmp_path: Path) -> None:
    """A surrogate that has learnt nothing, or that has no state to keep, says so."""
    with pytest.raises(NotReadyError, match="fit"):
        save_model(tmp_path / "m.npz", CHOICES["gp"], CHOICES["gp"].build(0))
    plain = PlainGaussianProcess()
    plain.fit(np.eye(2), np.eye(2))
    with pytest.raises(UnsupportedError, match="PlainGaussianProcess"):
        save_model(tmp_path / "m.npz", CHOICES["gp"], plain)
