"""A run with a study, which the tests of this folder share."""

import pytest
from quick_rig import LHS, ROBUSTNESS, ran

from flowrig.run.start import RunOutcome


@pytest.fixture(scope="session")
def done(tmp_path_factory: pytest.TempPathFactory) -> RunOutcome:
    """A study of five points at one condition, then two experiments of a design."""
    outcome, _ = ran(tmp_path_factory.mktemp("study"), ROBUSTNESS + LHS)
    assert outcome.state == "finished", outcome.reason
    return outcome
