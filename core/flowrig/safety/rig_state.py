"""The state of a rig: what its devices were commanded, and what they report."""

from collections.abc import Iterable, Mapping

from attrs import evolve, frozen

from flowrig.interfaces.capabilities import Value
from flowrig.journal.events import (
    CutLiquid,
    EventData,
    HandDone,
    HeaterValues,
    Intent,
    Outcome,
    Reading,
    Resumed,
    SafeStateSought,
)

__all__ = ["DeviceStatus", "Flow", "HeaterStatus", "RigState", "StreamStatus"]


@frozen(kw_only=True)
class Flow:
    """A stream was commanded to start, or to draw, and is not known to have stopped since.

    Attributes:
        rate_ul_min: flow rate [µL/min] of the start, or of the newest change since. Where it is not
            known whether a change took effect, the higher one.
        since_s: rig time [s] of the command to start.
        is_confirmed: whether the pump confirmed the start.
        draws_ul: volume [µL] that the pump draws from its reservoir; None where it delivers.
        stops_s: rig times [s] of commands to stop, in order; none of them is known to have worked.
        changed_s: rig time [s] of the newest command with another flow rate; None for none.
        before_ul: volume [µL] that flowed until then.
    """

    rate_ul_min: float
    since_s: float
    is_confirmed: bool = False
    draws_ul: float | None = None
    stops_s: tuple[float, ...] = ()
    changed_s: float | None = None
    before_ul: float = 0.0

    def moved_ul(self, time_s: float) -> float:
        """Volume [µL] from the start to a rig time [s], by flow rates and times."""
        since_s = self.since_s if self.changed_s is None else self.changed_s
        return self.before_ul + self.rate_ul_min * (time_s - since_s) / 60

    def changed(self, rate_ul_min: float, time_s: float) -> "Flow":
        """The flow once its pump was told another flow rate [µL/min], and has not confirmed it."""
        return evolve(
            self,
            rate_ul_min=max(self.rate_ul_min, rate_ul_min),
            changed_s=time_s,
            before_ul=self.moved_ul(time_s),
        )


@frozen(kw_only=True)
class StreamStatus:
    """What a stream was commanded, and what its pump reports.

    Attributes:
        set_rate_ul_min: flow rate [µL/min] that this process has set; None where it has set none.
        flow: the start that no stop has ended; None where the stream stands still.
        pump: state of the pump in the newest reading: "running", "stopped", "stalled", …
        runs_unasked: whether the pump has run in a reading since, although the stream stands still
            by all commands: somebody else has started it.
        reported_ul: volume [µL] that the pump reported newest in this run; None where no report is
            known.
    """

    set_rate_ul_min: float | None = None
    flow: Flow | None = None
    pump: str = ""
    runs_unasked: bool = False
    reported_ul: float | None = None


@frozen(kw_only=True)
class HeaterStatus:
    """What a heater was commanded, and what it reads.

    Attributes:
        set_point_c: set point [°C] that this process has set; None where it has set none, or has
            switched the heater off since.
        reads: temperature and set point in the newest reading.
    """

    set_point_c: float | None = None
    reads: HeaterValues | None = None


@frozen(kw_only=True)
class DeviceStatus:
    """What a device of another kind was told, and what it reports.

    Attributes:
        told: number or position that this process has commanded; None where it has commanded none.
        reads: number or position in the newest reading.
    """

    told: Value | None = None
    reads: Value | None = None


_NO_DEVICE, _NO_STREAM, _NO_HEATER = DeviceStatus(), StreamStatus(), HeaterStatus()


