"""Settings of the whole suite, and the fresh environment that some of its modules share."""

import os

# Small matrices on several workers: more threads than cores are many times slower. It has to be
# said before numpy is imported.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


import pytest
from hypothesis import settings

from fresh_environment import ACME, ROOT, Bare, Lab, build_wheels

settings.register_profile("flowrig", deadline=None)  # no test asserts wall-clock time
settings.register_profile("flowrig-ci", deadline=None, derandomize=True)
settings.load_profile("flowrig-ci" if settings.get_current_profile_name() == "ci" else "flowrig")


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
