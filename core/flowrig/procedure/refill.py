"""Filling syringes from reservoirs, between experiments."""

from collections.abc import Generator, Mapping, Sequence
from typing import Any

from attrs import frozen

from flowrig.errors import DeviceFaultError
from flowrig.procedure.steps import Draw, Settle, SetValues, Step
from flowrig.profile import Profile
from flowrig.profile.model import RESERVOIR
from flowrig.safety.syringes import SyringeLedger

__all__ = ["Due", "due_refills", "refill", "refill_duration_s", "valves_back"]

SMALLEST = 0.01
"""Share of its syringe below which a volume is not worth a refill."""

MISSING = 0.02
"""A pump that draws less than it was told, by more than this share, has failed."""


@frozen
class Due:
    """What has to be done before the next experiment.

    Attributes:
        volumes_ul: volume [µL] by stream that its pump draws now.
        empty: reservoirs that hold too little, as STREAM.reservoir.
    """

    volumes_ul: Mapping[str, float]
    empty: tuple[str, ...]


def due_refills(profile: Profile, ledger: SyringeLedger, needed_ul: Mapping[str, float]) -> Due:
    """The refills before volumes [µL], by stream, are delivered.

    A syringe is filled up if it holds less than `below`, or less than is needed now with what the
    safe state flushes and an interlock keeps. It draws what its reservoir has.

    Args:
        profile: the rig.
        ledger: the accounts of syringes and reservoirs.
        needed_ul: by stream.
    """
    volumes_ul, empty = dict[str, float](), list[str]()
    for stream, refill in profile.refills.items():
        if needed_ul.get(stream, 0.0) <= 0.0:
            continue
        left_ul = ledger.left_ul[stream]
        wanted_ul = needed_ul[stream] + ledger.flush_ul(stream) + ledger.remainder_ul(stream)
        if left_ul >= max(wanted_ul, refill.below_ul):
            continue
        room_ul = ledger.room_ul(stream)
        has_ul = ledger.reservoirs.left_ul.get(stream, room_ul)
        lacking_ul = needed_ul[stream] + ledger.remainder_ul(stream) - left_ul
        if has_ul < min(lacking_ul, room_ul):
            empty.append(f"{stream}{RESERVOIR}")
        elif min(room_ul, has_ul) >= SMALLEST * ledger.full_ul(stream):
            volumes_ul[stream] = min(room_ul, has_ul)
    return Due(volumes_ul, tuple(empty))


def refill_duration_s(profile: Profile, volumes_ul: Mapping[str, float]) -> float:
    """How long [s] the pumps take that draw volumes [µL], by stream, at the same time."""
    refills = profile.refills
    return max((ul / refills[s].rate_ul_min * 60 for s, ul in volumes_ul.items()), default=0.0)


def valves_back(profile: Profile, streams: Sequence[str]) -> dict[str, str]:
    """By valve, the position in which streams flow again."""
    refills = profile.refills
    return {refills[stream].valve: refills[stream].run for stream in streams}


def refill(profile: Profile, volumes_ul: Mapping[str, float]) -> Generator[Step, Any, None]:
    """Fill syringes from their reservoirs, all at once; nothing flows on the path meanwhile.

    Every valve is verified at the reservoir before a pump draws, and on the flow path at the end.

    Args:
        profile: the rig.
        volumes_ul: volume [µL] that each draws, by stream.

    Raises:
        DeviceFaultError: a pump drew less than it was told.
    """
    refills = {stream: profile.refills[stream] for stream in volumes_ul}
    yield SetValues({one.valve: one.fill for one in refills.values()})
    drawn_ul = yield Draw(volumes_ul)
    yield Settle(max(one.settle_s for one in refills.values()))
    yield SetValues(valves_back(profile, tuple(volumes_ul)))
    for stream, wanted_ul in volumes_ul.items():
        if drawn_ul[stream] < (1.0 - MISSING) * wanted_ul:
            raise DeviceFaultError(
                f"it drew {drawn_ul[stream] / 1000:.3g} of {wanted_ul / 1000:.3g} mL from the "
                f"reservoir of {stream}; look at it, at the valve and at the line between them",
                device=profile.streams[stream].pump,
            )
