"""The option that names a study in place of the campaign."""

from collections.abc import Callable
from typing import Any

import click

__all__ = ["study_option"]


def study_option(help_text: str) -> Callable[[Any], Any]:
    """The option `--study`, which is given once."""
    return click.option(
        "--study", metavar="NAME", multiple=True, callback=_one_study, help=help_text
    )


def _one_study(
    _context: click.Context, _parameter: click.Parameter, names: tuple[str, ...]
) -> str | None:
    if len(names) > 1:
        raise click.BadParameter(
            f"it is given {len(names)} times, {', '.join(names)}; name one study, or write a "
            "campaign with one stage for each"
        )
    return names[0] if names else None
