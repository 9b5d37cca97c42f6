"""The differences between New Era pumps, as options of the emulated one."""

from collections.abc import Mapping
from typing import Final

from attrs import frozen

from flowrig_newera.settings import INNER_DIAMETER_MAX_MM, SPEEDS_MM_MIN

__all__ = ["DIALECTS", "Variant"]


@frozen(kw_only=True)
class Variant:
    """The options in which one pump differs from another.

    Attributes:
        version: reply to `VER`.
        speed_min_mm_min: slowest plunger [mm/min].
        speed_max_mm_min: fastest plunger [mm/min].
        diameter_max_mm: largest inner diameter [mm].
        has_program: whether the pump knows the steps of a program, `PHN` and `FUN`.
        stop_is_refused: whether a pump at rest refuses `STP` with `?NA`; the public programs
            disagree.
        stall_pauses: whether a stall leaves the program paused, or ends it.
        run_clears: whether a start clears the volumes of `DIS`.
        takes_packets: whether a pump in Basic mode also takes packets of the Safe mode.
        answers_basic: whether a pump in Safe mode answers a line without a packet by `?COM`.
        stores_rate: whether a flow rate that was set while the pump ran is kept when its power
            fails; it is not, according to the manual.
        others: addresses of further pumps on the chain.
    """

    version: str = "NE1000V3.928"
    speed_min_mm_min: float = SPEEDS_MM_MIN[0]
    speed_max_mm_min: float = SPEEDS_MM_MIN[1]
    diameter_max_mm: float = INNER_DIAMETER_MAX_MM
    has_program: bool = True
    stop_is_refused: bool = True
    stall_pauses: bool = True
    run_clears: bool = False
    takes_packets: bool = True
    answers_basic: bool = False
    stores_rate: bool = False
    others: tuple[int, ...] = ()


DIALECTS: Final[Mapping[str, Variant]] = {
    "ne-1000": Variant(),
    "chain": Variant(others=(1, 2)),
    "lenient": Variant(
        version="NE1000X2V4.52",
        stop_is_refused=False,
        stall_pauses=False,
        run_clears=True,
        answers_basic=True,
    ),
    "no-program": Variant(has_program=False, takes_packets=False),
}
"""Pumps that the manuals and public programs describe, by name."""
