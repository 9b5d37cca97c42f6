"""Write a plugin's distribution that passes the kit, as a start for a real plugin."""

import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template
from typing import Final, Literal, get_args

from flowrig.errors import InputError

__all__ = ["Kind", "new_plugin"]

Kind = Literal["pump", "heater", "spectrometer", "optimizer", "surrogate"]

LONGEST_NAME: Final = 40
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_DEVICES: Final = ("pump", "heater", "spectrometer")
_SHARED: Final = ("line.py", "line_emulator.py", "settings.py")


def new_plugin(kind: str, name: str, folder: Path) -> Path:
    """Write a distribution into a new folder.

    Args:
        kind: kind of the plugin: "pump", "heater", "spectrometer", "optimizer" or "surrogate".
        name: name in profiles: lower-case letters, digits and single hyphens.
        folder: parent of the new folder.

    Returns:
        the new folder, "flowrig-NAME".

    Raises:
        InputError: the kind or the name is not possible, or the new folder exists.
    """
    if kind not in get_args(Kind):
        raise InputError(f"a plugin is one of {', '.join(get_args(Kind))}, not {kind!r}")
    if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise InputError(
            f"{name!r} is no name for a plugin: use up to {LONGEST_NAME} lower-case letters, "
            "digits and single hyphens, and begin with a letter"
        )
    root = folder / f"flowrig-{name}"
    try:
        root.mkdir(parents=True)
    except FileExistsError as error:
        raise InputError(f"{root} is there already; nothing was written") from error
    for path, text in _distribution(kind, name).items():
        file = root / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="\n")
    return root


def _distribution(kind: str, name: str) -> dict[str, str]:
    """Text of each file, by its path."""
    package = f"flowrig_{name.replace('-', '_')}"
    templates = files("flowrig.testing") / "templates"
    modules = {
        f"{package}/{own}": _renamed(_text(templates / "flowrig_template" / template), kind, name)
        for own, template in _modules(kind).items()
    }
    words = {
        "name": name,
        "package": package,
        "kind": kind,
        "Kind": kind.capitalize(),
        "prefix": _camel(name),
        "title": _title(name),
        "dependencies": '"flowrig", "pyserial>=3.5"' if kind in _DEVICES else '"flowrig"',
    }
    test = "test_device.py.txt" if kind in _DEVICES else "test_model.py.txt"
    others = {
        "pyproject.toml": "pyproject.toml.txt",
        "README.md": "README.md.txt",
        "tests/test_conformance.py": test,
    }
    filled = {
        own: Template(_text(templates / template)).substitute(words)
        for own, template in others.items()
    }
    return {**modules, f"{package}/py.typed": "", **filled}


def _modules(kind: str) -> dict[str, str]:
    """Names of the templates, by the names of the modules."""
    own = {"__init__.py": f"{kind}_plugin.py", f"{kind}.py": f"{kind}.py"}
    if kind in _DEVICES:
        return {**own, "emulator.py": f"{kind}_emulator.py", **{name: name for name in _SHARED}}
    return {**own, "settings.py": f"{kind}_settings.py"}


def _renamed(text: str, kind: str, name: str) -> str:
    """The text of a module, with the plugin's names in the place of the template's."""
    for old, new in (
        (f"{kind}_emulator", "emulator"),
        (f"{kind}_settings", "settings"),
        ("flowrig-template", f"flowrig-{name}"),
        ("template", name),
        ("TEMPLATE", name.upper()),
    ):
        text = text.replace(old, new)
    text = re.sub("Template(?=[A-Z])", _camel(name), text)
    return text.replace("Template", _title(name))


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in name.split("-"))


def _title(name: str) -> str:
    return " ".join(part.capitalize() for part in name.split("-"))


def _text(file: Traversable) -> str:
    return file.read_text(encoding="utf-8")
