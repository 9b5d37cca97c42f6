"""`flowrig profile`: write a profile of your own rig."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from flowrig.cli.instruments.starter import (
    QUESTIONS,
    Answers,
    Question,
    is_asked,
    read_answer,
)
from flowrig.cli.terminal.printing import say
from flowrig.errors import InputError

__all__ = ["profile"]


@click.group()
def profile() -> None:
    """Write a profile of your own rig."""


def _answers(command: Callable[..., None]) -> Callable[..., None]:
    for question in reversed(QUESTIONS):
        name = f"--{question.key.replace('_', '-')}"
        text = f"{question.text}; default: {question.default}"
        command = click.option(name, question.key, help=text)(command)
    return command


@profile.command(short_help="Write a commented profile that checks and simulates.")
@click.argument("name")
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Folder of the new file; default: the current folder.",
)
@click.option("--defaults", is_flag=True, help="Ask nothing: what is not said is the default.")
@_answers
def new(name: str, into: Path, *, defaults: bool, **given: str | None) -> None:
    """Write a commented profile NAME.toml that passes `flowrig check` and can be simulated.

    It asks for what no option says, if a person is at the terminal. The simulation has invented
    numbers; addresses, volumes and chemistry are yours to put in.

    \b
    Examples:
      flowrig profile new my-rig
      flowrig profile new my-rig --reagents "Pb, Br" --solvents Toluene --absorbance - --defaults
    """
    from flowrig.cli.instruments.starter_text import starter_profile
    from flowrig.plugins.registry import Plugins
    from flowrig.profile import load_profile_text

    said: dict[str, Any] = {key: text for key, text in given.items() if text is not None}
    plugins = Plugins.discover()
    if not defaults and sys.stdin.isatty():
        for question in QUESTIONS:
            if question.key not in said and is_asked(question.key, said):
                said[question.key] = _asked(question, plugins)
    text = starter_profile(Answers.of(said, plugins))
    file = into / f"{name.removesuffix('.toml')}.toml"
    load_profile_text(text, str(file), plugins)
    _write(file, text)
    say(f"{file} is a sound profile; what is marked TODO in it is a guess:")
    for command in ("check", "plan", "run --simulate"):
        first, *rest = command.split()
        say(f"  flowrig {first} {file} {' '.join(rest)}".rstrip())


def _asked(question: Question, plugins: Any) -> str:
    """The answer of a person, who is asked again where it makes no sense."""

    def checked(text: str) -> str:
        try:
            read_answer(question.key, text, plugins)
        except InputError as error:
            raise click.BadParameter(str(error)) from error
        return text

    answer: str = click.prompt(question.text, default=question.default, value_proc=checked)
    return answer


def _write(file: Path, text: str) -> None:
    try:
        with file.open("x", encoding="utf-8", newline="\n") as opened:
            opened.write(text)
    except FileExistsError as error:
        raise InputError(f"{file} is there already; nothing was written") from error
    except OSError as error:
        raise InputError(f"{file} cannot be written: {error}") from error
