"""`flowrig plugin check --live`: the checks that are safe on a real instrument."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click
from attrs import asdict, frozen

from flowrig.cli.terminal.printing import print_json, print_paragraph, say
from flowrig.errors import InputError, UnsafeStateError

if TYPE_CHECKING:
    from flowrig.interfaces import Identity, Syringe
    from flowrig.plugins.offers import DriverOffer, Offer
    from flowrig.plugins.registry import Plugins
    from flowrig.testing.bench.live import LiveCheck, LiveSession
    from flowrig.testing.conformance.scorecard import Verdict

__all__ = ["Consent", "check_live", "live_options", "plain_verdict"]

F = TypeVar("F", bound=Callable[..., None])

UNKNOWN_STATE = 4
"""Exit code when the instrument was not seen to be at rest."""


@frozen
class Consent:
    """Permissions of the person at the instrument.

    Attributes:
        may_move: whether a pump may dispense a little.
        may_heat: whether a heater may warm up a little.
        yes: whether checks are made without a question before each.
        syringe: volume and inner diameter of the syringe on the pump, as a profile writes them.
    """

    may_move: bool
    may_heat: bool
    yes: bool
    syringe: tuple[str, str] | None

    def may_act(self, kind: str) -> bool:
        """Whether an instrument of a kind may move or heat."""
        return {"pump": self.may_move, "heater": self.may_heat}.get(kind, False)


CONSENT = {"pump": "--may-move and --syringe", "heater": "--may-heat"}
"""Options that give the permission, by kind."""


def live_options(command: F) -> F:
    """Add the options of a check on a real instrument, which come as `live` and `consent`."""

    @wraps(command)
    def with_consent(
        *,
        may_move: bool,
        may_heat: bool,
        yes: bool,
        syringe: tuple[str, str] | None,
        **others: Any,
    ) -> None:
        command(consent=Consent(may_move, may_heat, yes, syringe), **others)

    for option in (
        click.option("--yes", is_flag=True, help="With --live: do not ask before each check."),
        click.option("--may-heat", is_flag=True, help="With --live: it may warm up by 4 °C."),
        click.option(
            "--may-move",
            is_flag=True,
            help="With --live: a pump may push out a 1000th of its syringe.",
        ),
        click.option(
            "--syringe",
            nargs=2,
            metavar="VOLUME DIAMETER",
            help='With --live: the syringe on the pump, as in "10 mL" "14.567 mm".',
        ),
        click.option("--live", is_flag=True, help="Check a real instrument, at --address."),
    ):
        with_consent = option(with_consent)
    return with_consent  # type: ignore[return-value]


def check_live(
    plugins: "Plugins",
    offers: Sequence["Offer"],
    address: str,
    words: Sequence[str],
    consent: Consent,
    *,
    as_json: bool,
) -> int:
    """Check the one driver among some offers on a real instrument.

    Args:
        plugins: the installed plugins.
        offers: the offers of the plugin.
        address: address of the instrument.
        words: further settings, each as "key=value" with keys and values of a profile.
        consent: permissions of the person at the instrument.
        as_json: whether the verdicts are printed as JSON; then messages go to standard error.

    Returns:
        the exit code: 1 if a check failed, 4 if the instrument was not seen to be at rest.

    Raises:
        InputError: there is not one driver, a setting does not fit, the instrument is at work, or
            another program uses it.
        DeviceError: the instrument does not answer.
    """
    from flowrig.claims import claim, is_placeholder, places
    from flowrig.profile.settings import settings_from
    from flowrig.testing.bench.live import LiveSession

    offer = _only_driver(offers)
    settings = settings_from(offer, plugins, words, address=address)
    if is_placeholder(address):
        raise InputError(f"put the address of your instrument in the place of {address!r}")
    mine = claim(places(settings.connects_to(look=True)), f"{offer.name} at {address}")
    try:
        may_act, syringe = consent.may_act(offer.kind), _syringe(consent.syringe)
        session = LiveSession(offer, settings, may_act=may_act, syringe=syringe)
        return _check(session, offer, address, consent, as_json=as_json)
    finally:
        mine.release()


def _check(
    session: "LiveSession", offer: "DriverOffer", address: str, consent: Consent, *, as_json: bool
) -> int:
    """Make the checks one by one; returns the exit code."""
    identity = session.identify_at_rest()
    answer = f"{identity.vendor} {identity.model} {identity.serial_number}".rstrip()
    say(f"{offer.name} at {address}: {answer}", bold=True, err=as_json)
    verdicts: list[Verdict] = []
    try:
        for check in session.checks:
            verdicts.append(_made(session, check, offer.kind, ask=not consent.yes, err=as_json))
            _print_verdict(verdicts[-1], err=as_json)
    except UnsafeStateError as error:
        say(str(error), fg="red", err=True)
        return UNKNOWN_STATE
    finally:
        if as_json:  # also when a check is interrupted: the verdicts until then are known
            print_json(_plain(offer, identity, verdicts))
    return _print_count(verdicts, err=as_json)


def _only_driver(offers: Sequence["Offer"]) -> "DriverOffer":
    from flowrig.plugins.offers import DriverOffer

    drivers = [offer for offer in offers if isinstance(offer, DriverOffer)]
    if len(drivers) != 1:
        names = ", ".join(offer.name for offer in drivers) or "none"
        raise InputError(f"name one driver to check on an instrument; here is: {names}")
    return drivers[0]


def _made(
    session: "LiveSession", check: "LiveCheck", kind: str, *, ask: bool, err: bool
) -> "Verdict":
    """Announce a check, and make it unless the person or a missing permission forbids it."""
    print_paragraph(check.requirement, err=err)
    say(f"  it {check.does}", dim=True, err=err)
    if check.acts and not session.may_act:
        return session.skip(check, f"{CONSENT[kind]} would allow it")
    if ask and not click.confirm("  go on?", default=True, err=err):
        return session.skip(check, "left out")
    return session.run(check)


def _print_verdict(verdict: "Verdict", *, err: bool) -> None:
    words = {"skipped": "not asked", "unjudged": "not judged"}
    outcome = words.get(verdict.outcome, verdict.outcome)
    colour = "red" if verdict.outcome == "failed" else None
    advice = f": {verdict.advice}" if verdict.advice else ""
    say(f"  {outcome}{advice}", fg=colour, err=err)


def _print_count(verdicts: Sequence["Verdict"], *, err: bool) -> int:
    """Print the number of verdicts of each kind; returns the exit code."""
    outcomes = [verdict.outcome for verdict in verdicts]
    unjudged = outcomes.count("unjudged")
    say(
        f"{outcomes.count('passed')} passed, {outcomes.count('failed')} failed, "
        f"{outcomes.count('skipped')} not asked" + f", {unjudged} not judged" * bool(unjudged),
        bold=True,
        err=err,
    )
    return 1 if "failed" in outcomes else 0


def _plain(offer: "Offer", identity: "Identity", verdicts: Sequence["Verdict"]) -> dict[str, Any]:
    return {
        "kind": offer.kind,
        "name": offer.name,
        "identity": asdict(identity),
        "checks": [plain_verdict(verdict) for verdict in verdicts],
    }


def plain_verdict(verdict: "Verdict") -> dict[str, str]:
    """A verdict as JSON types."""
    return {
        "check": verdict.check,
        "requirement": verdict.requirement,
        "level": verdict.level.value,
        "outcome": verdict.outcome,
        "advice": verdict.advice,
    }


def _syringe(texts: tuple[str, str] | None) -> "Syringe | None":
    from flowrig.interfaces import Syringe
    from flowrig.profile.quantity import QuantityError, parse_quantity

    if texts is None:
        return None
    volume, diameter = texts
    try:
        return Syringe(parse_quantity(volume, "uL"), parse_quantity(diameter, "mm"))
    except QuantityError as error:
        raise InputError(f"--syringe: {error}") from error
