"""Campaigns whose optimizers can be asked without a rig, and an optimizer that misbehaves."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from flowrig.profile import Profile

PROFILE = """\
extends = "cs3cu2i5-heatup-chem3"

[campaign]
surrogate = {{ name = "gp", iterations = 5 }}
{campaign}

[[campaign.stages]]
name = "spread"
optimizer = "lhs"
experiments = 8
batch = 4

[[campaign.stages]]
name = "guess"
optimizer = "random"
experiments = 2

[[campaign.stages]]
name = "improve"
optimizer = "bayes"
acquisition = "ei"
candidates = 20
starts = 1
refinements = 0
samples = 16
experiments = 2
{stages}
"""

ENTRY = """\
from collections.abc import Sequence

from flowrig.plugins import Offer, hookimpl
from moody_settings import MoodySettings


@hookimpl
def flowrig_optimizers() -> Sequence[Offer]:
    return [
        Offer(
            kind="optimizer", name="moody", target="moody_optimizer:Moody", settings=MoodySettings
        )
    ]
"""

SETTINGS = """\
from attrs import frozen
from flowrig.interfaces import OptimizerSettings


@frozen(kw_only=True)
class MoodySettings(OptimizerSettings):
    mood: str
    only_once: str = ""
"""

OPTIMIZER = """\
import os
import sys
import time
from pathlib import Path

from flowrig.errors import NothingLeftError
from flowrig.interfaces import Optimizer


class Moody(Optimizer):
    def _do_ingest(self, results):
        self.known = getattr(self, "known", 0) + len(results)

    def _do_suggest(self, num_points):
        middle = (self.problem.space.low + self.problem.space.high) / 2
        sound = [dict(zip(self.problem.space.names, map(float, middle)))] * num_points
        print("a line that is no answer")
        os.write(1, b"another one\\n")
        if self.settings.only_once:
            seen = Path(self.settings.only_once)
            if seen.exists():
                return sound
            seen.touch()
        return getattr(self, self.settings.mood)(sound)

    def well(self, sound):
        return sound

    def exits(self, sound):
        os._exit(9)

    def raises(self, sound):
        raise ZeroDivisionError("a bug")

    def hangs(self, sound):
        time.sleep(3600.0)

    def greedy(self, sound):
        return [bytearray(10**10)]

    def nan(self, sound):
        return [{name: float("nan") for name in point} for point in sound]

    def nothing(self, sound):
        return []

    def done(self, sound):
        raise NothingLeftError("all 9 points of the list are done")
"""

Row = dict[str, Any]


def moody_stage(mood: str, only_once: Path | None = None) -> str:
    """A stage whose optimizer has a mood."""
    once = "" if only_once is None else f"only_once = '{only_once}'\n"
    return (
        f'[[campaign.stages]]\nname = "moody"\noptimizer = "moody"\nmood = "{mood}"\n{once}'
        "experiments = 5\nbatch = 2\n"
    )


def measured(profile: Profile, conditions: Sequence[dict[str, float]]) -> list[Row]:
    """Experiments as a rig might have measured them; the last one failed."""
    rng = np.random.default_rng(5)
    rows: list[Row] = [
        {**point, **{name: float(rng.random()) for name in profile.objective.responses}}
        for point in conditions
    ]
    rows[-1] |= dict.fromkeys(profile.objective.responses, float("nan"))
    return [{**row, profile.objective.name: float(rng.random())} for row in rows]
