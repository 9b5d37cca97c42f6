"""The volume in every reservoir from which syringes are filled."""

from collections.abc import Iterable, Mapping

from flowrig.profile import Profile
from flowrig.profile.model import RESERVOIR

__all__ = ["ReservoirAccount", "stream_of_reservoir"]


class ReservoirAccount:
    """The volume [µL] in every reservoir whose size the profile gives. Reservoirs begin full.

    Args:
        profile: the rig.
    """

    def __init__(self, profile: Profile) -> None:
        self.full_ul: Mapping[str, float] = {
            name: refill.reservoir_ul
            for name, refill in profile.refills.items()
            if refill.reservoir_ul is not None
        }
        self._left_ul = dict(self.full_ul)

    @property
    def left_ul(self) -> Mapping[str, float]:
        """Volume left [µL] by stream, never more than there is."""
        return dict(self._left_ul)

    def take(self, volumes_ul: Mapping[str, float]) -> None:
        """Take off volumes [µL], by stream, that were drawn, or may have been."""
        for stream, volume_ul in volumes_ul.items():
            if stream in self._left_ul:
                self._left_ul[stream] = max(self._left_ul[stream] - volume_ul, 0.0)

    def filled(self, stream: str) -> None:
        """Note that a person has filled the reservoir of a stream."""
        self._left_ul[stream] = self.full_ul[stream]

    def doubt(self, streams: Iterable[str]) -> None:
        """Count reservoirs as empty, because nothing is known of what was drawn."""
        for stream in streams:
            self.take({stream: self._left_ul.get(stream, 0.0)})


def stream_of_reservoir(name: str) -> str | None:
    """The stream of a reservoir by its name, STREAM.reservoir; None for the name of a stream."""
    return name.removesuffix(RESERVOIR) if name.endswith(RESERVOIR) else None
