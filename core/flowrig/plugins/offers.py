"""Offers that a plugin registers: descriptions whose classes are imported when they are used."""

from collections.abc import Iterable, Mapping
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final, Literal

from attrs import field, frozen

from flowrig.errors import MissingDependencyError, PluginError
from flowrig.plugins.contained import contained

__all__ = [
    "CORE_KINDS",
    "AnalysisOffer",
    "DriverOffer",
    "Kind",
    "KindOffer",
    "Offer",
    "PaperOffer",
    "import_target",
    "require_installed",
    "requirements",
]

Kind = str
"""A kind of offer: "driver" kinds such as "pump" or "valve", "optimizer", "surrogate", …"""

CORE_KINDS: Final = ("pump", "heater", "spectrometer")
"""Kinds of devices that the core has itself; all others are offered by plugins."""

TARGET_LIMIT_S = 180.0
"""Longest time [s, real time] for the import of a driver or model with all that it needs."""


@frozen(kw_only=True)
class Offer:
    """An offer of a plugin: a driver, optimizer, surrogate, objective, analysis, study, quality
    check, paper, view, observer, world or chemistry.

    Attributes:
        kind: kind of the offer.
        name: name in profiles and campaigns.
        target: the class as "module:Class"; imported when it is used.
        settings: the attrs class of its settings; the TOML value of a field with a unit suffix is
            a quantity.
        summary: one line for `flowrig plugins`.
        needs: import names of third-party packages that the target needs.
        install: argument of `pip install` if one of them is missing, for instance "flowrig[gp]".
    """

    kind: Kind
    name: str
    target: str
    settings: type
    summary: str = ""
    needs: tuple[str, ...] = ()
    install: str = ""

    def missing(self) -> tuple[str, ...]:
        """Needed packages that are not installed; nothing is imported for this check."""
        return tuple(need for need in self.needs if not _is_installed(need))

    def load(self) -> Any:
        """Import and return the class.

        Raises:
            MissingDependencyError: a package is missing; the message says what to install.
            PluginError: the target does not exist.
        """
        require_installed([self])
        return import_target(self.target, f"the {self.kind} {self.name!r}")


@frozen
class _NoSettings:
    """The settings of an offer that has none."""


@frozen(kw_only=True)
class KindOffer(Offer):
    """A kind of device; drivers of any plugin can be of it, with `DriverOffer(kind=NAME)`.

    Attributes:
        name: the word for such a device in profiles, "valve"; no key of a component may be called
            like it.
        interface: the class that its drivers extend, as "module:Class": a `Device` with
            capabilities of `flowrig.interfaces`.
        safe: the number or position at which such a device is safe, where it is the same for every
            device of the kind; None if each profile has to say it with `safe = …`, and for a kind
            that is only read.
        placed: whether a component of the flow path has to name such a device.
        body: class of the emulated physics as "module:Class", built from a
            `flowrig.emulation.Place`; empty if such a device cannot be emulated.
        conformance: the suite of `flowrig plugin check` as "module:Class", a
            `flowrig.testing.DeviceConformance`; empty if there is none.
        template: folder from which `flowrig plugin new` writes a driver, as "package:folder"; empty
            if there is none.
    """

    kind: Kind = field(default="kind", init=False)
    interface: str
    target: str = field(init=False)
    settings: type = field(default=_NoSettings, init=False)
    safe: float | str | None = None
    placed: bool = False
    body: str = ""
    conformance: str = ""
    template: str = ""

    @target.default
    def _interface(self) -> str:
        return self.interface


@frozen(kw_only=True)
class AnalysisOffer(Offer):
    """An analysis with what a profile has to know of it.

    Attributes:
        unit: unit of the values of its spectrum, for instance "counts"; "" for a number without
            one, such as an absorbance.
        needs_light: whether it compares the sample with the light through something transparent,
            so that the profile needs a `[calibration]`. If not, its values change with the light,
            and a light that has changed since the run began is told.
        quantities: unit of each further number that it gives, by name.
        axis_unit: unit of the axis of its spectrum.
        detector_units: units of the axes of the detectors that it takes; empty for any.
        takes_all: whether its channels read all frames, in the order of time, unless they say which
            ones with `pick`; if not, those of `[analysis]`.
        dark: the dark of its channels, unless they say another one.

    Where not every detector fits the settings, their class has a method `problem_with`, which takes
    the unit of the detector's axis and returns why not, or "".
    """

    unit: str = "counts"
    needs_light: bool = False
    quantities: Mapping[str, str] = field(factory=dict)
    axis_unit: str = "nm"
    detector_units: tuple[str, ...] = ("nm",)
    takes_all: bool = False
    dark: Literal["shutter", "none"] = "shutter"


