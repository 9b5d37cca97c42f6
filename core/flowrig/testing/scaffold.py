"""Write a plugin's distribution that passes the kit, as a start for a real plugin."""

import re
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from string import Template
from typing import Final

from flowrig.errors import InputError
from flowrig.plugins.offers import CORE_KINDS, KindOffer
from flowrig.plugins.registry import Plugins

__all__ = ["new_plugin"]

LONGEST_NAME: Final = 40
_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_MODELS: Final = ("optimizer", "surrogate", "analysis", "chemistry", "study", "quality", "paper")
_TESTS: Final = {
    "optimizer": "test_model.py.txt",
    "surrogate": "test_model.py.txt",
    "analysis": "test_analysis.py.txt",
    "chemistry": "test_chemistry.py.txt",
    "study": "test_model.py.txt",
    "quality": "test_model.py.txt",
    "paper": "test_paper.py.txt",
}
"""The test of a plugin that is no driver."""
_OWN: Final = "flowrig.testing:templates/flowrig_template"
_SHARED: Final = ("line.py", "line_emulator.py", "settings.py")
_BASE: Final = "instrument.py"
"""What drivers of all kinds that plugins offer have in common."""


def new_plugin(kind: str, name: str, folder: Path, plugins: Plugins | None = None) -> Path:
    """Write a distribution into a new folder.

    Args:
        kind: kind of the plugin: "pump", "heater", "spectrometer", "optimizer", "surrogate",
            "analysis", "chemistry", "study", "quality", "paper", or a kind of device of a plugin
            that has a template.
        name: name in profiles: lower-case letters, digits and single hyphens.
        folder: parent of the new folder.
        plugins: what is installed, if it was looked up already.

    Returns:
        the new folder, "flowrig-NAME".

    Raises:
        InputError: the kind or the name is not possible, or the new folder exists.
    """
    offer = None
    if kind not in (*CORE_KINDS, *_MODELS):
        offer = _offered(kind, plugins or Plugins.discover())
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
    for path, text in _distribution(kind, name, offer).items():
        file = root / path
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8", newline="\n")
    return root


def _offered(kind: str, plugins: Plugins) -> KindOffer:
    """The offer of a kind of device with a template."""
    templates = {name: one for name, one in plugins.kinds().items() if one.template}
    if kind not in templates:
        known = ", ".join((*CORE_KINDS, *sorted(templates), *_MODELS))
        raise InputError(
            f"a plugin is one of {known}, not {kind!r}; a kind of device that no plugin offers is "
            "begun from examples/acme-droplets, as docs/tutorial-driver.md says"
        )
    return templates[kind]


def _distribution(kind: str, name: str, offer: KindOffer | None) -> dict[str, str]:
    """Text of each file, by its path."""
    package = f"flowrig_{name.replace('-', '_')}"
    templates = files("flowrig.testing") / "templates"
    own_folder = _folder(_OWN if offer is None else offer.template)
    modules = {}
    for own, template in _modules(kind, name, offer).items():
        where = _folder(_OWN) if template in (*_SHARED, _BASE) else own_folder
        modules[f"{package}/{own}"] = _renamed(_text(where / template), kind, name)
    words = {
        "name": name,
        "package": package,
        "kind": kind,
        "module": _module(kind),
        "Kind": _camel(kind),
        "prefix": _camel(name),
        "title": _title(name),
        "dependencies": '"flowrig"' if kind in _MODELS else '"flowrig", "pyserial>=3.5"',
        "suite": "" if offer is None else offer.conformance.partition(":")[0],
        "Suite": "" if offer is None else offer.conformance.partition(":")[2],
        "safe": "" if offer is None else repr(offer.safe),
        "bodies": "" if offer is None else offer.body.partition(":")[0],
        "Body": "" if offer is None else offer.body.partition(":")[2],
    }
    device_test = "test_device.py.txt" if offer is None else "test_kind.py.txt"
    others = {
        "pyproject.toml": "pyproject.toml.txt",
        "README.md": "README.md.txt",
        "tests/test_conformance.py": _TESTS.get(kind, device_test),
    }
    filled = {
        own: Template(_text(templates / template)).substitute(words)
        for own, template in others.items()
    }
    return {**modules, f"{package}/py.typed": "", **filled}


def _folder(target: str) -> Traversable:
    """The folder of "package:folder"."""
    package, _, below = target.partition(":")
    return files(package).joinpath(*below.split("/"))


def _modules(kind: str, name: str, offer: KindOffer | None) -> dict[str, str]:
    """Names of the templates, by the names of the modules and of what is beside them."""
    stem = _module(kind)
    own = {"__init__.py": f"{stem}_plugin.py", f"{stem}.py": f"{stem}.py"}
    if kind == "paper":  # it has no settings, and a campaign
        return {**own, f"{name}.toml": "template.toml"}
    if kind in _MODELS:
        return {**own, "settings.py": f"{stem}_settings.py"}
    device = {**own, "emulator.py": f"{stem}_emulator.py", **{name: name for name in _SHARED}}
    if offer is None:
        return device
    return {**device, _BASE: _BASE, "settings.py": f"{stem}_settings.py"}


def _module(kind: str) -> str:
    """The name of a module for a kind."""
    return kind.replace("-", "_")


def _renamed(text: str, kind: str, name: str) -> str:
    """The text of a module, with the plugin's names in the place of the template's."""
    for old, new in (
        (f"{_module(kind)}_emulator", "emulator"),
        (f"{_module(kind)}_settings", "settings"),
        ("flowrig-template", f"flowrig-{name}"),
        ("template", name),
        ("TEMPLATE", name.upper()),
    ):
        text = text.replace(old, new)
    text = re.sub("Template(?=[A-Z])", _camel(name), text)
    return text.replace("Template", _title(name))


def _camel(name: str) -> str:
    return "".join(part.capitalize() for part in re.split("[-_]", name))


def _title(name: str) -> str:
    return " ".join(part.capitalize() for part in name.split("-"))


def _text(file: Traversable) -> str:
    return file.read_text(encoding="utf-8")
