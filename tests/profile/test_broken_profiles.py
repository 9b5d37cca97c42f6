"""Broken profiles, kept as files that say at their end which problems must be found."""

import re
from pathlib import Path

import pytest

from flowrig.plugins.registry import Plugins
from flowrig.profile import check_profile
from flowrig.profile.library import shipped_folder

FOLDER = Path(__file__).parent / "broken"
REFERENCE = "cs3cu2i5-heatup.toml"
"""Problems that show up in the reference profile are compared without their line and column."""


def expected_problems(file: Path) -> list[str]:
    lines = file.read_text(encoding="utf-8").splitlines()
    return [line.removeprefix("# expect ") for line in lines if line.startswith("# expect ")]


def shown_problem(problem: object) -> str:
    text = str(problem)
    for folder in (FOLDER, shipped_folder()):
        text = text.replace(f"{folder}/", "").replace(f"{folder}\\", "")
    text = text.replace("\\", "/")
    return re.sub(rf"^{re.escape(REFERENCE)}:\d+:\d+", REFERENCE, text)


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.toml")), ids=lambda file: file.stem)
def test_every_problem_is_found_at_its_place(file: Path, plugins: Plugins) -> None:
    """A broken profile gives exactly the problems that the file announces, at line and column."""
    expected = expected_problems(file)
    assert expected
    assert [shown_problem(problem) for problem in check_profile(file, plugins)] == expected


@pytest.mark.parametrize("file", sorted(FOLDER.glob("*.toml")), ids=lambda file: file.stem)
def test_a_problem_points_into_its_file(file: Path, plugins: Plugins) -> None:
    """Line and column of every problem are those of a character of the file that it names."""
    for problem in check_profile(file, plugins):
        lines = Path(problem.file).read_text(encoding="utf-8").splitlines()
        assert lines[problem.line - 1][problem.column - 1].strip()
