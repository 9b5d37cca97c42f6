"""Every shipped profile is sound, can be planned, runs with `--simulate`, and has its page."""

from pathlib import Path
from typing import Any

import pytest
from sim_bench import installed

from flowrig.planning.plan import plan_campaign
from flowrig.profile import Profile, load_profile
from flowrig.run.preflight import simulation_outlook
from flowrig.run_record.reader import RunRecord
from flowrig.run_record.scorecard import scorecard_of

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "rigs"
RIGS = sorted(file.stem for file in (ROOT / "profiles").glob("*.toml"))
WITH_PAGE = [name for name in RIGS if not name.startswith("cs3cu2i5-heatup")]
VARIANTS = ("in-line-purification", "two-mixers", "whole-spectrum")
"""Profiles that change another one in a little, which is run in any case."""
TO_RUN = [
    pytest.param(name, marks=[pytest.mark.slow] if name in VARIANTS else []) for name in WITH_PAGE
]

TIME_OFF, VOLUME_OFF = 0.03, 0.01
"""How far a plan may be off the run."""

SHORT = """
extends = "{name}"
unset = ["campaign"]

[campaign]
[[campaign.stages]]
name = "short"
optimizer = "lhs"
experiments = 2
batch = 2
"""


def sound(name: str) -> Profile:
    """A shipped profile without problems."""
    return load_profile(name, installed())


@pytest.mark.parametrize("name", RIGS)
def test_it_is_sound_and_its_simulation_works(name: str) -> None:
    """A shipped profile has a chemistry of its own, or its page says that it has none."""
    outlook = simulation_outlook(sound(name))
    assert outlook.works, outlook.refusal
    page = PAGES / f"{name}.md"
    told = page.exists() and "numbers are invented" in page.read_text(encoding="utf-8")
    assert outlook.invented == told


@pytest.mark.parametrize("name", TO_RUN)
def test_it_runs_on_the_simulated_rig(flowrig: Any, tmp_path: Path, name: str) -> None:
    """Two experiments give good features, the report is written, and the plan was right."""
    file = tmp_path / "short.toml"
    file.write_text(SHORT.format(name=name), encoding="utf-8")
    flowrig("run", file, "--simulate", "--seed", 1, "--out", tmp_path / "run")
    assert (tmp_path / "run" / "report.html").exists()
    with RunRecord(tmp_path / "run") as record:
        measured = record.experiments()
        assert len(measured) == 2
        assert all(one.quality == "good" for one in measured)
        assert all(value is not None for one in measured for value in one.features.values())
        times, left_ul = scorecard_of(record).time, record.ledger().left_ul
        plan = plan_campaign(record.profile, seed=1)
    busy_s = times.total_s - times.seconds["hold"]
    assert plan.time_s == pytest.approx(busy_s, rel=TIME_OFF)
    for stream, one in record.profile.streams.items():
        if one.syringe is not None and one.refill is None:
            spent_ul = one.capacity_ul - left_ul[stream]
            assert plan.volumes_ul[stream] == pytest.approx(spent_ul, rel=VOLUME_OFF), stream


@pytest.mark.slow
@pytest.mark.parametrize("name", WITH_PAGE)
def test_it_can_be_planned(flowrig: Any, name: str) -> None:
    """Time, liquids and refills of the whole campaign."""
    assert "needed" in flowrig("plan", name).stdout


@pytest.mark.parametrize("name", WITH_PAGE)
def test_its_page_has_its_picture_and_says_what_is_published(name: str) -> None:
    """The picture shows all streams; the page tells what is published and what is assumed."""
    page = (PAGES / f"{name}.md").read_text(encoding="utf-8")
    picture = (PAGES / f"{name}.svg").read_text(encoding="utf-8")
    assert f"({name}.svg)" in page
    assert "| published | assumed |" in page
    assert all(f">{stream}<" in picture for stream in sound(name).streams)


@pytest.mark.parametrize("name", WITH_PAGE)
def test_assumed_numbers_are_marked(name: str) -> None:
    """The profile itself says which numbers nobody has published."""
    assert "assumed" in (ROOT / "profiles" / f"{name}.toml").read_text(encoding="utf-8")
