"""`flowrig plugin`: write a plugin, and check one with the conformance suites."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from flowrig.cli.instruments.live import Consent, check_live, live_options, plain_verdict
from flowrig.cli.terminal.printing import print_json, say

if TYPE_CHECKING:
    from flowrig.plugins.offers import Offer
    from flowrig.testing.conformance.scorecard import Scorecard

__all__ = ["plugin"]

LEVELS = ("bronze", "silver", "gold")


@click.group()
def plugin() -> None:
    """Write a plugin of your own, and check one."""


@plugin.command(short_help="Write a complete plugin that passes its tests.")
@click.argument("kind")
@click.argument("name")
@click.option(
    "--into",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Parent of the new folder; default: the current folder.",
)
def new(kind: str, name: str, into: Path) -> None:
    """Write a complete plugin that already passes its tests, into a new folder flowrig-NAME.

    KIND is pump, heater, spectrometer, optimizer, surrogate, analysis, chemistry, study, quality,
    paper, or a kind of device that a plugin offers, such as valve or sensor.

    \b
    Examples:
      flowrig plugin new pump drip
      flowrig plugin new valve selector
      flowrig plugin new optimizer farthest --into ~/plugins
    """
    from flowrig.testing.scaffold import new_plugin

    root = new_plugin(kind, name, into)
    article = "an" if kind[0] in "aeiou" else "a"
    say(
        f"{root} has a working example of {article} {kind}; replace its protocol or model by yours:"
    )
    say(f"  pip install -e {root}")
    say(f"  flowrig plugin check {name}")


@plugin.command(short_help="Check a plugin with the conformance suites.")
@click.argument("name")
@click.option(
    "--at-least",
    type=click.Choice(LEVELS),
    default="bronze",
    show_default=True,
    help="The exit code is 1 below this level.",
)
@click.option(
    "--address",
    default="127.0.0.1",
    help="An address that the driver accepts; with --live, that of the instrument.",
)
@click.option(
    "--set",
    "words",
    multiple=True,
    metavar="KEY=VALUE",
    help="A setting of the driver, as in a profile.",
)
@live_options
@click.option("--json", "as_json", is_flag=True, help="Print JSON for scripts.")
def check(
    *,
    name: str,
    at_least: str,
    address: str,
    words: tuple[str, ...],
    live: bool,
    consent: Consent,
    as_json: bool,
) -> None:
    """Run the conformance suites on the offers of the plugin NAME; drivers face their emulators.

    Each offer gets a level: bronze, silver or gold. A check that misses a
    deadline on a busy machine is repeated with longer ones; if it misses them, it is not judged.

    With --live a driver faces the instrument at --address instead, with the checks that are safe on
    a real one. Each is announced and needs your consent. Nothing moves or heats without an option
    that allows it, and each check ends with the instrument at rest, also after a fault.

    \b
    Examples:
      flowrig plugin check chemyx
      flowrig plugin check drip --at-least silver
      flowrig plugin check chemyx --live --address COM3 --set baud=9600
    """
    from flowrig.plugins.registry import Plugins
    from flowrig.testing.conformance.installed import offers_of, score_offer

    plugins, cards = Plugins.discover(), []
    if live:
        offers = offers_of(plugins, name)
        sys.exit(check_live(plugins, offers, address, words, consent, as_json=as_json))
    for offer in offers_of(plugins, name):
        card = score_offer(offer, address, words, plugins)
        cards.append((offer, card))
        if not as_json:
            _show(offer, card)
    if as_json:
        print_json([_plain(offer, card) for offer, card in cards])
    wanted = LEVELS.index(at_least)
    sys.exit(0 if all(_rank(card) >= wanted for _, card in cards) else 1)


def _show(offer: "Offer", card: "Scorecard") -> None:
    """One line for the offer, one for each level, and advice for every check that failed."""
    say(f"{offer.kind} {offer.name}: {_medal(card)}", bold=True)
    for level in type(card.verdicts[0].level):
        good, of = card.count(level)
        say(f"  {level.value:<6} {good} of {of}")
    for verdict in card.verdicts:
        if verdict.outcome == "failed":
            say(f"  {verdict.level.value}: {verdict.requirement}", fg="red")
            say(f"    {verdict.check}: {verdict.advice}")
        elif verdict.outcome == "skipped":
            say(f"  not asked: {verdict.requirement} ({verdict.advice})")
        elif verdict.outcome == "unjudged":
            say(f"  not judged: {verdict.requirement}", fg="yellow")
            say(f"    {verdict.check}: {verdict.advice}")


def _medal(card: "Scorecard") -> str:
    """The level that is earned, and the one that a less busy machine may find earned."""
    earned = card.level.value if card.level else "below bronze"
    if card.possible_level is card.level or card.possible_level is None:
        return earned
    return f"{earned}, perhaps {card.possible_level.value}: this machine is too slow to judge"


def _plain(offer: "Offer", card: "Scorecard") -> dict[str, Any]:
    return {
        "kind": offer.kind,
        "name": offer.name,
        "level": card.level.value if card.level else None,
        "possible_level": card.possible_level.value if card.possible_level else None,
        "checks": [plain_verdict(verdict) for verdict in card.verdicts],
    }


def _rank(card: "Scorecard") -> int:
    return LEVELS.index(card.level.value) if card.level else -1
