"""The safety rules at work on a rig: they are checked at every reading and before every command."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from statistics import fmean
from typing import Any, Literal

from flowrig.errors import InterlockError, NeedsPersonError, OutOfRangeError, SafetyTripError
from flowrig.interfaces import HeaterReading, Quality
from flowrig.interfaces.capabilities import Value
from flowrig.journal.events import ChangedElsewhere, EventData, HeaterValues, Reading
from flowrig.profile import Interlock, Profile
from flowrig.rig.rig import RigReading
from flowrig.safety.actuation import Actuation
from flowrig.safety.changed_elsewhere import Change, ChangeWatch
from flowrig.safety_rules import (
    FlowNeedsSteadyTemperature,
    FrozenReading,
    HeaterState,
    HeaterWatch,
    HeatNeedsFlow,
    OperatingLimits,
    ReadingLimit,
    Rule,
    Snapshot,
    StreamState,
    StreamWatch,
    Supervisor,
    SyringeNotEmpty,
    Trip,
)

__all__ = ["Guard", "require_flow_rates", "require_set_points", "rules_of"]

CONFIRM_S = 0.5
"""Time [s] after which a setting that differs is read once more, so that one garbled reply does not
count as a change."""

_DRAWS: Mapping[str, str] = {"running": "drawing", "stopped": "stopped"}
"""State of a stream whose syringe is filled, by the state of its pump; others are faults."""

EventNoter = Callable[[EventData], object]
"""Writes an event that may be lost, such as a routine reading."""


def rules_of(profile: Profile) -> Iterator[Rule]:
    """The safety rules of a profile: its limits, its heaters, its streams and its interlocks."""
    heating_c_min = profile.steady.heating_c_min
    yield _limits_of(profile)
    for heater in _heaters(profile):
        thresholds = profile.supervision.thresholds(
            heater, profile.limits.set_point_c(heater)[1], heating_c_min
        )
        yield HeaterWatch(heater, thresholds)
    yield StreamWatch()
    for interlock in profile.interlocks:
        yield _rule_of(interlock, profile)


def require_set_points(profile: Profile, set_points_c: Mapping[str, float]) -> None:
    """Refuse set points [°C], by heater, that are outside the profile's limits.

    Raises:
        OutOfRangeError: a set point is outside.
    """
    for trip in _limits_of(profile).set_points_outside(set_points_c):
        raise OutOfRangeError(str(trip))


def require_flow_rates(profile: Profile, flow_rates_ul_min: Mapping[str, float]) -> None:
    """Refuse flow rates [µL/min], by stream, that are outside the profile's limits.

    Raises:
        OutOfRangeError: a flow rate is outside.
    """
    for trip in _limits_of(profile).rates_outside(flow_rates_ul_min):
        raise OutOfRangeError(str(trip))


def _heaters(profile: Profile) -> list[str]:
    return [name for name, device in profile.devices.items() if device.offer.kind == "heater"]


def _limits_of(profile: Profile) -> OperatingLimits:
    return OperatingLimits(
        {name: profile.limits.set_point_c(name) for name in _heaters(profile)},
        {name: stream.flow_rate_ul_min for name, stream in profile.streams.items()},
    )


def _rule_of(interlock: Interlock, profile: Profile) -> Rule:
    common: dict[str, Any] = {
        "streams": interlock.streams,
        "action": interlock.action,
        "grace_s": interlock.grace_s,
    }
    if interlock.frozen_after_s is not None:
        assert interlock.reading is not None
        return FrozenReading(interlock.reading, interlock.frozen_after_s, **common)
    if interlock.reading is not None:
        unit = profile.readings[interlock.reading]
        limit = interlock.limit_in(unit)
        return ReadingLimit(interlock.reading, interlock.breaks, limit, unit, **common)
    if interlock.kind == "syringe-not-empty":
        supplied = tuple(n for n in interlock.streams if profile.streams[n].syringe is None)
        return SyringeNotEmpty(interlock.remainder_ul, supplied, **common)
    assert interlock.heater is not None
    if interlock.kind == "heat-needs-flow":
        assert interlock.above_c is not None
        return HeatNeedsFlow(interlock.heater, interlock.above_c, **common)
    assert interlock.tolerance_c is not None
    return FlowNeedsSteadyTemperature(
        interlock.heater, interlock.tolerance_c, interlock.or_below_c, **common
    )


class Guard:
    """Reads the rig, and refuses every command that would break a rule.

    The sequence to the safe state does not ask the guard.

    Args:
        actuation: the journalled actuators of the rig.
        note_event: writes readings to the journal.
        on_look: called after every reading.
    """

    def __init__(
        self,
        actuation: Actuation,
        note_event: EventNoter,
        on_look: Callable[[], object] = lambda: None,
    ) -> None:
        self._actuation = actuation
        self._rig = actuation.rig
        self._note_event = note_event
        self._on_look = on_look
        self._state = actuation.ledger.rig_state
        self._supervisor = Supervisor(rules_of(self._rig.profile))
        self._newest = Snapshot(0.0, {}, {})
        self._watch = ChangeWatch(self._rig.profile, self._state)
        self._person_works = False
        self._sampled: list[Mapping[str, float]] = []
        self._is_sampling = False

    @property
    def changes(self) -> tuple[str, ...]:
        """What somebody else has changed since `forget_changes`, or did not put back; one clause
        each."""
        return tuple(f"{change.device}: {change.text}" for change in self._watch.noted)

    def forget_changes(self) -> None:
        """Forget changes that were put back."""
        self._watch.forget()

    @contextmanager
    def person_works(self) -> Iterator[None]:
        """Within this context a person may change settings, for instance to prime a syringe."""
        self._person_works = True
        try:
            yield
        finally:
            self._person_works = False

    def look(self, *, settled: bool = False) -> Mapping[str, HeaterReading]:
        """Read heaters and pumps, and check every rule.

        Args:
            settled: whether every set point has to be the commanded one by now, and not on a ramp.

        Raises:
            SafetyTripError: a rule is broken, or somebody else has changed a setting.
            DeviceError: a heater or a pump does not answer.
        """
        reading, _ = self._look(settled)
        return reading.heaters

    def look_at(self, spectrometers: Iterable[str]) -> None:
        """Compare what spectrometers are set to with what they were told.

        Raises:
            SafetyTripError: somebody else has changed a setting.
            DeviceError: a spectrometer does not answer.
        """
        names = tuple(spectrometers)
        told_us = self._rig.integration_times_us(names)

        def differing() -> list[Change]:
            read_backs = self._rig.read_back_spectrometers(names)
            return self._watch.spectrometer_changes(read_backs, told_us)

        trips = self._trips(self._confirmed(differing(), differing), names)
        if trips:
            raise SafetyTripError(trips)

    def set_temperatures(self, set_points_c: Mapping[str, float]) -> None:
        """Set set points [°C] by heater, unless a rule refuses it.

        Raises:
            OutOfRangeError: a value is outside the limits; nothing was sent.
            InterlockError: an interlock refuses it; nothing was sent.
            NeedsPersonError: an interlock whose action is "hold" refuses it; nothing was sent.
        """
        self._permit(lambda now: now.with_set_points(set_points_c))
        self._actuation.set_temperatures(set_points_c)
        self._watch.heaters_told(set_points_c)

    def set_flow_rates(self, flow_rates_ul_min: Mapping[str, float]) -> None:
        """Set flow rates [µL/min] by stream, unless a rule refuses it; raises the same."""
        self._permit(lambda now: now.with_rates(flow_rates_ul_min))
        self._actuation.set_flow_rates(flow_rates_ul_min)
        self._watch.pumps_told(flow_rates_ul_min)

    def may_start(self, streams: Sequence[str]) -> bool:
        """Read heaters and pumps; returns whether every rule lets streams start now."""
        _, now = self._look()
        return not self._supervisor.refuse(now, now.with_flow(tuple(streams), running=True))

    def start(self, streams: Sequence[str]) -> None:
        """Start streams together, unless a rule refuses it; raises the same.

        A stream whose valve does not lead to the flow path would push into its reservoir, and one
        whose selector leads to no liquid would draw from a closed port.
        """
        self._require_valves(streams, "run")
        self._require_liquids(streams)
        self._permit(lambda now: now.with_flow(tuple(streams), running=True))
        self._actuation.start(streams)

    def draw(self, volumes_ul: Mapping[str, float]) -> None:
        """Let pumps draw volumes [µL], by stream, from their reservoirs; raises the same.

        Nothing may flow meanwhile, and every valve has to lead to its reservoir.
        """
        if self._state.flows:
            flowing = ", ".join(self._state.flows)
            raise InterlockError(f"no syringe is filled while liquid flows, and {flowing} may flow")
        self._require_valves(volumes_ul, "fill")
        self._permit(lambda now: now)
        refills = self._rig.profile.refills
        self._actuation.draw(volumes_ul, {name: refills[name].rate_ul_min for name in volumes_ul})
        self._watch.pumps_told(volumes_ul)

    def still_drawing(self, streams: Iterable[str]) -> tuple[str, ...]:
        """Streams whose pumps still drew at the newest look."""
        return tuple(one for one in streams if self._newest.streams[one].state == "drawing")

    def _require_liquids(self, streams: Iterable[str]) -> None:
        """Refuse to start streams whose selectors were not told to lead to a liquid."""
        for name in streams:
            stream = self._rig.profile.streams[name]
            if stream.selector is None:
                continue
            told = self._state.device(stream.selector.valve).told
            if told not in stream.contents_at:
                known = "nobody has turned it yet" if told is None else f"it is at {told!r}"
                raise InterlockError(
                    f"{stream.selector.valve}: {known}, and {name} draws a liquid at "
                    f"{', '.join(stream.contents_at)} alone"
                )

    def _require_valves(self, streams: Iterable[str], way: Literal["fill", "run"]) -> None:
        """Refuse to move the pumps of streams whose valves lead another way."""
        refills = self._rig.profile.refills
        for stream in streams:
            if stream not in refills:
                continue
            valve, wanted = refills[stream].valve, getattr(refills[stream], way)
            told = self._state.device(valve).told
            if told != wanted:
                known = "nobody has turned it yet" if told is None else f"it is at {told!r}"
                raise InterlockError(
                    f"{valve}: {known}, and the pump of {stream} needs it at {wanted!r}"
                )

    def stop(self, streams: Sequence[str]) -> None:
        """Stop streams together, unless a rule refuses it; raises the same.

        A rule that is broken already, and whose action is "hold", does not prevent the stop.
        """
        self._permit(lambda now: now.with_flow(tuple(streams), running=False), stopping=True)
        self._actuation.stop(streams)

    def set_values(self, values: Mapping[str, Value], *, ending: bool = False) -> None:
        """Set devices to numbers, and turn them to positions, where they are not there yet.

        Args:
            values: by device.
            ending: whether this ends something; a rule that is broken already, and whose action is
                "hold", does not prevent that.

        Raises:
            InterlockError: a device that must not turn while liquid flows would turn; nothing was
                sent.
            SafetyTripError: a safety rule is broken; nothing was sent.
        """
        told = {name: self._state.device(name).told for name in values}
        news = {name: value for name, value in values.items() if value != told[name]}
        if not news:
            return
        self._permit(lambda now: now, stopping=ending)
        devices = self._rig.profile.devices
        still = [name for name in news if not devices[name].abilities.under_flow]
        if still and self._state.flows:
            raise InterlockError(
                f"{', '.join(still)}: it must not turn while liquid flows, and "
                f"{', '.join(self._state.flows)} may flow"
            )
        self._actuation.set_values(news)

    @contextmanager
    def sampling(self) -> Iterator[None]:
        """Within this context, what devices report belongs to a sample."""
        self._sampled, self._is_sampling = [], True
        try:
            yield
        finally:
            self._is_sampling = False

    def sampled_readings(self) -> dict[str, float]:
        """Mean of what devices have reported during the newest sample, by DEVICE.QUANTITY.

        A quantity that had no value in between has none.
        """
        looks = self._sampled or [self._look()[1].readings]
        return {name: fmean(look[name] for look in looks) for name in looks[0]}

    def set_light(self, spectrometers: Iterable[str], on: bool) -> None:
        """Open or shut light sources; no rule refuses that."""
        self._actuation.set_light(spectrometers, on)

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

    def _look(self, settled: bool = False) -> tuple[RigReading, Snapshot]:
        reading, changes = self._read(settled)
        self._on_look()
        event = _reading(reading)
        self._state.follow(self._rig.clock.now_s(), event)
        self._note_event(event)
        snapshot = self._newest = self._snapshot(reading)
        trips = self._supervisor.check(snapshot)
        if self._is_sampling:
            self._sampled.append(snapshot.readings)
        pumps = (self._rig.profile.streams[stream].pump for stream in reading.pumps)
        trips += self._trips(changes, (*reading.heaters, *pumps, *reading.others))
        if trips:
            raise SafetyTripError(trips)
        return reading, snapshot

    def _read(self, settled: bool) -> tuple[RigReading, list[Change]]:
        """Read heaters and pumps, twice where a setting differs from what it should be."""
        readings = [self._rig.read()]

        def differing() -> list[Change]:
            return self._watch.changes(readings[-1], settled=settled)

        def read_again() -> list[Change]:
            readings.append(self._rig.read())
            return differing()

        changes = [] if self._person_works else self._confirmed(differing(), read_again)
        self._watch.learn(readings[-1])
        return readings[-1], changes

    def _confirmed(
        self, changes: list[Change], read_again: Callable[[], list[Change]]
    ) -> list[Change]:
        """Changes that a second reading shows as well; it is taken where one of them is new."""
        if self._watch.are_known(changes):
            return changes
        self._rig.clock.sleep(CONFIRM_S)
        keys = {change.key for change in changes}
        return [change for change in read_again() if change.key in keys]

    def _trips(self, changes: Sequence[Change], devices: Iterable[str]) -> list[Trip]:
        """Write new changes of devices down; returns the trips that they are."""
        fresh = self._watch.note(changes, devices)
        for change in fresh:
            commanded, found = change.shown()
            self._actuation.write_event(
                ChangedElsewhere(
                    device=change.device,
                    setting=change.setting,
                    commanded=commanded,
                    found=found,
                    unit=change.unit,
                )
            )
        return self._watch.trips(fresh)

    def _snapshot(self, reading: RigReading) -> Snapshot:
        now_s = self._rig.clock.now_s()
        left_ul = self._actuation.ledger.left_at_ul(now_s)
        return Snapshot(
            now_s,
            {name: self._heater(name, read) for name, read in reading.heaters.items()},
            {name: self._stream(name, left_ul[name]) for name in reading.pumps},
            _readings(reading),
        )

    def _stream(self, name: str, left_ul: float) -> StreamState:
        stream = self._state.stream(name)
        state, flow = stream.pump, stream.flow
        wanted = flow is not None and flow.is_confirmed
        if wanted and flow is not None and flow.draws_ul is not None:
            # Nothing enters the flow path, and a pump that has drawn its volume stands still.
            wanted = state not in _DRAWS
            state = _DRAWS.get(state, state)
        return StreamState(
            pump=self._rig.profile.streams[name].pump,
            state=state,
            rate_ul_min=stream.set_rate_ul_min or 0.0,
            left_ul=left_ul,
            wanted=wanted,
        )

    def _heater(self, name: str, read: HeaterReading) -> HeaterState:
        bad = read.quality is Quality.BAD
        # Never False: a heater that is off may be switched on by hand at its controller, and then
        # its own set point counts.
        return HeaterState(
            read.temperature_c,
            read.set_point_c,
            sound=not bad,
            faults=read.faults if bad else (),
            heating=True if name in self._state.heated else None,
        )


def _reading(reading: RigReading) -> Reading:
    found = {name: one.value for name, one in reading.others.items()}
    return Reading(
        heaters={
            name: HeaterValues(temperature_c=r.temperature_c, set_point_c=r.set_point_c)
            for name, r in reading.heaters.items()
        },
        pumps={name: state.value for name, state in reading.pumps.items()},
        readings=_readings(reading) or None,
        values={n: one for n, one in found.items() if isinstance(one, float)} or None,
        positions={n: one for n, one in found.items() if isinstance(one, str)} or None,
    )


def _readings(reading: RigReading) -> dict[str, float]:
    """What devices report, by DEVICE.QUANTITY; not a number where there is no value."""
    return {
        f"{device}.{quantity}": value
        for device, found in reading.others.items()
        if found.readings is not None
        for quantity, value in found.readings.values.items()
    }
