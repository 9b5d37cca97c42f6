"""One scenario of the bench in real time; `python tests/realtime` plays all of them."""

import sys
from pathlib import Path

import pytest
from scenarios import SCENARIOS
from trial import play


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.skipif(sys.platform == "win32", reason="watchdogs are found by /proc")
def test_a_killed_run_leaves_a_rig_at_rest(tmp_path: Path) -> None:
    """The watchdog switches off what the run left on, and the run is resumed to its end."""
    outcome = play(SCENARIOS["kill -9"], tmp_path)
    assert outcome.broken == ()
