"""A machine that counts as punctual, for tests in which a broken driver must fail."""

import pytest

from flowrig.testing.punctuality import Punctuality


@pytest.fixture
def punctual(monkeypatch: pytest.MonkeyPatch) -> None:
    """The load of the machine never excuses a failure."""
    monkeypatch.setattr(Punctuality, "is_late", False)
