"""For how many experiments a refill is enough."""

from collections.abc import Mapping, Sequence

from flowrig.profile import Profile
from flowrig.safety.reservoirs import stream_of_reservoir
from flowrig.safety.syringes import SyringeLedger

__all__ = ["refill_outlook"]


def refill_outlook(
    profile: Profile,
    streams: Sequence[str],
    volumes_ul: Sequence[Mapping[str, float]],
    experiments: int,
) -> str:
    """For how many experiments full syringes are enough, as the end of a message.

    Args:
        profile: the rig.
        streams: whose syringes are refilled, and STREAM.reservoir for reservoirs.
        volumes_ul: volume [µL] by stream that each of the experiments to come draws, as far as
            their conditions are known; the others are taken to draw the mean of these.
        experiments: number of experiments to come.

    Returns:
        for instance ", enough of CuI for 7 of the 12 experiments to come"; "" if no stream is
        named, or nothing is known of the experiments to come.
    """
    if not streams or not volumes_ul or experiments < 1:
        return ""
    ledger, parts = SyringeLedger(profile), []
    for stream in streams:
        drawn_by = stream_of_reservoir(stream) or stream
        each_ul = sum(volumes[drawn_by] for volumes in volumes_ul) / len(volumes_ul)
        parts.append(f"{stream} for {min(ledger.lasts(stream, each_ul), experiments)}")
    return f", enough of {', of '.join(parts)} of the {experiments} experiments to come"
