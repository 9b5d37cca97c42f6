"""The protocol of VICI actuators without a transport.

A request is a line that ends with CR, with the actuator's ID before it if it has one. `CP` is
answered by the position: `CP03` or `CPA`; in the long form, which older actuators have, `CP = 3`
or `Position is = 3`. Commands that turn the valve are answered or not, as `IFM` sets it.

Source: VICI Valco, "Universal Electric Actuator, models EUH, EUD and EUT", serial commands.
"""

import re
from typing import Final

from flowrig_serial.lines import Query

__all__ = ["LETTERS", "number_of_ports", "position", "version"]

LETTERS: Final = {"A": 1, "B": 2}
"""Positions of two-position valves, and the numbers that a profile gives them."""

_VALUE: Final = r'\s*=?\s*"?([0-9]{1,2}|[AB])"?\s*'


def position(actuator: str) -> Query[str]:
    """The query of the position; its reply is a number or a letter."""
    pattern = re.compile(rf"\s*(?:{actuator}\s*)?(?:CP|Position is){_VALUE}", re.IGNORECASE)
    return Query(f"{actuator}CP", lambda line: _group(pattern, line))


def number_of_ports(actuator: str) -> Query[int]:
    """The query of the number of positions; of ports, on a two-position valve."""
    pattern = re.compile(rf"\s*(?:{actuator}\s*)?NP\s*=?\s*([0-9]{{1,2}})\s*", re.IGNORECASE)

    def parse(line: str) -> int | None:
        text = _group(pattern, line)
        return None if text is None else int(text)

    return Query(f"{actuator}NP", parse)


def version(actuator: str) -> Query[str]:
    """The query of the firmware; its reply is a text, in one line or in several."""
    others: tuple[Query[str] | Query[int], ...] = (position(actuator), number_of_ports(actuator))

    def parse(line: str) -> str | None:
        if any(other.parse(line) is not None for other in others):
            return None
        text = re.sub(rf"^\s*({actuator})?(VR)?\s*=?", "", line).strip()
        return text if re.search("[0-9]", text) and len(text) > 3 else None

    return Query(f"{actuator}VR", parse, has_more_lines=True)


def _group(pattern: re.Pattern[str], line: str) -> str | None:
    found = pattern.fullmatch(line)
    return None if found is None else found[1].upper()
