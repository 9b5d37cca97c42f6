"""`flowrig discover`: the instruments that are attached to this computer."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from flowrig.cli.terminal.printing import print_entries, print_json, print_paragraph, say

if TYPE_CHECKING:
    from flowrig.interfaces.device import Identity
    from flowrig.plugins.registry import Plugins
    from flowrig.rig.discovery import Found, Survey

__all__ = ["discover"]


@click.command(short_help="Find attached instruments, and print their tables for a profile.")
@click.option(
    "--ask",
    "ports",
    multiple=True,
    metavar="PORT",
    help="A serial port to query for its instrument, or 'all'.",
)
@click.option(
    "--host", "hosts", multiple=True, metavar="ADDR", help="A host on the network to query."
)
@click.option(
    "--driver", "drivers", multiple=True, metavar="NAME", help="Search with this driver only."
)
@click.option(
    "--patience",
    "patience_s",
    type=click.FloatRange(min=1),
    default=20.0,
    show_default=True,
    metavar="SECONDS",
    help="Longest wait for all drivers together.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def discover(
    ports: tuple[str, ...],
    hosts: tuple[str, ...],
    drivers: tuple[str, ...],
    patience_s: float,
    as_json: bool,
) -> None:
    """Find the instruments attached to this computer, and print their tables for a profile.

    Serial ports are listed, and nothing is sent to them, because the query of one instrument can be
    a command to another. Ports named with --ask are queried for their identity by each driver in
    turn. On the network only hosts named with --host are queried. No setting is changed, and
    nothing moves.

    \b
    Examples:
      flowrig discover
      flowrig discover --ask COM3 --ask COM4
      flowrig discover --host 192.168.0.222 --host 192.168.254.254
      flowrig discover --ask all --driver chemyx-fusion
    """
    from flowrig.plugins.registry import Plugins
    from flowrig.rig.discovery import Discovery, survey

    plugins = Plugins.discover()
    known = plugins.drivers()
    for name in drivers:
        plugins.offer("driver", name)
    offers = [offer for name, offer in sorted(known.items()) if not drivers or name in drivers]
    ask = Discovery(ports=ports, hosts=hosts, is_narrowed=len(offers) == 1)
    result = survey(offers, ask, patience_s)
    if as_json:
        print_json(_plain(result))
        return
    _show(result, plugins)


def _show(result: "Survey", plugins: "Plugins") -> None:
    known = [one for one in result.found if one.identity is not None]
    answered = {one.address for one in known}
    unknown = [one for one in result.found if one.address not in answered]
    _print_part("instruments", ((one.address, _identity_text(one), one.note) for one in known))
    _print_part("serial ports", _by_port(unknown))
    if unknown:
        print_paragraph(
            "The instruments on these ports are not known, and the query of one instrument can be "
            f"a command to another. To query one: flowrig discover --ask {unknown[0].address}"
        )
    _print_part(
        "no answer", ((one.address, f"{one.driver}: {one.reason}", "") for one in result.unanswered)
    )
    _print_part("not looked for", ((name, why, "") for name, why in result.skipped.items()))
    if not result.found:
        say("nothing was found")
    if known:
        say("for a profile", underline=True)
        for line in _tables(known, plugins):
            say(line)


def _print_part(title: str, entries: Iterable[tuple[str, str, str]]) -> None:
    rows = [(f"  {name}", sentence, details) for name, sentence, details in entries]
    if rows:
        say(title, underline=True)
        print_entries(rows)


def _by_port(found: Sequence["Found"]) -> Iterable[tuple[str, str, str]]:
    """One entry for each port, which several drivers can list."""
    for address in dict.fromkeys(one.address for one in found):
        here = [one for one in found if one.address == address]
        drivers = " or ".join(dict.fromkeys(one.driver for one in here))
        note = next((one.note for one in here if one.note), "")
        yield address, note or f"for instance {drivers}", f"for instance {drivers}" if note else ""


def _identity_text(one: "Found") -> str:
    assert one.identity is not None
    found = one.identity
    number = f"serial number {found.serial_number}" if found.serial_number else ""
    firmware = f"firmware {found.firmware}" if found.firmware else ""
    return ", ".join(filter(None, (f"{found.vendor} {found.model}", number, firmware)))


def _tables(found: Iterable["Found"], plugins: "Plugins") -> Iterable[str]:
    """The lines of a profile table for each instrument."""
    import tomlkit

    numbers: Counter[str] = Counter()
    for one in found:
        kind = plugins.offer("driver", one.driver).kind
        numbers[kind] += 1
        yield f"[devices.{kind}_{numbers[kind]}]"
        for key, value in {"driver": one.driver, "address": one.address, **one.settings}.items():
            yield f"{key} = {tomlkit.item(value).as_string()}"
        yield ""


def _plain(result: "Survey") -> dict[str, Any]:
    return {
        "found": [
            {
                "driver": one.driver,
                "address": one.address,
                "identity": _identity(one.identity),
                "settings": dict(one.settings),
                "note": one.note,
            }
            for one in result.found
        ],
        "unanswered": [
            {"driver": one.driver, "address": one.address, "reason": one.reason}
            for one in result.unanswered
        ],
        "skipped": dict(result.skipped),
    }


def _identity(identity: "Identity | None") -> Mapping[str, str] | None:
    from attrs import asdict

    return None if identity is None else asdict(identity)
