"""Other people's packages, imported before warnings count as errors."""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import xopt.generators.bayesian.expected_improvement  # noqa: F401

    import botorch  # noqa: F401

from collections.abc import Iterator

import pytest
import torch

THEIRS = torch.get_default_dtype()
"""Xopt makes double precision the default of the whole process."""
torch.set_default_dtype(torch.float32)


@pytest.fixture(autouse=True)
def as_they_like_it() -> Iterator[None]:
    """Small matrices are slower on several threads; the precision is what Xopt sets."""
    before = torch.get_num_threads(), torch.get_default_dtype()
    torch.set_num_threads(1)
    torch.set_default_dtype(THEIRS)
    yield
    torch.set_num_threads(before[0])
    torch.set_default_dtype(before[1])
