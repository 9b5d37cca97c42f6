"""Objections of optimizers and studies to their settings, as findings at the keys they name."""

import re
from typing import Any

import attrs

from flowrig.profile.mismatch import toml_key
from flowrig.profile.model import Stage
from flowrig.profile.problems import Finding, Path

__all__ = ["objected", "objection_to"]

_NAMED = re.compile(r"`(\w+)`")
_EXPECTED = "; expected "


def objected(stage: Stage, objection: str, here: Path) -> Finding:
    """The finding of an objection to the settings of a stage.

    Args:
        stage: the stage.
        objection: a phrase. The first key of the settings that it names in backticks, or
            its first word, is the place; what follows "; expected " is the fix.
        here: path of the stage.
    """
    key = "study" if stage.is_study else "optimizer"
    return objection_to(type(stage.settings), objection, here, stage.name, key)


def objection_to(settings: type, objection: str, here: Path, name: str, key: str) -> Finding:
    """The finding of an objection to some settings; see `objected`.

    Args:
        settings: their class.
        objection: a phrase.
        here: path of the table that has them.
        name: of that table, for the message.
        key: the key that stands for the whole table.
    """
    message, _, expected = objection.partition(_EXPECTED)
    fields: tuple[Any, ...] = attrs.fields(settings)
    keys = [toml_key(one) for one in fields]
    words = (*_NAMED.findall(message), *message.split()[:1])
    named = next((one for one in words if one in keys), None)
    if not expected and named is not None:
        expected = f"another value of `{named}`"
    elif not expected and keys:
        expected = f"other values of {', '.join(f'`{one}`' for one in keys)}"
    return Finding((*here, named or key), f"{name}: {message}", expected=expected)
