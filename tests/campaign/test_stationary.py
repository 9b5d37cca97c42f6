"""Experiments that are measured once their features stand still, on the emulated rig."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from watched_rig import WORLD, WatchedWorld, plugins_with, run_watched

from flowrig.errors import InputError
from flowrig.journal.events import Measured, SafeStateSought
from flowrig.planning.plan import plan_campaign
from flowrig.profile import load_profile
from flowrig.run_record.reader import RunRecord

PROFILE = """\
extends = "cs3cu2i5-heatup-chem3"

[analysis]
frames = 150
dark_frames = 5
frame_interval = "100 ms"
reactive_frames = 40

[residence_time]
equilibrium = {equilibrium}

[campaign]

[[campaign.stages]]
name = "explore"
optimizer = "lhs"
experiments = {experiments}
batch = {experiments}

{more}
"""

STATIONARY = """\
[residence_time.stationary]
features = ["a300", "pla"]
tolerance = {tolerance}
frames = 100
longest = {longest}
"""

PUBLISHED_RSD = {"a300": 0.031, "pla": 0.042}
"""Scatter at one condition, Sadeghi et al., Digital Discovery 2025, 4, 1722."""


def ran(folder: Path, equilibrium: float, more: str = "", experiments: int = 3) -> Any:
    """The experiments of a run, their summaries of the wait, and the world."""
    folder.mkdir()
    profile = folder / "rig.toml"
    text = PROFILE.format(equilibrium=equilibrium, experiments=experiments, more=more)
    profile.write_text(text + WORLD, "utf-8")
    outcome, world, _ = run_watched(profile, folder / "run", seed=2)
    assert outcome.state == "finished", outcome.reason
    with RunRecord(folder / "run", plugins_with()) as record:
        waits = [e.data.steadiness for e in record.journal.events(Measured)]
        ended = record.journal.last(SafeStateSought)
        assert ended is not None
        return record.experiments(), waits, world, ended.time_s


@pytest.mark.slow
def test_stationary_values_are_those_of_a_long_wait(tmp_path: Path) -> None:
    """Reaction times change from one experiment to the next, as in the published study of them.

    Each experiment that stood still agrees with the same conditions after 6 τ within three times
    the scatter of a difference of two measurements, and took less liquid.
    """
    wanted = STATIONARY.format(tolerance=0.1, longest=6.0)
    found, waits, world, found_s = ran(tmp_path / "found", 2.0, wanted)
    waited, none, long_world, long_s = ran(tmp_path / "waited", 6.0)
    assert none == [None] * 3
    assert [e.conditions for e in found] == [e.conditions for e in waited]
    assert sum(wait.reached for wait in waits) >= 2
    for one, other, wait in zip(found, waited, waits, strict=True):
        assert 3.2 - 1e-6 <= wait.residence_times <= 6.0
        if wait.reached:
            assert "not-stationary" not in " ".join(one.flags)
            for name, rsd in PUBLISHED_RSD.items():
                ratio = one.features[name] / other.features[name]
                assert abs(np.log(ratio)) < 3 * np.sqrt(2) * rsd, (name, ratio)
    assert found_s < long_s
    assert moved(world) < moved(long_world)


def moved(world: WatchedWorld) -> float:
    return sum(world.pump(f"pump_{n}").moved_ul for n in ("cui", "zni2", "csoa", "ode", "pfo"))


@pytest.mark.slow
def test_what_never_stands_still_is_measured_and_flagged(tmp_path: Path) -> None:
    """After the longest time, as doubtful; the plan has that time as its upper end."""
    wanted = STATIONARY.format(tolerance=1e-6, longest=3.6)
    found, waits, world, found_s = ran(tmp_path / "run", 2.0, wanted, experiments=1)
    for one, wait in zip(found, waits, strict=True):
        assert not wait.reached
        assert one.quality == "doubtful"
        assert any(flag.startswith("not-stationary: after 3.") for flag in one.flags)
        assert len(wait.looks) == 5
    told = plan_campaign(load_profile(tmp_path / "run" / "rig.toml", plugins_with()), seed=2)
    assert told.time_range_s[0] == told.time_s < told.time_range_s[1]
    assert told.time_range_s[1] == pytest.approx(found_s, rel=0.03)
    assert told.waste_range_ul[1] == pytest.approx(moved(world), rel=0.01)


@pytest.mark.parametrize(
    ("equilibrium", "more", "says"),
    [
        (1.2, STATIONARY.format(tolerance=0.1, longest=6.0), "first look would see"),
        (2.0, STATIONARY.format(tolerance=0.1, longest=2.5), "at least 3.2"),
        (2.0, STATIONARY.format(tolerance=0.0, longest=6.0), "more than 0"),
        (2.0, '[residence_time.stationary]\nfeatures = ["pl"]\n', "unknown feature 'pl'"),
        (2.0, "[residence_time.stationary]\nfeatures = []\n", "no feature is given"),
    ],
)
def test_how_to_look_is_checked(tmp_path: Path, equilibrium: float, more: str, says: str) -> None:
    """Not before the new liquid is there, often enough, and at features that there are."""
    profile = tmp_path / "rig.toml"
    text = PROFILE.format(equilibrium=equilibrium, experiments=3, more=more)
    profile.write_text(text, encoding="utf-8")
    with pytest.raises(InputError, match=says):
        load_profile(profile, plugins_with())
