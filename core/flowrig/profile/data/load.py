"""Reads profiles without devices, and reports every problem in them."""

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import partial
from pathlib import Path as FilePath
from typing import Any

import attrs

from flowrig.errors import InputError
from flowrig.problem.objective import Objective
from flowrig.problem.space import Parameter, Space
from flowrig.profile.converter import as_table
from flowrig.profile.data.model import DataProfile
from flowrig.profile.expressions import Unit
from flowrig.profile.expressions.units import read_unit
from flowrig.profile.mismatch import MISFITS, Mismatch, findings
from flowrig.profile.model import OFF_LINE, Analysis, Given, Prior, SurrogateChoice
from flowrig.profile.problems import Finding, Path, ProfileError, nearest, shown
from flowrig.profile.shorthand import as_lists, at_its_name
from flowrig.profile.source import Document
from flowrig.profile.structure import Structurer

__all__ = ["is_data", "load_data"]

_RIG = ("devices", "streams", "path")
"""Keys of which a rig needs each, and data have none."""

_AMOUNT = re.compile(r"\s*([+-]?(?:\d{1,30}(?:\.\d{0,30})?|\.\d{1,30})(?:[eE][+-]?\d{1,3})?)\s*")

_KEYS = ("title", "source", "space", "analysis", "features", "objective", "labels", "campaign")


def is_data(document: Document) -> bool:
    """Whether a profile describes data: it has a space and off-line channels, and no rig."""
    content = document.content
    return (
        "space" in content
        and not any(key in content for key in _RIG)
        and any(
            isinstance(one, dict) and one.get("use") == OFF_LINE
            for one in _channels(content).values()
        )
    )


def load_data(name: str, document: Document, structurer: Structurer) -> DataProfile:
    """Check the content of a profile without devices.

    Args:
        name: of the profile.
        document: the content.
        structurer: for objectives and surrogates.

    Raises:
        ProfileError: everything that is wrong with it, each with file, line and column.
    """
    reader = _Reader(document.content, structurer)
    found = reader.read()
    if reader.findings:
        wrong = [at_its_name(one, document.content) for one in reader.findings]
        raise ProfileError(sorted(map(document.problem, wrong), key=lambda one: one.place))
    priors = tuple(
        attrs.evolve(one, source=FilePath(_file(document, index)).parent / one.source)
        for index, one in enumerate(found.pop("priors"))
    )
    space = Space(tuple(found.pop("parameters")))
    return DataProfile(name=name, space=space, priors=priors, **found)


def _file(document: Document, index: int) -> str:
    """The file that names the table of a prior; its path is relative to it."""
    return document.spots["campaign", "prior", index, "source"].value.file


def _channels(content: Mapping[str, Any]) -> Mapping[str, Any]:
    analysis = content.get("analysis")
    channels = analysis.get("channels") if isinstance(analysis, dict) else None
    return channels if isinstance(channels, dict) else {}


