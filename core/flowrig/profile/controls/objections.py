"""Objections of optimizers and studies to their settings, as findings at the keys they name."""

import re
from typing import Any

import attrs

from flowrig.profile.mismatch import toml_key
from flowrig.profile.model import Stage
from flowrig.profile.problems import Finding, Path

__all__ = ["objected"]

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
    message, _, expected = objection.partition(_EXPECTED)
    fields: tuple[Any, ...] = attrs.fields(type(stage.settings))
    keys = [toml_key(one) for one in fields]
    words = (*_NAMED.findall(message), *message.split()[:1])
    named = next((one for one in words if one in keys), None)
    if not expected and named is not None:
        expected = f"another value of `{named}`"
    elif not expected and keys:
        expected = f"other values of {', '.join(f'`{one}`' for one in keys)}"
    place = named or ("study" if stage.is_study else "optimizer")
    return Finding((*here, place), f"{stage.name}: {message}", expected=expected)
