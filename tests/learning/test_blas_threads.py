"""Linear algebra on one thread, so that every computer gets the same numbers."""

import os
import subprocess
import sys

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from flowrig.learning.blas_threads import VARIABLES, one_thread

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


def test_within_the_block_one_thread_computes_and_behind_it_as_many_as_before() -> None:
    """A notebook's own settings come back."""
    np.linalg.inv(np.eye(3))
    with threadpool_limits(2):
        before = threads()
        with one_thread():
            assert threads() == {1}
        assert threads() == before
    if before == {1}:
        pytest.skip("this numpy has no threads")


@pytest.mark.parametrize(("given", "found"), [({}, "1"), (MANY, "2")])
def test_the_command_line_has_one_thread_unless_somebody_wants_more(
    given: dict[str, str], found: str
) -> None:
    """What is loaded later, and every process that is started, reads it from the environment."""
    code = SHOW if not given else SHOW.replace("os.environ.pop(name, None)", "pass")
    said = subprocess.run(
        [sys.executable, "-c", code, *VARIABLES],
        env=os.environ | given,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert said.stdout.split() == [found] * len(VARIABLES)
