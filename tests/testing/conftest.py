"""A machine that is on time, for tests in which a broken driver must fail."""

import pytest

from flowrig.testing.punctuality import Punctuality


@pytest.fixture
def punctual(monkeypatch: pytest.MonkeyPatch) -> None:
    """A failure is never put down to the machine, however busy it is."""
    monkeypatch.setattr(Punctuality, "is_late", False)