class _Reader:
    """Reads the tables of such a profile.

    Attributes:
        findings: what is wrong so far.
    """

    def __init__(self, content: Mapping[str, Any], structurer: Structurer) -> None:
        self._content = content
        self._structurer = structurer
        self.findings: list[Finding] = []

    def read(self) -> dict[str, Any]:
        """The fields of a `DataProfile`, the conditions one by one; `findings` is what is wrong."""
        content = self._content
        self._only(content, _KEYS, ())
        for key in ("title", "objective"):
            if key not in content:
                self._find((), f"missing key {key!r}")
        results = self._results()
        features = self._features(results)
        objective = self._part("objective", Objective)
        if objective is not None:
            self._require_features(objective, features)
        parameters = self._parameters()
        campaign = content.get("campaign", {})
        inner = campaign if isinstance(campaign, dict) else {}
        if inner is not campaign:
            self._find(("campaign",), f"got {shown(campaign)}", "a table")
        self._only(inner, ("surrogate", "prior"), ("campaign",))
        priors = self._inner(inner, "prior", tuple[Prior, ...]) or ()
        labels = self._part("labels", Mapping[str, str]) or {}
        known = {"objective", *features, *results, *(one.name for one in parameters)}
        for path, names in (
            (("labels",), [*labels]),
            *(
                (("campaign", "prior", n, "columns"), [*one.columns])
                for n, one in enumerate(priors)
            ),
        ):
            self._only(dict.fromkeys(names), known, path, "the name of a condition or a feature")
        return {
            "title": self._part("title", str) or "",
            "source": self._part("source", str) or "",
            "parameters": parameters,
            "results": results,
            "features": features,
            "objective": objective,
            "labels": labels,
            "surrogate": self._inner(inner, "surrogate", SurrogateChoice),
            "priors": priors,
        }

    def _part(self, key: str, wanted: Any) -> Any:
        """The value of a key of the profile; None if it is missing or wrong."""
        return self._structured(self._content, key, wanted, (key,))

    def _inner(self, campaign: Mapping[str, Any], key: str, wanted: Any) -> Any:
        """The value of a key of the campaign; None if it is missing or wrong."""
        return self._structured(campaign, key, wanted, ("campaign", key))

    def _structured(self, table: Mapping[str, Any], key: str, wanted: Any, path: Path) -> Any:
        if key not in table:
            return None
        value, wrong = self._structurer.structure(table[key], wanted, path)
        self.findings += wrong
        return value

    def _only(self, table: Mapping[str, Any], known: Any, path: Path, expected: str = "") -> None:
        """Find keys that do not belong to a table."""
        for key in table:
            if key not in known:
                near = nearest(key, known)
                self._find((*path, key), f"unknown key {key!r}", expected, near, on_key=True)

    def _results(self) -> dict[str, Given]:
        """The results of the off-line channels, by CHANNEL.QUANTITY."""
        tables = self._content["analysis"]
        self._only(tables, ("channels",), ("analysis",))
        for name, table in _channels(self._content).items():
            here: Path = ("analysis", "channels", name)
            if not isinstance(table, dict) or table.get("use") != OFF_LINE:
                message = f"without devices nothing measures the channel {name!r}"
                self._find(here, message, f'a channel with `use = "{OFF_LINE}"`', on_key=True)
                return {}
            for key in ("within", "takes"):
                if key in table:
                    message = f"{key!r} says nothing of data that are there"
                    self._find((*here, key), message, "no such key", on_key=True)
        analysis = self._part("analysis", Analysis)
        channels = {} if analysis is None else analysis.off_line
        return {
            f"{name}.{quantity}": given
            for name, one in channels.items()
            for quantity, given in one.gives.items()
        }

    def _features(self, results: Mapping[str, Given]) -> dict[str, str]:
        """The result that each feature is."""
        features = self._content.get("features", {})
        if not isinstance(features, dict):
            self._find(("features",), f"got {shown(features)}", "a table")
            return {}
        found = {}
        for name, text in features.items():
            if isinstance(text, str) and text in results:
                found[name] = text
                continue
            expected = "a result of an off-line channel"
            near = nearest(text, results)
            self._find(("features", name), f"got {shown(text)}", expected, near)
        return found

    def _require_features(self, objective: Objective, features: Mapping[str, str]) -> None:
        for name in objective.responses:
            if name not in features:
                message = f"the objective needs {name!r}, which is no feature"
                near = nearest(name, features)
                self._find(("objective",), message, "", near, on_key=True)

    def _parameters(self) -> list[Parameter]:
        """The conditions, each in the unit of its range."""
        listed = as_lists("space", self._content["space"], {})
        if not isinstance(listed, list) or not listed:
            self._find(("space",), f"got {shown(listed)}", "conditions")
            return []
        found = []
        for index, entry in enumerate(listed):
            one = self._each(("space", index), partial(_parameter, entry))
            found += [] if one is None else [one]
        names = [one.name for one in found]
        for name in {one for one in names if names.count(one) > 1}:
            self._find(("space",), f"{name!r} is there twice", on_key=True)
        return found

    def _find(
        self, path: Path, message: str, expected: str = "", near: str = "", *, on_key: bool = False
    ) -> None:
        one = Finding(path, message, expected=expected, nearest=near, on_key=on_key)
        self.findings.append(one)

    def _each(self, path: Path, read: Callable[[], Any]) -> Any:
        """What a function reads; None where it finds a misfit."""
        try:
            return read()
        except MISFITS as error:
            self.findings += findings(error, path)
            return None


def _parameter(value: Any) -> Parameter:
    """A condition from its table."""
    table = as_table(value)
    name = table.get("name")
    if not isinstance(name, str):
        raise Mismatch("missing key 'name'", on_key=True)
    for key in table:
        if key not in ("name", "range", "choices"):
            raise Mismatch(f"unknown key {key!r}", "`range` or `choices`", at=(key,), on_key=True)
    try:
        if "choices" in table and "range" not in table:
            choices = table["choices"]
            if not isinstance(choices, list) or not all(isinstance(one, str) for one in choices):
                raise Mismatch(f"got {shown(choices)}", "an array of names", at=("choices",))
            return Parameter.category(name, choices)
        if "range" not in table or "choices" in table:
            raise Mismatch(f"{name!r} needs a range or choices", "one of them", on_key=True)
        low, high, unit = _window(table["range"])
        return Parameter(name, low, high, unit)
    except InputError as error:
        raise Mismatch(str(error)) from error


def _window(value: Any) -> tuple[float, float, str]:
    """Lower and upper end in the unit of the lower one, and the unit as people read it."""
    expected = "an array of 2, lower and upper bound, in one kind of unit"
    if not isinstance(value, list) or len(value) != 2:
        raise Mismatch(f"got {shown(value)}", expected, at=("range",))
    (low, unit), (high, other) = (_amount(one, n) for n, one in enumerate(value))
    if unit.powers != other.powers:
        raise Mismatch(f"got {shown(value)}", expected, at=("range",))
    return float(low), float(high * other.scale / unit.scale), unit.name


def _amount(value: Any, index: int) -> tuple[Fraction, Unit]:
    """A number, or a quantity in its own unit."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Fraction(value), Unit()
    number = _AMOUNT.match(value) if isinstance(value, str) else None
    unit, end = None, 0
    if number is not None:
        unit, end = read_unit(value, number.end()) or (None, 0)
    if number is None or unit is None or value[end:].strip():
        expected = 'a number, or a quantity such as "200 degC"'
        raise Mismatch(f"got {shown(value)}", expected, at=("range", index))
    return Fraction(number[1]), unit
