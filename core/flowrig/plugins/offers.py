"""What a plugin puts on the table: light descriptions, whose heavy part is imported on use."""

from collections.abc import Iterable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Literal

from attrs import field, frozen

from flowrig.errors import MissingDependencyError, PluginError

__all__ = ["DriverOffer", "Kind", "Offer", "import_target", "require_installed", "requirements"]

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
        require_installed([self])
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
        reply_shape: where the function is, as "module:function", that tells the form of a reply
            apart from its values: it takes bytes and the connection's label in `Device.wire`, and
            returns a text, or None for the default. By default words with a digit in them are
            masked in text, and of anything else the length counts.
        discover: where the function is that looks for such instruments, as "module:function", a
            `flowrig.rig.discovery.LookFor`; empty if there is none.
        dead_man: whether the instrument stops by itself when nobody talks to it, and the driver
            arms that; a rig arms it before it moves anything.
    """

    limits: Mapping[str, tuple[float, float]] = field(factory=dict)
    emulator: str = ""
    reply_shape: str = ""
    discover: str = ""
    dead_man: bool = False


def requirements(offers: Iterable[Offer]) -> list[str]:
    """What to `pip install` for all that offers lack, the extras of one distribution together.

    Returns:
        requirements such as "flowrig[chemyx,watlow]"; none if nothing is missing.
    """
    extras: dict[str, set[str]] = {}
    for offer in offers:
        missing = offer.missing()
        for requirement in (offer.install,) if offer.install and missing else missing:
            name, _, listed = requirement.removesuffix("]").partition("[")
            extras.setdefault(name, set()).update(filter(None, listed.split(",")))
    return [
        f"{name}[{','.join(sorted(some))}]" if some else name
        for name, some in sorted(extras.items())
    ]


def require_installed(offers: Iterable[Offer]) -> None:
    """Refuse offers of which any lacks a package.

    Raises:
        MissingDependencyError: packages are missing; the message names all of them, and the one
            command that installs them.
    """
    lacking = {(offer.kind, offer.name): offer for offer in offers if offer.missing()}.values()
    if not lacking:
        return
    needs = ", ".join(
        f"the {offer.kind} {offer.name!r} needs {' and '.join(offer.missing())}"
        for offer in lacking
    )
    install = " ".join(f"'{requirement}'" for requirement in requirements(lacking))
    raise MissingDependencyError(f"{needs}; install what is missing with: pip install {install}")


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
