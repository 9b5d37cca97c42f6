"""What a plugin puts on the table: light descriptions, whose heavy part is imported on use."""

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal

from attrs import field, frozen

from flowrig.errors import MissingDependencyError, PluginError

__all__ = ["DriverOffer", "Kind", "Offer", "import_target"]

Kind = Literal[
    "pump", "heater", "spectrometer", "optimizer", "surrogate", "objective", "world", "profiles"
]


@frozen(kw_only=True)
class Offer:
    """One thing that a plugin offers.

    Attributes:
        kind: what it is.
        name: what a profile or a campaign calls it.
        target: where its class is, as "module:Class"; imported when it is used.
        settings: the attrs class of its settings; a field with a unit suffix is written as a
            quantity.
        summary: one line for `flowrig plugins`.
        needs: import names of third-party packages that the target needs.
        install: what to `pip install` when one of them is missing, for instance "flowrig[gp]".
    """

    kind: Kind
    name: str
    target: str
    settings: type
    summary: str = ""
    needs: tuple[str, ...] = ()
    install: str = ""

    def missing(self) -> tuple[str, ...]:
        """Which needs are not installed; nothing is imported to find out."""
        return tuple(need for need in self.needs if find_spec(need) is None)

    def load(self) -> Any:
        """Import and return the class.

        Raises:
            MissingDependencyError: a package is missing; the message says what to install.
            PluginError: the target does not exist.
        """
        missing = self.missing()
        if missing:
            raise MissingDependencyError(
                f"the {self.kind} {self.name!r} needs {', '.join(missing)}; "
                f"install it with: pip install '{self.install or ' '.join(missing)}'"
            )
        return import_target(self.target, f"the {self.kind} {self.name!r}")


@frozen(kw_only=True)
class DriverOffer(Offer):
    """A driver, what its instrument can do at best, and its emulator.

    Attributes:
        limits: what the instrument can do in any configuration, by unit-carrying name
            ("rate_ul_min", "temperature_c", "integration_time_us"), each as (low, high); profiles
            may narrow them, never widen them.
        emulator: where the emulator's class is, as "module:Class", a `flowrig.emulation.Emulator`;
            empty if the plugin ships none.
    """

    limits: Mapping[str, tuple[float, float]] = field(factory=dict)
    emulator: str = ""


def import_target(target: str, owner: str) -> Any:
    """Import "module:Class".

    Args:
        target: the module and the class.
        owner: who asks, for messages.

    Raises:
        PluginError: no such module or class.
    """
    module, _, attribute = target.partition(":")
    try:
        return getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise PluginError(f"{owner} points to {target!r}, which does not load: {error}") from error
