"""Linear algebra on one thread, so that all computers get the same numbers."""

import os
import subprocess
import sys

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from flowrig.learning.blas_threads import VARIABLES, one_blas_thread

MANY = dict.fromkeys(VARIABLES, "2")
SHOW = """
import os, sys
from click.testing import CliRunner
from flowrig.cli import main
for name in sys.argv[1:]:
    os.environ.pop(name, None)
assert "numpy" not in sys.modules
CliRunner().invoke(main, ["profiles"])
print(*(os.environ.get(name) for name in sys.argv[1:]))
"""


def threads() -> set[int]:
    """Threads of each library of linear algebra that is loaded."""
    return {pool["num_threads"] for pool in threadpool_info()}


def test_the_limit_holds_in_the_context_only() -> None:
    """After the context, the settings of a notebook hold again."""
    np.linalg.inv(np.eye(3))
    with threadpool_limits(2):
        before = threads()
        with one_blas_thread():
            assert threads() == {1}
        assert threads() == before
    if before == {1}:
        pytest.skip("this numpy has no threads")


@pytest.mark.parametrize(("given", "found"), [({}, "1"), (MANY, "2")])
def test_the_command_line_has_one_thread_unless_the_environment_sets_more(
    given: dict[str, str], found: str
) -> None:
    """Libraries that are loaded later, and child processes, read it from the environment."""
    code = SHOW if not given else SHOW.replace("os.environ.pop(name, None)", "pass")
    shown = subprocess.run(
        [sys.executable, "-c", code, *VARIABLES],
        env=os.environ | given,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert shown.stdout.split() == [found] * len(VARIABLES)
