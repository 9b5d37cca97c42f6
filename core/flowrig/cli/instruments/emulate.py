"""`flowrig emulate`: an emulated instrument for any program on this computer."""

import os
import signal
import threading
from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any

import click

from flowrig.cli.terminal.printing import print_entries, say

if TYPE_CHECKING:
    from flowrig.emulation import Emulator, Variants
    from flowrig.interfaces import DeviceSettings
    from flowrig.plugins.offers import DriverOffer, KindOffer
    from flowrig.plugins.registry import Plugins

__all__ = ["emulate"]

SYRINGE_UL = 10_000.0
"""Content of the syringe of an emulated pump [µL]."""

PLACEHOLDER = "127.0.0.1"
"""The address in the settings until the emulator has one; all shipped drivers accept it."""

OWN_HOSTS = ("127.0.0.1", "localhost")
"""Hosts of an address that an emulator can serve at."""

MOST = 65535
"""The highest TCP port."""

BLINK_S = 0.5
"""Interval [s] between checks for Ctrl-C: Windows does not interrupt a wait."""


@click.command(short_help="Serve an emulated instrument to any program.")
@click.argument("name")
@click.option(
    "--port",
    "ports",
    multiple=True,
    metavar="[KEY=]N",
    help='The TCP port on loopback; with a key, that of a further address, as "modbus=502".',
)
@click.option("--set", "words", multiple=True, metavar="KEY=VALUE", help="A setting of the driver.")
@click.option(
    "--variant",
    "variant",
    multiple=True,
    metavar="NAME|KEY=VALUE",
    help="A model or dialect of the instrument, or one of its options.",
)
@click.option(
    "--fault", "faults", multiple=True, metavar="TEXT", help='A fault, as "mute after=10".'
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of random faults.")
@click.option("--list-faults", is_flag=True, help="List the faults, and serve nothing.")
@click.option("--list-variants", is_flag=True, help="List the variants, and serve nothing.")
def emulate(
    *,
    name: str,
    ports: Sequence[str],
    words: Sequence[str],
    variant: Sequence[str],
    faults: Sequence[str],
    seed: int,
    list_faults: bool,
    list_variants: bool,
) -> None:
    """Serve the emulator of the driver NAME in real time, until Ctrl-C.

    The addresses are printed as soon as they answer. A serial instrument is on a pseudo-terminal,
    or with --port on a TCP port, socket://127.0.0.1:PORT for pyserial. Only programs on this
    computer can reach it.

    \b
    Examples:
      flowrig emulate chemyx --port 5010 --variant echo=false
      flowrig emulate watlow-f4t --port 5025 --port modbus=502
      flowrig emulate ocean-hdx --fault "saturation at_s=60 for_s=30"
    """
    from flowrig.plugins.registry import Plugins
    from flowrig.profile.settings import settings_from

    plugins = Plugins.discover()
    offer = _driver(plugins, name)
    if list_variants:
        _list_variants(offer)
        return
    settings = settings_from(offer, plugins, words, **{**offer.example, "address": PLACEHOLDER})
    emulator = _build(
        offer,
        plugins.kinds().get(offer.kind),
        settings,
        {**_own_ports(words), **_ports(ports)},
        variant,
    )
    for wire in emulator.context.wires.values():
        wire.seed(seed)
    if list_faults:
        _list_faults(emulator)
        return
    for fault in faults:
        emulator.inject(fault)
    _serve(offer.name, emulator)


def _own_ports(words: Sequence[str]) -> dict[str, int]:
    """The ports of addresses on this computer in the settings of a command line, by their key."""
    ports = {}
    for word in words:
        key, _, address = (part.strip() for part in word.partition("="))
        host, _, port = address.partition(":")
        if host in OWN_HOSTS and port.isascii() and port.isdigit() and int(port) <= MOST:
            ports[key] = int(port)
    return ports


def _ports(words: Sequence[str]) -> dict[str, int]:
    """The ports of a command line, by the key of the address; `address` for one without a key."""
    from flowrig.errors import InputError

    ports = {}
    for word in words:
        key, _, number = word.rpartition("=")
        if not (number.isascii() and number.isdigit() and int(number) <= MOST):
            raise InputError(f"--port {word!r}: expected a TCP port, 0 to {MOST}, or KEY=PORT")
        ports[key.strip() or "address"] = int(number)
    return ports


def _driver(plugins: "Plugins", name: str) -> "DriverOffer":
    """The driver with a name, or the only driver of the plugin with that name."""
    from flowrig.errors import InputError
    from flowrig.profile.problems import nearest

    drivers = {
        key: offer
        for key, offer in plugins.drivers().items()
        if offer.emulator and not offer.by_hand
    }
    if name in drivers:
        return drivers[name]
    owned = [
        key
        for key, offer in drivers.items()
        if name in (plugins.owner(offer).name, plugins.owner(offer).distribution)
    ]
    if len(owned) == 1:
        return drivers[owned[0]]
    if owned:
        raise InputError(f"{name!r} has several emulators; name one of: {', '.join(owned)}")
    near = nearest(name, [*drivers, *(plugins.owner(offer).name for offer in drivers.values())])
    hint = f"; did you mean {near!r}?" if near else f"; there are: {', '.join(sorted(drivers))}"
    raise InputError(f"no installed driver {name!r} ships an emulator{hint}")


def _build(
    offer: "DriverOffer",
    kind: "KindOffer | None",
    settings: "DeviceSettings",
    ports: Mapping[str, int],
    variant: Sequence[str],
) -> "Emulator":
    from flowrig.clock import RealClock
    from flowrig.emulation import (
        BenchWorld,
        Detector,
        Emulator,
        EmulatorContext,
        Plate,
        Plunger,
        StillPlace,
    )
    from flowrig.plugins.offers import import_target

    clock = RealClock()
    emulator_class = _emulator_class(offer)
    detector = Detector(emulator_class.num_pixels(settings))
    body = None
    if kind is not None and kind.body:
        body = import_target(kind.body, f"the body of the kind {kind.name!r}")(StillPlace(clock))
    world = BenchWorld(Plunger(clock, fill_ul=SYRINGE_UL), Plate(clock), detector, body)
    further = {key: port for key, port in ports.items() if key != "address"}
    port = ports.get("address", 0)
    # Two emulated instruments of one kind must not report one serial number.
    name = f"{offer.name} {port or os.getpid()}"
    context = EmulatorContext(name, settings, world, clock, port=port, ports=further)
    wanted = (_variant(offer, settings, variant),) if variant else ()
    emulator = emulator_class(context, *wanted)
    assert isinstance(emulator, Emulator)
    return emulator


def _emulator_class(offer: "DriverOffer") -> Any:
    from flowrig.plugins.offers import import_target

    return import_target(offer.emulator, f"the driver {offer.name!r}")


def _variant(offer: "DriverOffer", settings: "DeviceSettings", words: Sequence[str]) -> Any:
    """The variant of a command line: by name, or that of the settings; with options changed."""
    from flowrig.errors import InputError
    from flowrig.profile.problems import nearest
    from flowrig.profile.settings import changed_by

    variants = _variants(offer)
    names = [word for word in words if "=" not in word]
    for name in names:
        if name not in variants.named:
            near = nearest(name, variants.named)
            hint = f"; did you mean {near!r}?" if near else "; see --list-variants"
            raise InputError(f"the emulator of {offer.name} has no variant {name!r}{hint}")
    if len(names) > 1:
        raise InputError(f"an instrument is one variant, not {' and '.join(map(repr, names))}")
    base = variants.named[names[0]] if names else variants.of_settings(settings)
    options = [word for word in words if "=" in word]
    return changed_by(options, base, "--variant", offer.name)


def _variants(offer: "DriverOffer") -> "Variants":
    from flowrig.errors import InputError

    variants: Variants | None = getattr(_emulator_class(offer), "variants", None)
    if variants is None:
        raise InputError(f"the emulator of {offer.name} has no variants")
    return variants


def _serve(name: str, emulator: "Emulator") -> None:
    from flowrig.errors import InputError

    context = emulator.context
    wanted = {"address": context.port, **context.ports}
    try:
        served = emulator.serve()
    except OSError as error:
        at = ", ".join(str(port) for port in wanted.values() if port)
        raise InputError(
            f"{name} cannot answer{f' at port {at}' if at else ''}: {error}"
        ) from error
    with emulator:
        for key, port in wanted.items():
            if port and not str(getattr(served, key, "")).endswith(f":{port}"):
                option = "--port" if key == "address" else f"--port {key}="
                raise InputError(
                    f"the emulator of {name} takes no {option}; it is at {served.address}"
                )
        over = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: over.set())
        for key, address in _addresses(context.settings, served, wanted).items():
            say(f'{key} = "{address}"')
        say(f"{name} answers there until Ctrl-C.")
        while not over.wait(BLINK_S):
            pass


