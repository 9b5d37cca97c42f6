"""The safety kernel at work on a rig: it is asked at every look, and before every command."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from flowrig.errors import InterlockError, NeedsPersonError, OutOfRangeError, SafetyTripError
from flowrig.interfaces import HeaterReading, Quality
from flowrig.journal.events import EventData, HeaterValues, Reading
from flowrig.profile import Interlock, Profile
from flowrig.rig.rig import RigReading
from flowrig.safety.actuation import Actuation
from flowrig.safety_rules import (
    FlowNeedsSteadyTemperature,
    HeaterState,
    HeaterWatch,
    HeatNeedsFlow,
    OperatingLimits,
    Rule,
    Snapshot,
    StreamState,
    StreamWatch,
    Supervisor,
    SyringeNotEmpty,
)

__all__ = ["Guard", "require_flow_rates", "require_set_points", "rules_of"]

Noter = Callable[[EventData], object]


def rules_of(profile: Profile) -> Iterator[Rule]:
    """The rules that a profile asks for."""
    limits, heating_c_min = profile.limits.temperature_c, profile.steady.heating_c_min
    yield _limits_of(profile)
    for heater in _heaters(profile):
        thresholds = profile.supervision.thresholds(heater, limits[1], heating_c_min)
        yield HeaterWatch(heater, thresholds)
    yield StreamWatch()
    for interlock in profile.interlocks:
        yield _rule_of(interlock)


def require_set_points(profile: Profile, set_points_c: Mapping[str, float]) -> None:
    """Refuse set points [°C], by heater, that the profile's limits do not allow.

    Raises:
        OutOfRangeError: one is outside.
    """
    for trip in _limits_of(profile).set_points_outside(set_points_c):
        raise OutOfRangeError(str(trip))


def require_flow_rates(profile: Profile, flow_rates_ul_min: Mapping[str, float]) -> None:
    """Refuse flow rates [µL/min], by stream, that the profile's limits do not allow.

    Raises:
        OutOfRangeError: one is outside.
    """
    for trip in _limits_of(profile).rates_outside(flow_rates_ul_min):
        raise OutOfRangeError(str(trip))


def _heaters(profile: Profile) -> list[str]:
    return [name for name, device in profile.devices.items() if device.offer.kind == "heater"]


def _limits_of(profile: Profile) -> OperatingLimits:
    return OperatingLimits(
        dict.fromkeys(_heaters(profile), profile.limits.temperature_c),
        {name: stream.flow_rate_ul_min for name, stream in profile.streams.items()},
    )


def _rule_of(said: Interlock) -> Rule:
    common: dict[str, Any] = {"action": said.action, "grace_s": said.grace_s}
    if said.kind == "syringe-not-empty":
        return SyringeNotEmpty(said.streams, said.remainder_ul, **common)
    assert said.heater is not None
    if said.kind == "heat-needs-flow":
        assert said.above_c is not None
        return HeatNeedsFlow(said.heater, said.above_c, said.streams, **common)
    assert said.tolerance_c is not None
    return FlowNeedsSteadyTemperature(
        said.heater, said.streams, said.tolerance_c, said.or_below_c, **common
    )


class Guard:
    """Looks at heaters and pumps, and lets no command pass that would break a rule.

    The way to the safe state does not lead through here.

    Args:
        actuation: the journalled actuators of the rig.
        note: writes readings to the journal.
        on_look: called after every look.
    """

    def __init__(
        self, actuation: Actuation, note: Noter, on_look: Callable[[], object] = lambda: None
    ) -> None:
        self._actuation = actuation
        self._rig = actuation.rig
        self._note = note
        self._on_look = on_look
        self._supervisor = Supervisor(rules_of(self._rig.profile))
        self._heated: set[str] = set()
        self._started: set[str] = set()
        self._rates_ul_min: dict[str, float] = {}
        self._newest = Snapshot(0.0, {}, {})

    @property
    def flowing(self) -> tuple[str, ...]:
        """Streams that were started and not stopped since."""
        return tuple(sorted(self._started))

    @property
    def rates_ul_min(self) -> Mapping[str, float]:
        """Flow rates [µL/min] that were set, by stream."""
        return dict(self._rates_ul_min)

    @property
    def heats(self) -> bool:
        """Whether a heater was given a set point."""
        return bool(self._heated)

    def look(self) -> Mapping[str, HeaterReading]:
        """Look at heaters and pumps.

        Raises:
            SafetyTripError: a rule is broken.
            DeviceError: a heater or a pump does not answer.
        """
        reading, _ = self._look()
        return reading.heaters

    def set_temperatures(self, set_points_c: Mapping[str, float]) -> None:
        """Set set points [°C] by heater, if no rule is against it.

        Raises:
            OutOfRangeError: outside the limits; nothing was sent.
            InterlockError: an interlock is against it; nothing was sent.
            NeedsPersonError: the same of an interlock that asks for a person.
        """
        self._permit(lambda now: now.with_set_points(set_points_c))
        self._actuation.set_temperatures(set_points_c)
        self._heated.update(set_points_c)

    def set_flow_rates(self, flow_rates_ul_min: Mapping[str, float]) -> None:
        """Set flow rates [µL/min] by stream, if no rule is against it; raises the same."""
        self._permit(lambda now: now.with_rates(flow_rates_ul_min))
        self._actuation.set_flow_rates(flow_rates_ul_min)
        self._rates_ul_min.update(flow_rates_ul_min)

    def may_start(self, streams: Sequence[str]) -> bool:
        """Look at heaters and pumps, and tell whether no rule is against starting streams now."""
        _, now = self._look()
        return not self._supervisor.refuse(now, now.with_flow(tuple(streams), running=True))

    def start(self, streams: Sequence[str]) -> None:
        """Start streams together, if no rule is against it; raises the same."""
        self._permit(lambda now: now.with_flow(tuple(streams), running=True))
        self._actuation.start(streams)
        self._started.update(streams)

    def stop(self, streams: Sequence[str]) -> None:
        """Stop streams together, if no rule is against it; raises the same.

        A rule that is broken, and only asks for a person, keeps nobody from stopping.
        """
        self._permit(lambda now: now.with_flow(tuple(streams), running=False), stopping=True)
        self._actuation.stop(streams)
        self._started.difference_update(streams)

    def _permit(self, change: Callable[[Snapshot], Snapshot], *, stopping: bool = False) -> None:
        try:
            _, now = self._look()
        except SafetyTripError as error:
            if not stopping or error.action != "hold":
                raise
            now = self._newest
        refused = self._supervisor.refuse(now, change(now))
        if refused:
            if refused[0].action == "hold":
                raise NeedsPersonError(str(refused[0]))
            about_value = refused[0].rule in (OperatingLimits.name, "heating-margin")
            raise (OutOfRangeError if about_value else InterlockError)(str(refused[0]))

    def _look(self) -> tuple[RigReading, Snapshot]:
        reading = self._rig.read()
        self._on_look()
        self._note(_reading(reading))
        snapshot = self._newest = self._snapshot(reading)
        trips = self._supervisor.check(snapshot)
        if trips:
            raise SafetyTripError(trips)
        return reading, snapshot

    def _snapshot(self, reading: RigReading) -> Snapshot:
        now_s = self._rig.clock.now_s()
        left_ul = self._actuation.ledger.left_at_ul(now_s)
        return Snapshot(
            now_s,
            {name: self._heater(name, told) for name, told in reading.heaters.items()},
            {
                name: StreamState(
                    pump=self._rig.profile.streams[name].pump,
                    state=state.value,
                    rate_ul_min=self._rates_ul_min.get(name, 0.0),
                    left_ul=left_ul[name],
                    wanted=name in self._started,
                )
                for name, state in reading.pumps.items()
            },
        )

    def _heater(self, name: str, told: HeaterReading) -> HeaterState:
        bad = told.quality is Quality.BAD
        return HeaterState(
            told.temperature_c,
            told.set_point_c,
            sound=not bad,
            faults=told.faults if bad else (),
            heating=True if name in self._heated else None,
        )


def _reading(reading: RigReading) -> Reading:
    return Reading(
        heaters={
            name: HeaterValues(temperature_c=r.temperature_c, set_point_c=r.set_point_c)
            for name, r in reading.heaters.items()
        },
        pumps={name: state.value for name, state in reading.pumps.items()},
    )
