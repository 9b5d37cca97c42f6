"""Finding F4T controllers among the hosts that the user names."""

from collections.abc import Iterator
from typing import Final

from flowrig.interfaces import WireLog
from flowrig.rig.discovery import Discovery, Found, NoAnswer
from flowrig_watlow.scpi.link import ScpiLink
from flowrig_watlow.scpi.replies import parse_identity
from flowrig_watlow.settings import SCPI_PORT, F4TSettings

__all__ = ["find_f4ts"]

DRIVER: Final = "watlow-f4t"


def find_f4ts(ask: Discovery) -> Iterator[Found | NoAnswer]:
    """Send `*IDN?` (IEEE 488.2), and nothing else, to every host that the user named.

    An F4T does not announce itself on the network. Other hosts are not asked, because a scan of
    a network needs the consent of whoever runs it.

    Args:
        ask: the hosts that the user named, and the deadline.

    Yields:
        The identity of each host that is an F4T, and the reason for each host that is not.
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
