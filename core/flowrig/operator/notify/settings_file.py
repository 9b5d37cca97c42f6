"""Reads the file that says who is told what happens in a run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import attrs

from flowrig.errors import InputError, PluginError
from flowrig.interfaces.observer import Observer, ObserverSettings
from flowrig.profile.controls.objections import objection_to
from flowrig.profile.problems import Finding, Place, Problem, ProfileError, nearest, shown
from flowrig.profile.source import Document, read_document
from flowrig.profile.structure import OfferSource, Structurer

__all__ = ["read_observers"]


def read_observers(file: Path, plugins: OfferSource) -> dict[str, Observer]:
    """The observers of a file with tables `[notify.NAME]`, by name.

    Args:
        file: TOML; each table has the key `use`, the name of an observer, and its settings.
        plugins: the installed plugins.

    Raises:
        ProfileError: everything that is wrong with the file, each with line and column.
        InputError: a secret that it names is not there, or a package is missing.
    """
    document = read_document(file, _no_base)
    content = document.content
    tables = content.get("notify")
    findings = [
        Finding((key,), f"unknown key {key!r}", expected="tables [notify.NAME]", on_key=True)
        for key in content
        if key != "notify"
    ]
    if not isinstance(tables, dict) or not tables:
        findings.append(Finding(("notify",), "nobody is told", expected="a table [notify.NAME]"))
        tables = {}
    found: dict[str, Observer] = {}
    for name, table in tables.items():
        observer, wrong = _observer(name, table, document, plugins)
        findings += wrong
        if observer is not None:
            found[name] = observer
    if findings:
        raise ProfileError(sorted(map(document.problem, findings), key=lambda one: one.place))
    return found


def _no_base(name: str, folder: Path) -> Path:
    raise ProfileError([Problem(Place(name), "this file extends no other")])


def _observer(
    name: str, table: Any, document: Document, plugins: OfferSource
) -> tuple[Observer | None, list[Finding]]:
    """The observer of a table, or what is wrong with the table."""
    here = ("notify", name)
    known = plugins.offers("observer")
    if not isinstance(table, dict):
        return None, [Finding(here, "no table", expected=f"[notify.{name}]")]
    use = table.get("use")
    if not isinstance(use, str):
        message = f"`use` is {shown(use)}" if "use" in table else "missing key 'use'"
        return None, [Finding((*here, "use"), message, expected=f"one of {', '.join(known)}")]
    try:
        offer = plugins.offer("observer", use)
    except PluginError as error:
        return None, [Finding((*here, "use"), str(error), nearest=nearest(use, known))]
    rest = {key: value for key, value in table.items() if key != "use"}
    settings, wrong = Structurer(plugins).structure(rest, offer.settings, here)
    if not wrong and isinstance(settings, ObserverSettings) and (text := settings.objection()):
        wrong = [objection_to(offer.settings, text, here, name, "use")]
    if wrong:
        return None, wrong
    try:
        made: Observer = offer.load()(_beside(settings, Path(document.file).parent))
    except InputError as error:
        return None, [Finding(here, f"{name}: {error}", on_key=True)]
    return made, []


def _beside(settings: Any, folder: Path) -> Any:
    """Settings whose relative paths begin at a folder."""
    paths: Mapping[str, Path] = {
        one.name: folder / value.expanduser()
        for one in attrs.fields(type(settings))
        if isinstance(value := getattr(settings, one.name), Path)
    }
    return attrs.evolve(settings, **paths)