@frozen(kw_only=True)
class PaperOffer(Offer):
    """A paper whose figures are drawn again.

    Attributes:
        name: of the system, for `flowrig gallery NAME`.
        doi: of the paper; empty if it is not known.
        source: authors, journal, year, volume and page.
        summary: what was made, in a few words: the title of the page.
    """

    kind: Kind = field(default="paper", init=False)
    settings: type = field(default=_NoSettings, init=False)
    doi: str = ""
    source: str


@frozen(kw_only=True)
class DriverOffer(Offer):
    """A driver with the limits of its instrument and its emulator.

    Attributes:
        limits: limits of the instrument in any configuration, by name with unit ("rate_ul_min",
            "plunger_mm_min", "temperature_c", "integration_time_us", "wavelength_nm"), each as
            (low, high); profiles may narrow them, never widen them. From "plunger_mm_min", the
            speed of a pump's plunger, follow the flow rates with each syringe.
        emulator: class of the emulator as "module:Class", a `flowrig.emulation.Emulator`; empty if
            there is none.
        reply_shape: function as "module:function" that returns the form of a reply without its
            values. It takes the bytes and the connection's label in `Device.wire`, and returns a
            text, or None for the default: text with words that contain a digit masked, and for
            other bytes their number.
        discover: function as "module:function" that searches for such instruments, a
            `flowrig.rig.discovery.LookFor`; empty if there is none.
        discover_order: at a port or a host that several drivers ask, who has a lower number asks
            first. The lower, the less its queries can do to other instruments.
        by_hand: whether nothing connects the device to the computer, so that a person works it and
            reads it. A run asks a person before it tells the driver a value, and for what it
            reports once an experiment; it never reads the driver meanwhile. What the class of the
            driver says of itself counts, and not that of its kind.
        dead_man: whether the instrument stops without further commands from its driver, and the
            driver can arm this timer; a rig arms it before it moves anything.
        dead_man_setting: name of the setting, a time, with which the driver itself arms such a
            timer whenever it opens the device; where it is None, nothing is armed. Empty if there
            is no such setting.
        withdraws: whether the pumps of the driver draw liquid in: it implements `start_program` for
            one step with a negative volume, and `dispensed` tells afterwards how much was drawn.
        example: settings with which the driver is tried without a profile, as `flowrig emulate` and
            `flowrig plugin check` do, by key of a profile; for settings without a default.
    """

    limits: Mapping[str, tuple[float, float]] = field(factory=dict)
    emulator: str = ""
    reply_shape: str = ""
    discover: str = ""
    discover_order: int = 50
    by_hand: bool = False
    dead_man: bool = False
    dead_man_setting: str = ""
    withdraws: bool = False
    example: Mapping[str, Any] = field(factory=dict)


def _is_installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except (ImportError, ValueError):  # the package around it is missing, or it is no name
        return False


def requirements(offers: Iterable[Offer]) -> list[str]:
    """Requirements for `pip install` of all missing packages, with the extras of one distribution
    in one requirement.

    Returns:
        requirements such as "flowrig[chemyx,watlow]"; an empty list if nothing is missing.
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
    """Check that all packages of some offers are installed.

    Raises:
        MissingDependencyError: packages are missing; the message names them all, and the command
            that installs them.
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
        target: module and class.
        owner: the part that names the target, for messages.

    Raises:
        PluginError: the module or class does not exist, or its import fails, hangs or tries to end
            the program.
    """
    module, _, attribute = target.partition(":")
    try:
        return contained(lambda: getattr(import_module(module), attribute), TARGET_LIMIT_S)
    except PluginError as error:
        raise PluginError(f"{owner} points to {target!r}, which does not load: {error}") from error
