"""`flowrig plugin check --live`: the checks that are safe on a real instrument."""

from collections.abc import Callable, Sequence
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

import click
from attrs import asdict, frozen

from flowrig.cli.terminal.printing import print_json, print_paragraph
from flowrig.errors import InputError, UnsafeStateError

if TYPE_CHECKING:
    from flowrig.interfaces import Syringe
    from flowrig.plugins.offers import Offer
    from flowrig.testing.bench.live import LiveCheck, LiveSession
    from flowrig.testing.conformance.scorecard import Verdict

__all__ = ["Consent", "check_live", "live_options", "plain_verdict"]

F = TypeVar("F", bound=Callable[..., None])

UNKNOWN_STATE = 4
"""Exit code if the instrument is not confirmed to be at rest."""


@frozen
class Consent:
    """The operator's consent to actions of the instrument.

    Attributes:
        may_move: whether a pump may deliver a small volume.
        may_heat: whether a heater may warm up by a few degrees.
        yes: whether checks start without a question.
        syringe: volume and inner diameter of the syringe in the pump, as in a profile.
    """

    may_move: bool
    may_heat: bool
    yes: bool
    syringe: tuple[str, str] | None

    def may_act(self, kind: str) -> bool:
        """Whether an instrument of a kind may move or heat."""
        return {"pump": self.may_move, "heater": self.may_heat}.get(kind, False)


CONSENT = {"pump": "--may-move and --syringe", "heater": "--may-heat"}
"""The options that give consent, by kind."""


def live_options(command: F) -> F:
    """Add the options of a check on a real instrument, as `live` and `consent`."""

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
            help='With --live: what is on the pump, as in "10 mL" "14.567 mm".',
        ),
        click.option("--live", is_flag=True, help="Check a real instrument, at --address."),
    ):
        with_consent = option(with_consent)
    return with_consent  # type: ignore[return-value]


def check_live(
    offers: Sequence["Offer"],
    address: str,
    words: Sequence[str],
    consent: Consent,
    *,
    as_json: bool,
) -> int:
    """Check a driver on a real instrument.

    Args:
        offers: offers of the plugin, one of them a driver.
        address: address of the instrument.
        words: further settings, each as "key=value" with keys and values of a profile.
        consent: consent of the operator.
        as_json: whether verdicts are printed as JSON, and other messages to standard error.

    Returns:
        the exit code: 1 if a check failed, 4 if the instrument is not confirmed to be at rest.

    Raises:
        InputError: there are no or several drivers, a setting is wrong, or the instrument is at
            work.
        DeviceError: the instrument does not answer.
    """
    from flowrig.plugins.offers import DriverOffer
    from flowrig.profile.settings import settings_from
    from flowrig.testing.bench.live import LiveSession

    drivers = [offer for offer in offers if isinstance(offer, DriverOffer)]
    if len(drivers) != 1:
        names = ", ".join(offer.name for offer in drivers) or "none"
        raise InputError(f"name one driver to check on an instrument; drivers here: {names}")
    (offer,) = drivers
    session = LiveSession(
        offer,
        settings_from(offer, words, address=address),
        may_act=consent.may_act(offer.kind),
        syringe=_syringe(consent.syringe),
    )
    who = session.identify_at_rest()
    click.secho(
        f"{offer.name} at {address}: {who.vendor} {who.model} {who.serial_number}".rstrip(),
        bold=True,
        err=as_json,
    )
    verdicts = []
    try:
        for check in session.checks:
            verdicts.append(_make(session, check, offer.kind, ask=not consent.yes, err=as_json))
            _show(verdicts[-1], err=as_json)
    except UnsafeStateError as error:
        click.secho(str(error), fg="red", err=True)
        return UNKNOWN_STATE
    finally:
        if as_json:
            print_json(
                {
                    "kind": offer.kind,
                    "name": offer.name,
                    "identity": asdict(who),
                    "checks": [plain_verdict(verdict) for verdict in verdicts],
                }
            )
    outcomes = [verdict.outcome for verdict in verdicts]
    unjudged = outcomes.count("unjudged")
    click.secho(
        f"{outcomes.count('passed')} passed, {outcomes.count('failed')} failed, "
        f"{outcomes.count('skipped')} not asked" + f", {unjudged} not judged" * bool(unjudged),
        bold=True,
        err=as_json,
    )
    return 1 if "failed" in outcomes else 0


def _make(
    session: "LiveSession", check: "LiveCheck", kind: str, *, ask: bool, err: bool
) -> "Verdict":
    """Announce a check, and make it if the operator consents."""
    print_paragraph(check.requirement, err=err)
    click.secho(f"  it {check.does}", dim=True, err=err)
    if check.acts and not session.may_act:
        return session.skip(check, f"{CONSENT[kind]} would allow it")
    if ask and not click.confirm("  go on?", default=True, err=err):
        return session.skip(check, "declined")
    return session.run(check)


def _show(verdict: "Verdict", *, err: bool) -> None:
    words = {"skipped": "not asked", "unjudged": "not judged"}
    word = words.get(verdict.outcome, verdict.outcome)
    colour = "red" if verdict.outcome == "failed" else None
    advice = f": {verdict.advice}" if verdict.advice else ""
    click.secho(f"  {word}{advice}", fg=colour, err=err)


def plain_verdict(verdict: "Verdict") -> dict[str, str]:
    """A verdict as plain values for JSON."""
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
