"""The table of events in docs/journal.md, from the classes of `flowrig.journal.events`.

`python tests/docs/event_table.py` brings the page up to date.
"""

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

from flowrig.journal.events import KINDS, EventData, Liquid, kinds_with

__all__ = ["PAGE", "described", "page_with_table"]

PAGE = Path(__file__).parents[2] / "docs" / "journal.md"
BEGIN, END = "<!-- events: begin -->\n", "<!-- events: end -->\n"

HEAD = "| kind | what happened, and who writes it | data |\n|---|---|---|\n"
SECTIONS = ("Attributes:", "Older forms:")


def described(kind: type[EventData]) -> dict[str, str]:
    """The parts of a class's docstring: "" for its text, and the fields and older forms."""
    parts, heading = {"": ""}, ""
    for line in (inspect.getdoc(kind) or "").splitlines():
        if line in SECTIONS:
            heading = line
            parts[heading] = ""
        else:
            parts[heading] += f"{line}\n"
    return {name: part.rstrip("\n") for name, part in parts.items()}


def _in_a_line(text: str) -> str:
    return " ".join(text.split())


def fields_of(kind: type[EventData]) -> dict[str, str]:
    """What a class's docstring says of every field, by the field's name."""
    found = dict[str, str]()
    for line in described(kind).get("Attributes:", "").splitlines():
        if entry := re.fullmatch(r"    (\w+): (.+)", line):
            newest = entry[1]
            found[newest] = entry[2]
        else:
            found[newest] += f" {line.strip()}"
    return found


def _data(kind: type[EventData]) -> Iterator[str]:
    for name, text in fields_of(kind).items():
        if renamed := re.fullmatch(r"written as (`\w+`): (.+)", text):
            yield f"{renamed[1]} (in Python `{name}`): {renamed[2]}"
        else:
            yield f"`{name}`: {text}"
    if older := described(kind).get("Older forms:"):
        yield f"*Older forms*: {_in_a_line(older)}"


def _table() -> Iterator[str]:
    yield HEAD
    for name, kind in KINDS.items():
        yield f"| `{name}` | {_in_a_line(described(kind)[''])} | {'<br>'.join(_data(kind))} |\n"
    counted = ", ".join(f"`{kind.KIND}`" for kind in kinds_with(Liquid.COUNTED))
    yield f"\nThe account of liquid in syringes and wastes is computed from {counted}.\n"


def page_with_table(page: str) -> str:
    """The text of the page, with the table as it has to be."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return "".join([before, BEGIN, *_table(), END, after])


if __name__ == "__main__":
    text = page_with_table(PAGE.read_text(encoding="utf-8"))
    PAGE.write_text(text, encoding="utf-8", newline="\n")
