"""Whether syringes hold enough, and wastes have room, for what a procedure is about to deliver."""

from collections.abc import Collection, Mapping

from flowrig.errors import NeedsPersonError
from flowrig.safety.reservoirs import stream_of_reservoir
from flowrig.safety.syringes import SyringeLedger

__all__ = ["require_volumes"]


def require_volumes(
    ledger: SyringeLedger, volumes_ul: Mapping[str, float], empty: Collection[str] = ()
) -> None:
    """Refuse volumes [µL], by stream, that syringes or wastes have no room for now.

    Args:
        ledger: the accounts.
        volumes_ul: by stream.
        empty: reservoirs, as STREAM.reservoir, that hold too little to fill their syringes.

    Raises:
        OutOfRangeError: a full syringe or an empty waste would be too small as well.
        NeedsPersonError: a syringe or a reservoir has to be refilled, or a waste emptied.
    """
    ledger.require_possible(volumes_ul)
    reservoirs = {stream_of_reservoir(name) or name: name for name in empty}
    short_ul, full_ul = ledger.short_of(volumes_ul), ledger.waste.too_full_for(volumes_ul)
    needs = []
    short_ul = {name: ul for name, ul in short_ul.items() if name not in reservoirs}
    if reservoirs:
        account = ledger.reservoirs
        needs.append(
            "fill "
            + "; ".join(
                f"the reservoir of {stream}: {account.left_ul[stream] / 1000:.2f} mL left, fill up "
                f"to {account.full_ul[stream] / 1000:g} mL"
                for stream in reservoirs
            )
        )
    if short_ul:
        refills = (
            f"{stream}: {left_ul / 1000:.2f} mL left{_stays(ledger.remainder_ul(stream))}, "
            f"{volumes_ul[stream] / 1000:.2f} mL needed, fill up to "
            f"{ledger.full_ul(stream) / 1000:g} mL"
            for stream, left_ul in short_ul.items()
        )
        needs.append("refill " + "; ".join(refills))
    needs += [
        f"empty {waste}: {ledger.waste.filled_ul[waste] / 1000:.1f} mL are in it, "
        f"{more_ul / 1000:.1f} mL would come, and it may hold "
        f"{ledger.waste.mark_ul(waste) / 1000:.4g} of "
        f"{ledger.waste.capacity_ul[waste] / 1000:g} mL"
        for waste, more_ul in full_ul.items()
    ]
    if needs:
        refill = (*short_ul, *reservoirs.values())
        raise NeedsPersonError("; ".join(needs), refill=refill, empty=tuple(full_ul))


def _stays(remainder_ul: float) -> str:
    return f", {remainder_ul / 1000:g} mL of it has to stay" if remainder_ul > 0.0 else ""
