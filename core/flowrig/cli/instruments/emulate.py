"""`flowrig emulate`: an emulated instrument for any program on this computer."""

import signal
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import click

from flowrig.cli.terminal.printing import print_entries

if TYPE_CHECKING:
    from flowrig.emulation import Emulator
    from flowrig.interfaces import DeviceSettings
    from flowrig.plugins.offers import DriverOffer
    from flowrig.plugins.registry import Plugins

__all__ = ["emulate"]

SYRINGE_UL = 10_000.0
"""Content of the syringe of an emulated pump [µL]."""

PLACEHOLDER = "127.0.0.1"
"""The address in the settings until the emulator has one; all shipped drivers accept it."""

BLINK_S = 0.5
"""Interval [s] between checks for Ctrl-C: Windows does not interrupt a wait."""


@click.command(short_help="Serve an emulated instrument to any program.")
@click.argument("name")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The TCP port on loopback.")
@click.option("--set", "words", multiple=True, metavar="KEY=VALUE", help="A setting of the driver.")
@click.option(
    "--fault", "faults", multiple=True, metavar="TEXT", help='A fault, as "mute after=10".'
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of random faults.")
@click.option("--list-faults", is_flag=True, help="List the faults, and serve nothing.")
def emulate(  # noqa: PLR0917 - one for each option
    name: str,
    port: int,
    words: Sequence[str],
    faults: Sequence[str],
    seed: int,
    list_faults: bool,
) -> None:
    """Serve the emulator of the driver NAME in real time, until Ctrl-C.

    The addresses are printed as soon as they answer. A serial instrument is on a pseudo-terminal,
    or with --port on a TCP port, socket://127.0.0.1:PORT for pyserial. Only programs on this
    computer can reach it.

    \b
    Examples:
      flowrig emulate chemyx --port 5010
      flowrig emulate watlow-f4t --port 5025 --set modbus=127.0.0.1
      flowrig emulate ocean-hdx --fault "saturation at_s=60 for_s=30"
    """
    from flowrig.plugins.registry import Plugins
    from flowrig.profile.settings import settings_from

    offer = _driver(Plugins.discover(), name)
    emulator = _build(offer, settings_from(offer, words, address=PLACEHOLDER), port)
    for wire in emulator.context.wires.values():
        wire.seed(seed)
    if list_faults:
        _list_faults(emulator)
        return
    for fault in faults:
        emulator.inject(fault)
    _serve(offer.name, emulator)


def _driver(plugins: "Plugins", name: str) -> "DriverOffer":
    """The driver with a name, or the only driver of the plugin with that name."""
    from flowrig.errors import InputError
    from flowrig.profile.problems import nearest

    drivers = {key: offer for key, offer in plugins.drivers().items() if offer.emulator}
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


def _build(offer: "DriverOffer", settings: "DeviceSettings", port: int) -> "Emulator":
    from flowrig.clock import RealClock
    from flowrig.emulation import BenchWorld, Detector, Emulator, EmulatorContext, Plate, Plunger
    from flowrig.plugins.offers import import_target

    clock = RealClock()
    world = BenchWorld(Plunger(clock, fill_ul=SYRINGE_UL), Plate(clock), Detector())
    context = EmulatorContext(offer.name, settings, world, clock, port=port)
    emulator = import_target(offer.emulator, f"the driver {offer.name!r}")(context)
    assert isinstance(emulator, Emulator)
    return emulator


def _serve(name: str, emulator: "Emulator") -> None:
    from flowrig.errors import InputError

    try:
        served = emulator.serve()
    except OSError as error:
        where = f" at port {emulator.context.port}" if emulator.context.port else ""
        raise InputError(f"{name} cannot answer{where}: {error}") from error
    with emulator:
        if emulator.context.port and f":{emulator.context.port}" not in served.address:
            raise InputError(f"the emulator of {name} takes no --port; it is at {served.address}")
        over = threading.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: over.set())
        for key, address in _addresses(emulator.context.settings, served).items():
            click.echo(f'{key} = "{address}"')
        click.echo(f"{name} answers there until Ctrl-C.")
        while not over.wait(BLINK_S):
            pass


def _addresses(settings: "DeviceSettings", served: "DeviceSettings") -> Mapping[str, str]:
    """The settings that the emulator changed, such as its address, by the key of a profile."""
    from attrs import asdict

    before = asdict(settings, recurse=False)
    after = asdict(served, recurse=False)
    return {key: value for key, value in after.items() if value != before[key]}


def _list_faults(emulator: "Emulator") -> None:
    from flowrig.emulation import WIRE_FAULTS, When
    from flowrig.emulation.fault_text import options_of

    click.secho("of the instrument", underline=True)
    print_entries((f"  {n}", fault.summary, "") for n, fault in emulator.fault_switches().items())
    click.secho("of the wire", underline=True)
    print_entries(
        (f"  {n}", (fault.__doc__ or "").partition("\n")[0], " ".join(options_of(fault)))
        for n, fault in WIRE_FAULTS.items()
    )
    click.secho("when", underline=True)
    click.echo("  " + " ".join(options_of(When)))
    if len(emulator.context.wires) > 1:
        click.echo("  link=" + "|".join(emulator.context.wires))
