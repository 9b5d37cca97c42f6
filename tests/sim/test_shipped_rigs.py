"""Every shipped profile is sound, can be planned, runs with `--simulate`, and has its page."""

from pathlib import Path
from typing import Any

import pytest
from sim_bench import installed

from flowrig.profile import Profile, load_profile
from flowrig.run.preflight import simulation_outlook
from flowrig.run_record.reader import RunRecord

ROOT = Path(__file__).parents[2]
PAGES = ROOT / "docs" / "rigs"
RIGS = sorted(file.stem for file in (ROOT / "profiles").glob("*.toml"))
WITH_PAGE = [name for name in RIGS if not name.startswith("cs3cu2i5-heatup")]

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


@pytest.mark.parametrize("name", WITH_PAGE)
def test_it_runs_on_the_simulated_rig(flowrig: Any, tmp_path: Path, name: str) -> None:
    """Two experiments give good features, and the report is written."""
    file = tmp_path / "short.toml"
    file.write_text(SHORT.format(name=name), encoding="utf-8")
    flowrig("run", file, "--simulate", "--seed", 1, "--out", tmp_path / "run")
    assert (tmp_path / "run" / "report.html").exists()
    with RunRecord(tmp_path / "run") as record:
        measured = record.experiments()
        assert len(measured) == 2
        assert all(one.quality == "good" for one in measured)
        assert all(value is not None for one in measured for value in one.features.values())


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
