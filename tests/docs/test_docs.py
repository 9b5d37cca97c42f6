"""The documentation does what it says, links to what is there, and leaves nothing out."""

import inspect
import re
from pathlib import Path

import pytest
from docs_pages import DOCS, PAGES, ROOT, blocks, headings, links, says
from page_runner import PageRunner

from flowrig import interfaces
from flowrig.plugins import hookspecs

CHECKED = [*PAGES, ROOT / "README.md"]
SLOW = ("tutorial-run-a-rig", "tutorial-optimizer", "traces", "python", "conformance", "journal")
"""Pages with whole campaigns or the whole kit; their commands stand on other pages too."""
INTERFACES = (
    interfaces.Pump,
    interfaces.Heater,
    interfaces.Spectrometer,
    interfaces.Optimizer,
    interfaces.Surrogate,
)


@pytest.mark.parametrize(
    "page",
    [
        pytest.param(page, marks=[pytest.mark.slow] * (page.stem in SLOW), id=page.stem)
        for page in CHECKED
    ],
)
def test_a_page_does_what_it_says(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every file, command and Python block works in the order in which a reader meets it."""
    PageRunner(page, tmp_path, monkeypatch).run()


@pytest.mark.parametrize("page", CHECKED, ids=lambda page: page.stem)
def test_links_lead_somewhere(page: Path) -> None:
    """Every link inside the project leads to a file that is there, and to a heading in it."""
    for link in links(page):
        target, _, anchor = link.partition("#")
        if "://" in target:
            continue
        file = (page.parent / target).resolve() if target else page
        assert file.exists(), f"{page.name}: {link}"
        if anchor:
            assert anchor in headings(file), f"{page.name}: {link}"


@pytest.mark.parametrize(
    ("expected", "missing"),
    [("a\nc", ""), ("a …\nc", "a …"), ("…\nc d", "c d"), ("b …", ""), ("c\na", "a")],
)
def test_an_output_that_differs_is_found_out(expected: str, missing: str) -> None:
    """Lines may be left out, but those that are shown must come, in this order."""
    assert says(expected, "a\nb  3\nc\n") == missing


def test_every_page_is_on_the_map() -> None:
    """The index links every other page."""
    index = DOCS / "index.md"
    linked = {link.partition("#")[0] for link in links(index)}
    assert {page.name for page in PAGES} - {"index.md"} <= linked


@pytest.mark.parametrize("hook", [n for n in vars(hookspecs) if n.startswith("flowrig_")])
def test_every_hook_is_told(hook: str) -> None:
    """A hook that no page names does not exist for a reader."""
    assert f"`{hook}`" in everything() or f"def {hook}(" in everything()


@pytest.mark.parametrize("interface", INTERFACES, ids=lambda one: one.__name__)
def test_every_public_method_is_told(interface: type) -> None:
    """Every public name of the five interfaces stands in code on some page."""
    names = [name for name, _ in inspect.getmembers(interface) if not name.startswith("_")]
    text = everything()
    untold = [name for name in names if not re.search(rf"`[^`\n]*\b{name}\b[^`\n]*`", text)]
    assert not untold


def test_the_smallest_driver_is_the_one_among_the_examples() -> None:
    """The tutorial shows the example itself, not a copy that went its own way."""
    example = (ROOT / "examples" / "minimal_pump.py").read_text(encoding="utf-8")
    shown = {block.file: block.body for block in blocks(DOCS / "tutorial-driver.md")}
    assert shown["my-pump/my_pump/driver.py"] == example


def everything() -> str:
    """The text of all pages."""
    return "\n".join(page.read_text(encoding="utf-8") for page in PAGES)
