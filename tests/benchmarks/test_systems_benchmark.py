"""The benchmark of published systems: what it runs is there and sound, and its table keeps rows."""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from attrs import evolve

from flowrig.plugins.registry import Plugins
from flowrig.profile import check_profile

ROOT = Path(__file__).parents[2]
BENCHMARKS = ROOT / "benchmarks"
CAMPAIGNS = sorted((BENCHMARKS / "published").glob("*.toml"))


@pytest.fixture
def systems(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    import systems

    yield systems
    for name in ("systems", "published_claims"):
        sys.modules.pop(name, None)


@pytest.mark.parametrize("file", CAMPAIGNS, ids=lambda file: file.stem)
def test_its_campaigns_are_sound(file: Path) -> None:
    assert [problem.message for problem in check_profile(file, Plugins.discover())] == []


def test_every_system_is_run_or_says_why_not(systems: ModuleType) -> None:
    """S1 to S21, each with a shipped profile, its own campaign or data, or with a reason."""
    assert [one.key for one in systems.SYSTEMS] == [f"S{number}" for number in range(1, 22)]
    for one in systems.SYSTEMS:
        assert bool(one.missing) != bool(one.targets or one.data), one.key
        for target in (*one.targets, *([one.profile] if one.profile else ())):
            folder = BENCHMARKS / "published" if target.endswith(".toml") else ROOT / "profiles"
            assert (folder / target).with_suffix(".toml").exists(), target
        page = systems.page_of(one.profile).partition("#")[0]
        assert not one.profile or (ROOT / "docs" / page).exists(), page


def test_the_table_has_a_row_for_each_and_keeps_those_that_were_not_run(
    systems: ModuleType,
) -> None:
    page = systems.PAGE.read_text("utf-8")
    claim = systems.Claim(kind="size", paper="1.5 h", found="1.4 h", agrees=True)
    offs = {"time_off": (0.01, 0.0), "volume_off": (0.02, 0.001)}
    offs |= {"time_within": (-0.1, 0.2), "volume_within": (0.0, 0.03)}
    row = systems.Row(key="S9", experiments=36, rig_h=1.4, claims=[claim], **offs)
    once = systems.merged(page, {"S9": row})
    cells = ("36", "1.4", "0", "1.5 h", "1.4 h", "size 1/1")
    plan = "+1.0%, +2.0% (-10.0% to +20.0%, +0.0% to +3.0%); rehearsed +0.0%, +0.1%"
    assert " | ".join(("", *cells, plan, "")).strip() in once
    again = systems.merged(once, {"S7": systems.Row(key="S7", problem="no liquid")})
    assert "| no liquid |" in again
    other = evolve(row, claims=[evolve(claim, agrees=False)])
    told = [systems.differing([systems.line(systems.SYSTEMS[8], one)]) for one in (row, other)]
    assert told == ["Nothing differs.", "What does not agree:\n\n- S9: 1.5 h: 1.4 h"]
    changed = [one for one in again.splitlines() if one not in once.splitlines()]
    assert [one[:5] for one in changed] == ["| S7 "]


@pytest.mark.slow
def test_a_system_is_planned_run_and_compared(tmp_path: Path) -> None:
    """S7: 11 samples, whose quantum yields come later, rise to the published 60 %."""
    found = tmp_path / "found.json"
    command = [sys.executable, str(BENCHMARKS / "systems.py"), "--only", "S7", "--jobs", "1"]
    done = subprocess.run(
        [*command, "--json", str(found)], capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (row,) = json.loads(found.read_text("utf-8"))
    assert row["experiments"] == 11
    assert all(one["agrees"] for one in row["claims"]), row["claims"]
    assert max(map(abs, row["time_off"])) <= 0.03
    assert max(map(abs, row["volume_off"])) <= 0.01
