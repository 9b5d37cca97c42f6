"""Settings of the whole suite, and what its folders share: a fresh environment, short campaigns."""

import os

# Small matrices on several workers: more threads than cores are many times slower. It has to be
# said before numpy is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


import gc
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from attrs import frozen
from click.testing import CliRunner, Result
from fresh_environment import ACME, ROOT, Bare, Lab, build_wheels
from hypothesis import settings

from flowrig.claims.claim import FOLDER_VARIABLE
from flowrig.cli import main
from flowrig.journal.journal import canonical_json
from flowrig.run_record.reader import RunRecord

QUICK_EXAMPLES = 25
"""Examples of a property in the quick suite; all of hypothesis's 100 with `-m ""`."""


def pytest_configure(config: pytest.Config) -> None:
    """Choose how many examples a property gets, and whether they are the same in every run.

    The quick suite says whether a change broke something, so it tries the same examples each time;
    `-m ""` looks for new ones.
    """
    quick = config.getoption("markexpr") == "not slow"
    settings.register_profile(
        "flowrig",
        deadline=None,  # no test asserts wall-clock time
        derandomize=quick,
        max_examples=QUICK_EXAMPLES if quick else 100,
    )
    settings.load_profile("flowrig")


def pytest_collection_finish() -> None:
    """Keep what lives as long as the suite out of the garbage collector.

    A collection that examines some 700,000 objects holds every thread for 0.7 s, longer than the
    deadlines of the tests in which no answer comes.
    """
    gc.collect()
    gc.freeze()


def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Do so again after each file, because tests import packages and fill caches."""
    if nextitem is None or nextitem.path != item.path:
        gc.collect()
        gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def claims_apart(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Several suites on one computer, or several workers, use the same made-up addresses."""
    os.environ[FOLDER_VARIABLE] = str(tmp_path_factory.mktemp("claims"))


@pytest.fixture(scope="session")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Bare:
    """Flowrig's wheel alone in a fresh environment."""
    folder = tmp_path_factory.mktemp("stranger")
    wheels = build_wheels([ROOT, ACME], folder / "wheels")
    bare = Bare(Lab(folder), dict(zip(("flowrig", "acme"), wheels, strict=True)))
    bare.lab.create()
    bare.lab.install(bare.wheels["flowrig"])
    bare.said["plugins"] = bare.lab.flowrig("plugins")
    bare.said["run"] = bare.lab.flowrig(
        "run", "cs3cu2i5-heatup-chem3", "--simulate", "--out", "too-early"
    )
    return bare


@pytest.fixture(scope="session")
def lab(bare: Bare) -> Lab:
    """The instruments' packages and ACME's plugin added; neither torch nor scikit-learn."""
    bare.lab.install(f"{bare.wheels['flowrig']}[chemyx,watlow,ocean]", bare.wheels["acme"])
    return bare.lab


PROFILE = """\
extends = "cs3cu2i5-heatup-chem3"
title = "The reference rig with a short acquisition"

[analysis]
frames = 20
frame_interval = "100 ms"
reactive_frames = 5

[campaign]
title = "a short campaign"
surrogate = {{ name = "gp" }}

[[campaign.stages]]
name = "explore"
optimizer = "lhs"
experiments = {explore}
batch = {explore}
order_by = "temperature"

[[campaign.stages]]
name = "improve"
optimizer = "bayes"
acquisition = "ei"
experiments = {improve}
{more}
"""

Flowrig = Callable[..., Result]


@frozen
class FinishedRun:
    """A finished run of the short campaign, seed 1, for tests that only read it.

    Attributes:
        folder: folder of the run; a test that writes there works on a copy.
        stdout: standard output of `flowrig run`.
    """

    folder: Path
    stdout: str


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> FinishedRun:
    """One finished run, shared by all tests that only read it."""
    home = tmp_path_factory.mktemp("finished")
    profile = home / "short.toml"
    profile.write_text(PROFILE.format(explore=4, improve=1, more=""), encoding="utf-8")
    words = ["run", str(profile), "--simulate", "--seed", "1", "--out", str(home / "run")]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    return FinishedRun(home / "run", done.stdout)


@pytest.fixture
def short(tmp_path: Path) -> Callable[..., Path]:
    """Writes a profile whose campaign has a few experiments; returns its path."""

    def write(explore: int = 4, improve: int = 1, more: str = "") -> Path:
        path = tmp_path / "short.toml"
        path.write_text(
            PROFILE.format(explore=explore, improve=improve, more=more), encoding="utf-8"
        )
        return path

    return write


@pytest.fixture
def flowrig() -> Flowrig:
    """Runs the command line, and expects an exit code."""

    def call(*words: object, code: int = 0) -> Result:
        done = CliRunner().invoke(main, list(map(str, words)))
        if not isinstance(done.exception, SystemExit | None):
            raise done.exception
        assert done.exit_code == code, done.output
        return done

    return call


@pytest.fixture
def summary() -> Callable[[Path], dict[str, Any]]:
    """What `flowrig report DIR --json` says."""

    def read(folder: Path) -> dict[str, Any]:
        with RunRecord(folder) as record:
            content: dict[str, Any] = json.loads(canonical_json(record.summary()))
            return content

    return read
