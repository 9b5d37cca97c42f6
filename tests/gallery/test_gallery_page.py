"""The gallery of the documentation: its page is made from its numbers, its pictures are there."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]
MOST_BYTES = 1_500_000


@pytest.fixture
def gallery(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    monkeypatch.syspath_prepend(str(ROOT / "benchmarks"))
    import gallery

    yield gallery
    sys.modules.pop("gallery", None)


def test_the_page_is_what_its_numbers_make(gallery: ModuleType) -> None:
    """`python benchmarks/gallery.py --page` changes nothing; what differs stands above figures."""
    text = gallery.PAGE.read_text(encoding="utf-8")
    papers = json.loads((gallery.PICTURES / "gallery.json").read_text("utf-8"))["papers"]
    assert gallery.page_of(text, papers) == text
    assert not any(paper["quick"] for paper in papers)
    for paper in papers:
        start = text.index(f"## {paper['title']}")
        first = text.index("### ", start)
        differing = text.find("What does not agree:", start, first)
        assert (differing >= 0) == bool(paper["differing"])


def test_every_picture_is_shown_and_small(gallery: ModuleType) -> None:
    """No picture is missing, and none is left over from an earlier form of a figure."""
    shown = set(re.findall(r"\(gallery/([\w-]+\.svg)\)", gallery.PAGE.read_text("utf-8")))
    files = list(gallery.PICTURES.iterdir())
    assert {file.name for file in files} == {*shown, "gallery.json"}
    assert sum(file.stat().st_size for file in files) < MOST_BYTES
