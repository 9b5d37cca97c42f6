"""What a page of the documentation holds: text, and blocks that can be run.

A fenced block is run by its language: `python` in one namespace a page, `console` line by line. A
comment in front of it says what differs: `<!-- file: NAME -->` writes it to a file, `<!-- exits 2
-->` is the exit code of its command, `<!-- not run: REASON -->` leaves it out. A `text` block
behind a `python` block is what that one prints.
"""

import re
from pathlib import Path

from attrs import field, frozen

__all__ = ["DOCS", "PAGES", "ROOT", "Block", "blocks", "headings", "links", "says"]

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted(DOCS.glob("*.md"))

_FENCE = re.compile(
    r"(?P<marks>(?:^<!-- [^\n]+ -->\n)*)^```(?P<language>\w*)\n(?P<body>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
_MARK = re.compile(r"<!-- (not run|file|exits):? (.+) -->")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")


@frozen
class Block:
    """A fenced block.

    Attributes:
        language: after the fence.
        body: its text.
        line: of the page, where the body begins.
        file: the file that it is, if it is one.
        exits: exit code of its command.
        is_run: whether it is tried out.
    """

    language: str
    body: str
    line: int
    file: str = field(default="", kw_only=True)
    exits: int = field(default=0, kw_only=True)
    is_run: bool = field(default=True, kw_only=True)


def blocks(page: Path) -> list[Block]:
    """The fenced blocks of a page, in order."""
    text = page.read_text(encoding="utf-8")
    found = []
    for fence in _FENCE.finditer(text):
        marks = dict(_MARK.findall(fence["marks"]))
        found.append(
            Block(
                fence["language"],
                fence["body"],
                text.count("\n", 0, fence.start("body")) + 1,
                file=marks.get("file", ""),
                exits=int(marks.get("exits", 0)),
                is_run="not run" not in marks,
            )
        )
    return found


def says(expected: str, output: str) -> str:
    """The first line of an expected output that the real one lacks, or nothing.

    White space does not count, and `…` stands for anything.
    """
    lines = [" ".join(line.split()) for line in output.splitlines()]
    for wanted in filter(None, (" ".join(line.split()) for line in expected.splitlines())):
        pattern = re.compile(".*".join(map(re.escape, wanted.split("…"))))
        while lines and not pattern.fullmatch(lines[0]):
            lines.pop(0)
        if not lines:
            return wanted
        if wanted != "…":
            lines.pop(0)
    return ""


def links(page: Path) -> list[str]:
    """Where the links of a page go, code left out."""
    return _LINK.findall(_FENCE.sub("", page.read_text(encoding="utf-8")))


def headings(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", _FENCE.sub("", page.read_text(encoding="utf-8")), re.M)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}
