"""Other people's packages, imported by the first test that needs them."""

import warnings
from collections.abc import Iterator

import pytest


@pytest.fixture(scope="session")
def theirs() -> object:
    """The precision that Xopt makes the default of the whole process.

    The packages are imported before warnings count as errors, and by one worker only.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import torch

        before = torch.get_default_dtype()
        import xopt.generators.bayesian.expected_improvement  # noqa: F401

        import botorch  # noqa: F401
    wanted = torch.get_default_dtype()
    torch.set_default_dtype(before)
    return wanted


@pytest.fixture(autouse=True)
def as_they_like_it(theirs: object) -> Iterator[None]:
    """Small matrices are slower on several threads; the precision is what Xopt sets."""
    import torch

    before = torch.get_num_threads(), torch.get_default_dtype()
    torch.set_num_threads(1)
    torch.set_default_dtype(theirs)
    yield
    torch.set_num_threads(before[0])
    torch.set_default_dtype(before[1])
