"""Optimizers that are told of experiments whose results are to come."""

from typing import Any

import pytest

from flowrig.campaign.optimizer import InProcessOptimizer
from flowrig.plugins.registry import Plugins
from flowrig.profile import Profile
from flowrig.profile.load import load_profile_text

PROFILE = """
extends = "cspbbr3-larp-published"
[campaign]
title = "one by one"
surrogate = "gp"
[[campaign.stages]]
name = "only"
experiments = 30
{stage}
"""


def profile_with(stage: str) -> Profile:
    return load_profile_text(PROFILE.format(stage=stage), "one.toml", Plugins.discover())


def rows(profile: Profile) -> list[dict[str, Any]]:
    """A few results, the brighter the faster the toluene."""
    low, high = profile.variables[0].range
    low_p, high_p = profile.variables[1].range
    found = []
    for number in range(6):
        x, y = number / 5, (number * 3 % 5) / 4
        conditions = {"Toluene": low + x * (high - low), "Precursor": low_p + y * (high_p - low_p)}
        found.append({**conditions, "plqy": 0.3 + 0.2 * x - 0.1 * (x - 0.6) ** 2})
    return found


@pytest.mark.parametrize(
    "stage",
    [
        'optimizer = "lhs"',
        'optimizer = "random"',
        'optimizer = "sobol"',
        'optimizer = "grid"\nlevels = 4',
        pytest.param('optimizer = "bayes"\nsamples = 64\ncandidates = 64', marks=pytest.mark.slow),
    ],
)
def test_a_rebuilt_optimizer_goes_on_as_the_old_one(stage: str) -> None:
    """It gets the conditions whose results are to come, and never suggests them again."""
    profile = profile_with(stage)
    known = rows(profile)
    old = InProcessOptimizer(profile, 1)
    pending: list[dict[str, Any]] = []
    for _ in range(3):
        (one,) = old.suggest("only", known, 1, pending)
        rebuilt = InProcessOptimizer(profile, 1)
        (again,) = rebuilt.suggest("only", known, 1, pending)
        assert dict(one.conditions) == dict(again.conditions)
        assert dict(one.conditions) not in pending
        pending.append(dict(one.conditions))
