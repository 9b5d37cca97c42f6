"""Output of commands: JSON and CSV for programs, wrapped text for people.

Every text that a command prints passes one of these functions, or `Progress.say`: none of them lets
a control character through to the terminal.
"""

import csv
import io
import json
import re
import shlex
import shutil
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flowrig.journal.visible import visible, visible_line

if TYPE_CHECKING:
    from flowrig.run_record.reader import RunRecord

__all__ = [
    "degrees_text",
    "experiments_text",
    "front_lines",
    "front_text",
    "json_text",
    "print_csv",
    "print_damage",
    "print_entries",
    "print_json",
    "print_paragraph",
    "print_studies",
    "progress_bar",
    "quoted",
    "say",
    "styled",
]

MOST_SHOWN = 12
"""Numbers of experiments in one line."""

NARROWEST = 40
"""Smallest width of wrapped text, in characters, also on a narrower terminal."""

NOT_ASCII = re.compile(r"[^\n -~]")
"""A character of a JSON text that may have to be escaped."""

ENDLESS = 100_000
"""Width without a terminal: lines in a file or a pipe are not wrapped."""


def say(text: str = "", *, err: bool = False, nl: bool = True, **style: Any) -> None:
    """Print a text; control characters in it are shown as escapes.

    Args:
        text: the text, which may have several lines.
        err: print it on the error channel.
        nl: end it with a line feed.
        style: colour and weight, as `click.style` takes them.
    """
    click.echo(styled(text, **style), err=err, nl=nl)


def styled(text: str, **style: Any) -> str:
    """A text without control characters of its own, in a colour or weight."""
    return click.style(visible(text), **style) if style else visible(text)


def progress_bar(*items: Any, label: str, **how: Any) -> Any:
    """A progress bar of click on the error channel, so that the output can be piped."""
    return click.progressbar(*items, label=visible_line(label), file=sys.stderr, **how)


def print_studies(studies: Iterable[Mapping[str, Any]]) -> None:
    """Print what studies found, each as `StudyFindings.as_json` has it."""
    for one in studies:
        say(f"study {one['stage']}: {one['points']} of at most {one['planned']} points", bold=True)
        if one["problem"]:
            say(f"  it cannot say what it found: {one['problem']}", fg="red", err=True)
        for finding in one["findings"]:
            print_paragraph(finding["text"], indent=2)


def print_damage(record: "RunRecord") -> None:
    """Report on the error channel what of a journal is damaged, or is shown as it stands."""
    if record.damage:
        say(record.damage, fg="red", err=True)
    for sentence in record.unreadable:
        say(sentence, fg="red", err=True)


def print_json(value: Any) -> None:
    """Print JSON in UTF-8, whatever the encoding of the console (RFC 8259, section 8.1)."""
    click.echo(json_text(value).encode())


def json_text(value: Any) -> str:
    """A value as JSON; control characters are escapes, and numbers that are not finite null."""
    from flowrig.journal.format import finite

    text = json.dumps(finite(value), indent=2, ensure_ascii=False)
    return NOT_ASCII.sub(
        lambda one: one[0] if visible(one[0]) == one[0] else _escaped(one[0]), text
    )


def _escaped(character: str) -> str:
    return json.dumps(character)[1:-1]


def print_csv(rows: Iterable[Sequence[Any]]) -> None:
    """Print rows as CSV in UTF-8, one line each."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    click.echo(text.getvalue().encode(), nl=False)


def print_paragraph(
    text: str, indent: int = 0, *, err: bool = False, fg: str | None = None
) -> None:
    """Print a text wrapped to the terminal; lines after the first are indented further."""
    for line in _wrapped(text, indent, indent + 2):
        say(line, err=err, fg=fg)


def print_entries(entries: Iterable[tuple[str, str, str]]) -> None:
    """Print a list of names, each with a sentence and a line of details that is never wrapped.

    Args:
        entries: name, sentence, details.
    """
    rows = [tuple(map(visible_line, entry)) for entry in entries]
    indent = max((len(name) for name, _, _ in rows), default=0) + 2
    for name, sentence, details in rows:
        first, *others = _wrapped(sentence or details, indent, indent)
        say(name, bold=True, nl=False)
        say(first[len(name) :])
        for line in others:
            say(line)
        if sentence and details:
            say(" " * indent + details, dim=True)


def quoted(path: Path) -> str:
    """A path for a command line, in quotes where the shell needs them."""
    if sys.platform == "win32":
        return f'"{path}"' if " " in str(path) else str(path)
    return shlex.quote(str(path))


def degrees_text(temperature_c: float | None) -> str:
    """A temperature [°C] with its unit."""
    return "no reading" if temperature_c is None else f"{temperature_c:.1f} °C"


def front_text(front: Mapping[str, Any]) -> str:
    """How many experiments no other one beats in every goal, and which.

    Args:
        front: as `--json` prints it.
    """
    members = sorted(one["index"] for one in front["experiments"])
    shown = ", ".join(map(str, members[:MOST_SHOWN])) + (", …" if members[MOST_SHOWN:] else "")
    count = "one experiment" if len(members) == 1 else f"{len(members) or 'no'} experiments"
    numbers = f" ({shown})" if shown else ""
    return f"{count}{numbers}, hypervolume {front['hypervolume']:.3g}"


def front_lines(front: Mapping[str, Any] | None) -> list[str]:
    """The line of the front; none of an objective that has not several goals."""
    return [] if front is None else [f"front: {front_text(front)}"]


def experiments_text(done: int, planned: int, skipped: int) -> str:
    """Progress of a campaign in words."""
    return f"{done} of {planned} experiments" + (f", {skipped} skipped" if skipped else "")


def _wrapped(text: str, indent: int, following: int) -> list[str]:
    width = max(shutil.get_terminal_size((ENDLESS, 0)).columns, NARROWEST)
    return textwrap.wrap(
        visible(text),
        width,
        initial_indent=" " * indent,
        subsequent_indent=" " * following,
        break_long_words=False,
        break_on_hyphens=False,
    ) or [""]