def _addresses(
    settings: "DeviceSettings", served: "DeviceSettings", wanted: Iterable[str]
) -> Mapping[str, str]:
    """The addresses by the key of a profile: settings that the emulator changed, and `wanted`."""
    from attrs import asdict

    before = asdict(settings, recurse=False)
    after = asdict(served, recurse=False)
    return {key: value for key, value in after.items() if key in wanted or value != before[key]}


def _list_faults(emulator: "Emulator") -> None:
    from flowrig.emulation import WIRE_FAULTS, When
    from flowrig.emulation.fault_text import options_of

    say("of the instrument", underline=True)
    print_entries((f"  {n}", fault.summary, "") for n, fault in emulator.fault_switches().items())
    say("of the wire", underline=True)
    print_entries(
        (f"  {n}", (fault.__doc__ or "").partition("\n")[0], " ".join(options_of(fault)))
        for n, fault in WIRE_FAULTS.items()
    )
    say("when", underline=True)
    say("  " + " ".join(options_of(When)))
    if len(emulator.context.wires) > 1:
        say("  link=" + "|".join(emulator.context.wires))


def _list_variants(offer: "DriverOffer") -> None:
    from attrs import fields

    from flowrig.profile.mismatch import toml_key

    variants = _variants(offer)
    if variants.named:
        say("named", underline=True)
        print_entries((f"  {name}", _changes(variants, name), "") for name in variants.named)
    say("options", underline=True)
    described, plain = variants.descriptions(), variants.options()
    print_entries(
        (f"  {toml_key(one)}", described[one.name], f"default: {_shown(getattr(plain, one.name))}")
        for one in fields(variants.options)
    )


def _changes(variants: "Variants", name: str) -> str:
    """The options in which a named variant differs from the defaults."""
    from attrs import fields

    from flowrig.profile.mismatch import toml_key

    plain, named = variants.options(), variants.named[name]
    pairs = [(one, getattr(named, one.name)) for one in fields(variants.options)]
    changed = [(toml_key(one), value) for one, value in pairs if value != getattr(plain, one.name)]
    return ", ".join(f"{key}={_shown(value)}" for key, value in changed) or "the defaults"


def _shown(value: Any) -> str:
    """A value as a command line takes it."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, bytes):
        return value.decode("latin-1").encode("unicode_escape").decode()
    return str(list(value) if isinstance(value, tuple) else value)
