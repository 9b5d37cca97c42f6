"""Other people's packages, imported before warnings count as errors."""

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import botorch  # noqa: F401

from collections.abc import Iterator

import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small matrices are slower on several threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