class RigState:
    """Follows events, of a run under way or of its journal; nothing else remembers a flow rate."""

    def __init__(self) -> None:
        self._streams: dict[str, StreamStatus] = {}
        self._heaters: dict[str, HeaterStatus] = {}
        self._lights: dict[str, bool] = {}
        self._devices: dict[str, DeviceStatus] = {}
        self._readings: dict[str, float | None] = {}
        self._intent: Intent | None = None
        self._volumes_ul: dict[str, float] = {}

    @property
    def volumes_ul(self) -> Mapping[str, float]:
        """By component that a person changes, the volume [µL] that was put in newest."""
        return dict(self._volumes_ul)

    @property
    def streams(self) -> Mapping[str, StreamStatus]:
        """Streams that an event has named, by name."""
        return dict(self._streams)

    @property
    def heaters(self) -> Mapping[str, HeaterStatus]:
        """Heaters that an event has named, by name."""
        return dict(self._heaters)

    @property
    def lights(self) -> Mapping[str, bool]:
        """By spectrometer: whether this process has opened its light, or shut it."""
        return dict(self._lights)

    @property
    def devices(self) -> Mapping[str, DeviceStatus]:
        """Devices of other kinds that an event has named, by name."""
        return dict(self._devices)

    @property
    def readings(self) -> Mapping[str, float | None]:
        """What devices reported in the newest reading, by DEVICE.QUANTITY."""
        return dict(self._readings)

    def device(self, name: str) -> DeviceStatus:
        """One device of another kind, also one that no event has named."""
        return self._devices.get(name, _NO_DEVICE)

    def stream(self, name: str) -> StreamStatus:
        """One stream, also one that no event has named."""
        return self._streams.get(name, _NO_STREAM)

    def heater(self, name: str) -> HeaterStatus:
        """One heater, also one that no event has named."""
        return self._heaters.get(name, _NO_HEATER)

    @property
    def flows(self) -> Mapping[str, Flow]:
        """By stream: every start, confirmed or not, that no stop is known to have ended."""
        return {name: one.flow for name, one in self._streams.items() if one.flow is not None}

    @property
    def flowing(self) -> tuple[str, ...]:
        """Streams whose pump confirmed the start, and that are not known to have stopped."""
        return tuple(sorted(name for name, flow in self.flows.items() if flow.is_confirmed))

    @property
    def drawing(self) -> tuple[str, ...]:
        """Streams whose pump was commanded to draw from a reservoir, and may still do so."""
        return tuple(sorted(n for n, flow in self.flows.items() if flow.draws_ul is not None))

    @property
    def commanded_rates_ul_min(self) -> Mapping[str, float]:
        """Flow rates [µL/min] of streams whose newest command is to start."""
        return {
            name: flow.rate_ul_min
            for name, flow in self.flows.items()
            if not flow.stops_s and flow.draws_ul is None
        }

    @property
    def heated(self) -> tuple[str, ...]:
        """Heaters that this process has given a set point, and not switched off since."""
        return tuple(n for n, heater in self._heaters.items() if heater.set_point_c is not None)

    def follow(self, time_s: float, data: EventData) -> None:
        """Take an event into account; events of other kinds change nothing.

        Args:
            time_s: rig time [s] of the event.
            data: what happened.
        """
        match data:
            case Intent():
                self._follow_intent(time_s, data)
            case Outcome():
                self._follow_outcome(data)
            case Reading():
                self._follow_reading(data)
            case HandDone():
                self._volumes_ul |= data.volumes_ul or {}
            case SafeStateSought():
                self._stop_commanded(time_s, self._streams)
            case Resumed():
                self._forget_settings()
            case CutLiquid(events=lost, emptied_ul=emptied_ul):
                for event in lost:
                    self.follow(event.time_s, event.data)
                self._stopped(dict.fromkeys(emptied_ul))

    def _follow_intent(self, time_s: float, data: Intent) -> None:
        self._intent = data
        if data.command in ("start", "draw"):
            draws_ul = (data.volumes_ul or {}) if data.command == "draw" else {}
            for name, rate in (data.flow_rates_ul_min or {}).items():
                flow = Flow(rate_ul_min=rate, since_s=time_s, draws_ul=draws_ul.get(name))
                self._streams[name] = evolve(self.stream(name), flow=flow)
        elif data.command == "set-flow-rates":
            for name, rate in (data.flow_rates_ul_min or {}).items():
                stream = self.stream(name)
                if stream.flow is not None and _goes_on(stream.flow):
                    changed = stream.flow.changed(rate, time_s)
                    self._streams[name] = evolve(stream, flow=changed)
        elif data.command == "stop":
            self._stop_commanded(time_s, data.streams or ())

    def _stop_commanded(self, time_s: float, streams: Iterable[str]) -> None:
        for name in streams:
            stream = self.stream(name)
            if stream.flow is not None:
                flow = evolve(stream.flow, stops_s=(*stream.flow.stops_s, time_s))
                self._streams[name] = evolve(stream, flow=flow)

    def _follow_outcome(self, data: Outcome) -> None:
        intent, self._intent = self._intent, None
        if data.outcome == "done" and intent is not None and intent.command == data.command:
            self._done(intent)
        volumes_ul = {**(data.drawn_ul or {}), **(data.dispensed_ul or {})}
        estimated = data.estimated or ()
        self._stopped({name: None if name in estimated else ul for name, ul in volumes_ul.items()})

    def _done(self, intent: Intent) -> None:
        """A command took effect."""
        rates_ul_min = intent.flow_rates_ul_min or {}
        for name, told in _merged(intent.values, intent.positions).items():
            self._devices[name] = evolve(self.device(name), told=told)
        match intent.command:
            case "set-flow-rates":
                for name, rate in rates_ul_min.items():
                    self._set_rate(name, rate)
            case "start" | "draw" as command:
                for name in rates_ul_min:
                    stream = self._streams[name]
                    assert stream.flow is not None
                    # A pump that has run a program has forgotten its flow rate.
                    kept = None if command == "draw" else stream.set_rate_ul_min
                    confirmed = evolve(stream.flow, is_confirmed=True)
                    self._streams[name] = evolve(stream, flow=confirmed, set_rate_ul_min=kept)
            case "stop":
                for name in intent.streams or ():
                    self._streams[name] = evolve(self.stream(name), flow=None, runs_unasked=False)
            case "set-temperatures":
                for name, set_point_c in (intent.set_points_c or {}).items():
                    self._heaters[name] = evolve(self.heater(name), set_point_c=set_point_c)
            case "heater-off":
                for name in intent.heaters or ():
                    self._heaters[name] = evolve(self.heater(name), set_point_c=None)
            case "set-light":
                self._lights |= dict.fromkeys(intent.spectrometers or (), bool(intent.on))

    def _set_rate(self, name: str, rate_ul_min: float) -> None:
        stream = self.stream(name)
        flow = stream.flow
        if flow is not None and _goes_on(flow):
            flow = evolve(flow, rate_ul_min=rate_ul_min)
        self._streams[name] = evolve(stream, set_rate_ul_min=rate_ul_min, flow=flow)

    def _stopped(self, reports_ul: Mapping[str, float | None]) -> None:
        """Streams have stopped, with the volume [µL] that each reported; None for no report."""
        for name, volume_ul in reports_ul.items():
            stream = self.stream(name)
            # A stream that is charged nothing never started: its pump still shows the run before.
            reported_ul = stream.reported_ul if volume_ul == 0.0 else volume_ul
            self._streams[name] = evolve(
                stream, flow=None, runs_unasked=False, reported_ul=reported_ul
            )

    def _follow_reading(self, data: Reading) -> None:
        for name, reads in data.heaters.items():
            set_point_c = self.heater(name).set_point_c
            self._heaters[name] = HeaterStatus(set_point_c=set_point_c, reads=reads)
        for name, pump in data.pumps.items():
            stream = self.stream(name)
            unasked = stream.flow is None and (stream.runs_unasked or pump == "running")
            if (stream.pump, stream.runs_unasked) != (pump, unasked):
                stream = evolve(stream, pump=pump, runs_unasked=unasked)
            self._streams[name] = stream
        for name, found in _merged(data.values, data.positions).items():
            self._devices[name] = evolve(self.device(name), reads=found)
        self._readings = dict(data.readings or {})

    def _forget_settings(self) -> None:
        """Another process goes on: a person may have changed at the devices what was set before."""
        for name, stream in self._streams.items():
            self._streams[name] = evolve(stream, set_rate_ul_min=None)
        for name, heater in self._heaters.items():
            self._heaters[name] = evolve(heater, set_point_c=None)
        self._lights.clear()
        for name, device in self._devices.items():
            self._devices[name] = evolve(device, told=None)


def _goes_on(flow: Flow) -> bool:
    """Whether a pump that delivers goes on at another flow rate when it is told one."""
    return flow.is_confirmed and flow.draws_ul is None and not flow.stops_s


def _merged(
    values: Mapping[str, float] | None, positions: Mapping[str, str] | None
) -> dict[str, Value]:
    """Numbers and positions by device."""
    return {**(values or {}), **(positions or {})}
