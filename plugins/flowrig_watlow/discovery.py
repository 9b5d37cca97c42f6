"""Which of the hosts that a person names is an F4T."""

from collections.abc import Iterator
from typing import Final

from flowrig.interfaces import WireLog
from flowrig.rig.discovery import Discovery, Found, NoAnswer
from flowrig_watlow.link import ScpiLink
from flowrig_watlow.replies import parse_identity
from flowrig_watlow.settings import SCPI_PORT, F4TSettings

__all__ = ["find_f4ts"]

DRIVER: Final = "watlow-f4t"


def find_f4ts(ask: Discovery) -> Iterator[Found | NoAnswer]:
    """Ask every host who it is, with `*IDN?` (IEEE 488.2), and nothing else.

    Nobody who was not named is asked: an F4T has no way to be found, and a scan of a network is
    not a program's to start.

    Args:
        ask: what a person allows.
    """
    return ask.each(ask.endpoints(SCPI_PORT), lambda address: [_ask(address, ask.deadline_s)])


def _ask(address: str, deadline_s: float) -> Found | NoAnswer:
    link = None
    try:
        settings = F4TSettings(address=address)
        link = ScpiLink(settings.host, settings.port, deadline_s, WireLog())
        who = parse_identity(link.query("*IDN?"))
    except (OSError, ValueError) as error:
        return NoAnswer(driver=DRIVER, address=address, reason=str(error))
    finally:
        if link is not None:
            link.close()
    return Found(driver=DRIVER, address=address, identity=who)
