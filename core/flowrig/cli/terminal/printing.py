"""Output of commands: JSON and CSV for programs, wrapped text for people."""

import csv
import io
import json
import shutil
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from flowrig.run_record.reader import RunRecord

__all__ = [
    "degrees_text",
    "experiments_text",
    "print_csv",
    "print_damage",
    "print_entries",
    "print_json",
    "print_paragraph",
    "quoted",
]

NARROWEST = 40
"""Smallest width of wrapped text, in characters, also on a narrower terminal."""

ENDLESS = 100_000
"""Width without a terminal: lines in a file or a pipe are not wrapped."""


def print_damage(record: "RunRecord") -> None:
    """Report on the error channel the damaged part of a journal, which is not shown."""
    if record.damage:
        click.secho(record.damage, fg="red", err=True)


def print_json(value: Any) -> None:
    """Print JSON in UTF-8, whatever the encoding of the console (RFC 8259, section 8.1)."""
    click.echo(json.dumps(value, indent=2, ensure_ascii=False).encode())


def print_csv(rows: Iterable[Sequence[Any]]) -> None:
    """Print rows as CSV in UTF-8, one line each."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    click.echo(text.getvalue().encode(), nl=False)


def print_paragraph(text: str, indent: int = 0, *, err: bool = False) -> None:
    """Print a text wrapped to the terminal; lines after the first are indented further."""
    for line in _wrapped(text, indent, indent + 2):
        click.echo(line, err=err)


def print_entries(entries: Iterable[tuple[str, str, str]]) -> None:
    """Print a list of names, each with a sentence and a line of details that is never wrapped.

    Args:
        entries: name, sentence, details.
    """
    rows = list(entries)
    indent = max((len(name) for name, _, _ in rows), default=0) + 2
    for name, sentence, details in rows:
        first, *others = _wrapped(sentence or details, indent, indent)
        click.echo(click.style(name, bold=True) + first[len(name) :])
        for line in others:
            click.echo(line)
        if sentence and details:
            click.secho(" " * indent + details, dim=True)


def quoted(path: Path) -> str:
    """A path for a command line, in quotes if it has a space."""
    return f'"{path}"' if " " in str(path) else str(path)


def degrees_text(temperature_c: float | None) -> str:
    """A temperature [°C] with its unit."""
    return "no reading" if temperature_c is None else f"{temperature_c:.1f} °C"


def experiments_text(done: int, planned: int, skipped: int) -> str:
    """Progress of a campaign in words."""
    return f"{done} of {planned} experiments" + (f", {skipped} skipped" if skipped else "")


def _wrapped(text: str, indent: int, following: int) -> list[str]:
    width = max(shutil.get_terminal_size((ENDLESS, 0)).columns, NARROWEST)
    return textwrap.wrap(
        text,
        width,
        initial_indent=" " * indent,
        subsequent_indent=" " * following,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [""]
