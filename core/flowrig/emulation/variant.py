"""The variants of an emulated instrument: firmware versions, models and options that differ."""

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

import attrs
from attrs import field, frozen

from flowrig.interfaces.device import DeviceSettings

__all__ = ["Variants"]

_ENTRY = re.compile(r"^(\w+): (.*)$")


@frozen
class Variants:
    """The ways in which one instrument differs from another of the same driver.

    An emulator class names them in `variants`. It takes an instance of `options` as its second
    argument, which may be left out; `flowrig emulate --variant` gives one.

    Attributes:
        options: attrs class with one field for each difference, each with a default. Its docstring
            describes the fields under `Attributes:`.
        named: instances of `options` that have a name, such as a model or a dialect.
        of_settings: the instance for the settings of a device, where the user names none.
    """

    options: type
    named: Mapping[str, Any] = field(factory=dict)
    of_settings: Callable[[DeviceSettings], Any] = field()

    @of_settings.default
    def _plain(self) -> Callable[[DeviceSettings], Any]:
        return lambda _settings: self.options()

    def descriptions(self) -> dict[str, str]:
        """By field of `options`: the first sentence of its description; empty without one."""
        described: dict[str, str] = {}
        _, _, section = (inspect.getdoc(self.options) or "").partition("Attributes:\n")
        name = ""
        for line in inspect.cleandoc("\n" + section).splitlines():
            entry = _ENTRY.match(line)
            if entry:
                name, described[entry[1]] = entry[1], entry[2]
            elif name and line.startswith(" "):
                described[name] += f" {line.strip()}"
            elif line:
                break
        return {
            one.name: re.split(r"[.;:] ", described.get(one.name, ""))[0].removesuffix(".")
            for one in attrs.fields(self.options)
        }
