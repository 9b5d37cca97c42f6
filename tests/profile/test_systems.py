"""Published systems of the field can be said as profiles.

What a file means but flowrig does not understand yet is behind `#: `; a part that flowrig comes to
understand has to lose the mark.
"""

import re
from pathlib import Path

import attrs
import pytest

from flowrig.plugins.registry import Plugins
from flowrig.profile import ProfileError, check_profile, load_profile_text
from flowrig.profile.load import read_profile

FOLDER = Path(__file__).parent / "systems"
PAGE = Path(__file__).parents[2] / "docs" / "systems.md"
FILES = sorted(FOLDER.glob("*.toml"))
MEANT = re.compile(r"^#: ", re.MULTILINE)


@pytest.fixture(scope="module")
def installed() -> Plugins:
    return Plugins.discover()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_published_system_is_a_sound_profile(file: Path, installed: Plugins) -> None:
    assert [problem.message for problem in check_profile(file, installed)] == []


@pytest.mark.parametrize(
    "file",
    [file for file in FILES if MEANT.search(file.read_text(encoding="utf-8"))],
    ids=lambda file: file.stem,
)
def test_what_is_only_meant_is_not_understood_yet(file: Path, installed: Plugins) -> None:
    """Whoever makes flowrig understand it removes the marks, so that the test above holds it."""
    text = MEANT.sub("", file.read_text(encoding="utf-8"))
    with pytest.raises(ProfileError):
        load_profile_text(text, str(file), installed)


@pytest.mark.parametrize("system", ["s07", "s12"])
def test_a_section_that_cannot_be_read_gives_one_finding(system: str, installed: Plugins) -> None:
    """The rules say nothing of their own about what is not known."""
    source = read_profile(FOLDER / f"{system}.toml", installed)
    for key in source.document.content:
        content = {**source.document.content, key: 7}
        broken = attrs.evolve(source, document=attrs.evolve(source.document, content=content))
        with pytest.raises(ProfileError) as caught:
            broken.load()
        assert len(caught.value.problems) == 1, (key, caught.value.problems)


def test_the_page_tells_of_every_system_what_is_not_said_yet() -> None:
    rows = re.findall(
        r"^\| S\d+ \|.*\[(s\d\d)\].*\| (.*)\|$", PAGE.read_text("utf-8"), re.MULTILINE
    )
    told = {name: bool(missing.strip()) for name, missing in rows}
    assert told == {file.stem: bool(MEANT.search(file.read_text("utf-8"))) for file in FILES}
