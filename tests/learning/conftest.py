"""Fixtures of the learning tests."""

from collections.abc import Callable

import pytest
from learning_bench import new_enn, new_gp

from flowrig.interfaces import Surrogate


@pytest.fixture(params=[new_gp, new_enn], ids=["gp", "enn"])
def new_surrogate(request: pytest.FixtureRequest) -> Callable[[int], Surrogate]:
    """Makes a surrogate of each kind from a seed."""
    return request.param
