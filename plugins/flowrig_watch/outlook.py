"""When a run stops next, and why: a hold, a refill, a full waste, a gate, the end."""

from collections import deque
from collections.abc import Iterator, Mapping

from attrs import define, field, frozen

from flowrig.profile import Profile
from flowrig.safety.syringes import SyringeLedger

__all__ = ["Pace", "Stop", "next_stops"]

RECENT = 10
"""Experiments of which the pace is the mean."""


@frozen
class Stop:
    """A reason for which a run stops, or waits for a person.

    Attributes:
        what: "hold", "refill", "waste", "gate" or "end".
        text: in a few words.
        after: how many more experiments are measured until then.
    """

    what: str
    text: str
    after: int


@define
class Pace:
    """How fast a process measures, and how much it draws.

    Attributes:
        measured: how many experiments this process has measured.
        has_begun: whether its first experiment has begun; what is drawn before, to fill the path,
            says nothing about those to come.
        drawn_ul: volume [µL] by stream that this process has drawn for them.
        filled_ul: volume [µL] by waste that has come to it.
    """

    measured: int = 0
    has_begun: bool = False
    drawn_ul: dict[str, float] = field(factory=dict)
    filled_ul: dict[str, float] = field(factory=dict)
    _times_s: deque[float] = field(factory=lambda: deque(maxlen=RECENT + 1))

    def begin(self, wall_s: float) -> None:
        """Count from a time [s, wall clock] on: a process begins, or a hold is over."""
        self._times_s.clear()
        self._times_s.append(wall_s)

    def measure(self, wall_s: float) -> None:
        """Count an experiment that ended at a time [s, wall clock]."""
        self.measured += 1
        self._times_s.append(wall_s)

    def draw(self, volumes_ul: Mapping[str, float]) -> None:
        """Count volumes [µL] by stream."""
        for stream, volume_ul in volumes_ul.items():
            self.drawn_ul[stream] = self.drawn_ul.get(stream, 0.0) + volume_ul

    def fill(self, before_ul: Mapping[str, float], now_ul: Mapping[str, float]) -> None:
        """Count what has come to wastes, from their volumes [µL] before and now."""
        for waste, volume_ul in now_ul.items():
            more_ul = max(volume_ul - before_ul.get(waste, 0.0), 0.0)
            self.filled_ul[waste] = self.filled_ul.get(waste, 0.0) + more_ul

    @property
    def experiment_s(self) -> float | None:
        """Mean time [s, wall clock] of the last experiments; None where it is not known yet."""
        count = len(self._times_s) - 1
        return (self._times_s[-1] - self._times_s[0]) / count if count > 0 else None


def next_stops(
    profile: Profile, ledger: SyringeLedger, pace: Pace, begun: int, left: int
) -> list[Stop]:
    """Where a run stops next if the experiments to come draw as much as those before, in order.

    Args:
        profile: the rig with its campaign.
        ledger: the account of its liquid.
        pace: of the process of the run.
        begun: how many experiments are measured or skipped.
        left: how many are to come.
    """
    stops = [*_refills(profile, ledger, pace), *_wastes(ledger, pace), *_gates(profile, begun)]
    end = Stop("end", "the campaign ends", left)
    return [*sorted((s for s in stops if s.after < left), key=lambda one: one.after), end]


def _refills(profile: Profile, ledger: SyringeLedger, pace: Pace) -> Iterator[Stop]:
    for stream, drawn_ul in pace.drawn_ul.items():
        if stream in profile.refills:  # filled by its pump, as long as there is a reservoir
            left_ul = ledger.reservoirs.left_ul.get(stream)
            vessel = "reservoir"
        else:
            kept_ul = ledger.remainder_ul(stream) + ledger.flush_ul(stream)
            left_ul = ledger.left_ul[stream] - kept_ul
            vessel = profile.streams[stream].source
        after = None if left_ul is None else _lasts(left_ul, drawn_ul, pace.measured)
        if after is not None:
            yield Stop("refill", f"the {vessel} of {stream} is to be filled", after)


def _wastes(ledger: SyringeLedger, pace: Pace) -> Iterator[Stop]:
    for waste, filled_ul in pace.filled_ul.items():
        room_ul = ledger.waste.mark_ul(waste) - ledger.waste.filled_ul[waste]
        after = _lasts(room_ul, filled_ul, pace.measured)
        if after is not None:
            yield Stop("waste", f"{waste} is to be emptied", after)


def _gates(profile: Profile, begun: int) -> Iterator[Stop]:
    """Gates before stages that have not begun; no one knows when another gate is reached."""
    stages = profile.campaign.stages if profile.campaign else ()
    before = 0
    for stage in stages:
        for gate in profile.gates:
            if gate.before == "stage" and gate.stage == stage.name and before >= begun:
                yield Stop("gate", f"gate {gate.name}: {gate.asks}", before - begun)
        before += stage.experiments


def _lasts(volume_ul: float, used_ul: float, experiments: int) -> int | None:
    """For how many experiments a volume [µL] is enough; None where nobody knows, or for ever."""
    if experiments == 0 or used_ul <= 0.0 or volume_ul == float("inf"):
        return None
    return int(max(volume_ul, 0.0) / (used_ul / experiments))
