"""The volume in every waste: the liquid of the streams whose flow path ends there."""

from collections.abc import Mapping

from flowrig.errors import OutOfRangeError
from flowrig.journal.events import WasteLevel
from flowrig.profile import Profile
from flowrig.profile.model.flow import GAS, drawn_from
from flowrig.profile.topology import Topology

__all__ = ["FULL", "WARN", "WasteAccount", "waste_text"]

WARN = 0.8
"""Share of a vessel's volume from which on a warning is given."""

FULL = 0.95
"""Largest share of a vessel's volume that an experiment may fill."""


class WasteAccount:
    """The volume [µL] in every waste whose size the profile gives. Wastes begin empty.

    A gas leaves the waste, and does not count.

    A vessel at the end of the path counts as a waste, unless a stream draws from it. What divides
    is counted by its shares, and what passes a valve in each waste that the valve can lead to.

    Args:
        profile: the rig, whose wastes are taken as empty at the start of a run.
    """

    def __init__(self, profile: Profile) -> None:
        drawn = drawn_from(profile.streams)
        self.capacity_ul: Mapping[str, float] = {
            name: component.capacity_ul
            for name, component in profile.path.items()
            if component.capacity_ul is not None and name not in drawn
        }
        topology = Topology(profile)
        # What a valve may lead here or there counts in both.
        self._ends = {
            name: topology.graph.reaching(name)
            for name, stream in profile.streams.items()
            if stream.phase != GAS
        }
        self._filled_ul = dict.fromkeys(self.capacity_ul, 0.0)
        self._flush_ul = self._by_waste(_flushed_ul(profile))

    @property
    def filled_ul(self) -> Mapping[str, float]:
        """Volume [µL] by waste; a stream that runs is counted up to its last stop."""
        return dict(self._filled_ul)

    def add(self, volumes_ul: Mapping[str, float]) -> None:
        """Add volumes [µL] that streams have delivered."""
        for waste, volume_ul in self._by_waste(volumes_ul).items():
            self._filled_ul[waste] += volume_ul

    def emptied(self, waste: str) -> None:
        """Note that a person has emptied a waste."""
        self._filled_ul[waste] = 0.0

    def mark_ul(self, waste: str) -> float:
        """Volume [µL] that a waste may hold: 95 %, or less where a flush needs more room."""
        capacity_ul = self.capacity_ul[waste]
        return min(FULL * capacity_ul, capacity_ul - self._flush_ul[waste])

    def too_full_for(self, volumes_ul: Mapping[str, float]) -> dict[str, float]:
        """Wastes without room for volumes [µL] of streams, with the volume [µL] that would come."""
        return {
            waste: more_ul
            for waste, more_ul in self._by_waste(volumes_ul).items()
            if more_ul > 0.0 and self._filled_ul[waste] + more_ul > self.mark_ul(waste)
        }

    def require_possible(self, volumes_ul: Mapping[str, float]) -> None:
        """Refuse volumes [µL], by stream, that are too large for an empty waste.

        Raises:
            OutOfRangeError: a waste is too small.
        """
        for waste, more_ul in self._by_waste(volumes_ul).items():
            if more_ul > self.mark_ul(waste):
                raise OutOfRangeError(
                    f"{waste}: {more_ul / 1000:.1f} mL come at once, and it may hold "
                    f"{self.mark_ul(waste) / 1000:.4g} mL"
                )

    def _by_waste(self, volumes_ul: Mapping[str, float]) -> dict[str, float]:
        added = dict.fromkeys(self.capacity_ul, 0.0)
        for stream, volume_ul in volumes_ul.items():
            for end, share in self._ends.get(stream, {}).items():
                if end in added:
                    added[end] += share * volume_ul
        return added


def waste_text(name: str, level: WasteLevel) -> str:
    """Content and capacity of a waste vessel, in words."""
    filled_ul, capacity_ul = level.filled_ul, level.capacity_ul
    return (
        f"{name}: {filled_ul / 1000:.1f} of {capacity_ul / 1000:g} mL, "
        f"{filled_ul / capacity_ul:.0%} full"
    )


def _flushed_ul(profile: Profile) -> dict[str, float]:
    """Largest volume [µL] that the safe state flushes, by stream."""
    flushed: dict[str, float] = {}
    for step in profile.safe_state:
        for stream, rate in step.flow_rates_ul_min.items():
            flushed[stream] = flushed.get(stream, 0.0) + rate * step.at_most_s / 60
    return flushed
