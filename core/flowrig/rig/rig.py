"""A rig: the instruments of a profile, opened through their plugins."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import cached_property, partial
from typing import Any, TypeVar

import numpy as np
from attrs import field, frozen
from numpy.typing import NDArray

from flowrig.clock import Clock, RealClock, VirtualClock
from flowrig.emulation import World
from flowrig.errors import (
    FlowrigError,
    InputError,
    NotReadyError,
    SeveralDevicesError,
    UnknownOutcomeError,
)
from flowrig.interfaces import (
    Detecting,
    Device,
    Dispensed,
    Frames,
    Heater,
    HeaterReading,
    Identity,
    Pump,
    PumpLimits,
    PumpReadBack,
    PumpState,
    PumpStatus,
    PumpStep,
    Readable,
    Readings,
    Spectrometer,
    SpectrometerReadBack,
)
from flowrig.interfaces.capabilities import Value
from flowrig.plugins.registry import Plugins
from flowrig.profile import Profile, load_profile
from flowrig.profile.model import Stream
from flowrig.profile.rules.analysis import require_pixels, require_seen
from flowrig.rig.claimed import alone, require_distinct
from flowrig.rig.device_threads import DeviceThreads
from flowrig.rig.flow_source import FlowSource
from flowrig.rig.other_devices import Found, look_at, obey
from flowrig.rig.simulated import Simulator, emulated
from flowrig.rig.unopened import even_unopened
from flowrig.trace.file import TraceHeader, settings_of
from flowrig.trace.recorder import Recording, recorded

__all__ = ["Rig", "RigReading", "light_refusal", "open_rig", "require_done"]

COMPUTATION = "(computation)"
"""Name of a thread that is no device's."""

R = TypeVar("R")


@frozen
class RigReading:
    """One reading of every heater, pump, and device of another kind.

    Attributes:
        heaters: by device name.
        pumps: state by stream name.
        read_backs: by stream name, what each running pump reports that it is set to.
        others: what devices of other kinds report, by device name.
    """

    heaters: Mapping[str, HeaterReading]
    pumps: Mapping[str, PumpState]
    read_backs: Mapping[str, PumpReadBack] = field(factory=dict)
    others: Mapping[str, Found] = field(factory=dict)


@frozen
class _WholeLook:
    """Calls that read all devices of a rig.

    Attributes:
        calls: by device.
        pump_of: device that drives each stream.
        others: devices of other kinds that are read.
        driving: those of them that drive a stream.
    """

    calls: Mapping[str, Callable[[], Any]]
    pump_of: Mapping[str, str]
    others: tuple[str, ...]
    driving: tuple[str, ...]


class Rig:
    """The opened instruments of one profile. Made by `open_rig`.

    Methods that name several devices act on all of them at once, one thread a device.

    Args:
        profile: the rig.
        clock: the run's clock.
        threads: the threads of the rig.
        world: the physical world of an emulated rig; None for a real one.
    """

    def __init__(
        self,
        profile: Profile,
        clock: Clock,
        threads: DeviceThreads,
        world: World | None = None,
    ) -> None:
        self.profile = profile
        self._world = world
        self.clock = clock
        self._threads = threads
        self._devices: dict[str, Device] = {
            name: device.offer.load()(name, device.settings, clock)
            for name, device in profile.devices.items()
        }
        for name, device in self._devices.items():
            device.exclusive = not profile.devices[name].emulated
        self._sources = {
            entry.drives: FlowSource(self._devices[name], profile.streams[entry.drives], entry)
            for name, entry in profile.devices.items()
            if entry.drives
        }
        self.identities: Mapping[str, Identity] = {}

    def __getitem__(self, name: str) -> Device:
        """The device of a name in the profile.

        Raises:
            InputError: the profile has no such device.
        """
        if name not in self._devices:
            raise InputError(
                f"{self.profile.name} has no device {name!r}; it has {', '.join(self._devices)}"
            )
        return self._devices[name]

    def pump(self, stream: str) -> Pump:
        """The syringe pump that drives a stream.

        Raises:
            InputError: the profile has no such stream, or a device without a syringe drives it.
        """
        device = self.driver(stream)
        if not isinstance(device, Pump):
            kind = self.profile.devices[device.device.name].offer.kind
            raise InputError(f"{stream} is driven by a {kind}, not by a syringe pump")
        return device

    def driver(self, stream: str) -> Pump | FlowSource:
        """What drives a stream: a syringe pump, or a device without a syringe.

        Raises:
            InputError: the profile has no such stream.
        """
        if stream not in self.profile.streams:
            raise InputError(
                f"{self.profile.name} has no stream {stream!r}; "
                f"it has {', '.join(self.profile.streams)}"
            )
        if stream in self._sources:
            return self._sources[stream]
        device = self._devices[self.profile.streams[stream].pump]
        assert isinstance(device, Pump)
        return device

    def heater(self, device: str) -> Heater:
        """A heater by its device name."""
        found = self[device]
        if not isinstance(found, Heater):
            raise InputError(f"{device} is no heater; heaters are {', '.join(self.heaters)}")
        return found

    def spectrometer(self, device: str) -> Spectrometer:
        """A spectrometer by its device name."""
        found = self[device]
        if not isinstance(found, Spectrometer):
            raise InputError(
                f"{device} is no spectrometer; spectrometers are {', '.join(self.spectrometers)}"
            )
        return found

    def detector(self, device: str) -> Detecting:
        """A spectrometer, or another device that takes frames, by its name."""
        found = self[device]
        if not isinstance(found, Detecting):
            raise InputError(f"{device} takes no frames; {', '.join(self.detectors)} do")
        return found

    @cached_property
    def heaters(self) -> tuple[str, ...]:
        """Device names of the heaters."""
        return tuple(n for n, device in self._devices.items() if isinstance(device, Heater))

    @cached_property
    def spectrometers(self) -> tuple[str, ...]:
        """Device names of the spectrometers."""
        return tuple(n for n, device in self._devices.items() if isinstance(device, Spectrometer))

    @cached_property
    def detectors(self) -> tuple[str, ...]:
        """Names of the devices that take frames, spectrometers included."""
        return tuple(n for n, device in self._devices.items() if isinstance(device, Detecting))

    @cached_property
    def others(self) -> tuple[str, ...]:
        """Names of the devices of kinds that plugins offer, without those that take frames."""
        entries = self.profile.devices.items()
        return tuple(n for n, one in entries if one.kind is not None and not one.axis_unit)

    @property
    def controlled(self) -> tuple[str, ...]:
        """Names of those that the safe state sets to numbers or turns to positions."""
        return tuple(n for n, entry in self.profile.devices.items() if entry.has_safe_value)

    def open(self) -> None:
        """Open and identify every device at once; moves nothing.

        Raises:
            DeviceError: one device does not answer.
            SeveralDevicesError: several do not; the message names each.
            InputError: two devices are one instrument, by their serial numbers.
        """
        self.identities = self._threads.call(
            {name: device.open for name, device in self._devices.items()}
        )
        require_distinct(self.profile, self.identities)

    def prepare(self) -> None:
        """Set the syringes of the pumps, and check that the devices can do what the profile needs.

        Raises:
            NotReadyError: a pump is running; stop it first.
            InputError: a pump cannot deliver the flow rates of the profile, or a spectrometer of
                the analysis cannot shut its light for dark frames, or does not see the
                wavelengths that the analysis reads.
        """
        limits = self._threads.call(
            {
                stream.pump: partial(_prepare, self.driver(name), stream)
                for name, stream in self.profile.streams.items()
            }
        )
        for name, stream in self.profile.streams.items():
            low, high = stream.flow_rate_ul_min
            able = limits[stream.pump]
            with_it = "" if stream.syringe is None else " with this syringe"
            if low < able.rate_min_ul_min or high > able.rate_max_ul_min:
                raise InputError(
                    f"streams.{name}: {stream.pump} can do {able.rate_min_ul_min:g} to "
                    f"{able.rate_max_ul_min:g} µL/min{with_it}, "
                    f"the profile asks for {low:g} to {high:g} µL/min"
                )
            draws_ul_min = None if stream.refill is None else stream.refill.rate_ul_min
            if draws_ul_min is not None and not (
                able.rate_min_ul_min <= draws_ul_min <= able.rate_max_ul_min
            ):
                raise InputError(
                    f"streams.{name}.refill: {stream.pump} can do {able.rate_min_ul_min:g} to "
                    f"{able.rate_max_ul_min:g} µL/min with this syringe, "
                    f"the profile asks for {draws_ul_min:g} µL/min"
                )
        if self.profile.analysis is not None:  # None in a rig that is loaded to be made safe
            self._require_lights()
            self._require_windows()

    def refilled(self, streams: Iterable[str]) -> None:
        """Note that a person has filled the syringes of streams; emulated ones are filled now.

        Other names are those of reservoirs; emulated ones have no end.
        """
        for stream in streams:
            if stream in self.profile.streams and self._world is not None:
                self._world.refill(stream)

    def put_in(self, volumes_ul: Mapping[str, float]) -> None:
        """Note that components of some volumes [µL] are in the path; emulated ones are now."""
        for component, volume_ul in volumes_ul.items():
            if self._world is not None:
                self._world.put_in(component, volume_ul)

    def arm_dead_men(self, timeout_s: float) -> None:
        """Arm the dead-man timers [s] of all devices whose drivers offer one."""
        self._threads.call(
            {
                name: partial(self[name].arm_dead_man, timeout_s)
                for name, device in self.profile.devices.items()
                if device.offer.dead_man
            }
        )

    def _require_lights(self) -> None:
        for name in self.profile.analysis.shuttered:
            if not self.detector(name).controls_light:
                raise InputError(light_refusal(name))

    def _require_windows(self) -> None:
        seen = self.axes()
        require_seen(self.profile, {name: (axis[0], axis[-1]) for name, axis in seen.items()})
        require_pixels(self.profile, {name: len(axis) for name, axis in seen.items()})

    def reconnect(self, devices: Iterable[str] | None = None) -> bool:
        """Close each device that does not answer, and open it again; moves nothing.

        Args:
            devices: their names; all devices by default.

        Returns:
            whether one of them answers now.
        """
        names = tuple(self._devices if devices is None else devices)
        answers = self._threads.attempt({name: self._devices[name].identify for name in names})
        lost = [name for name, answer in answers.items() if isinstance(answer, BaseException)]
        self._threads.attempt({name: self._devices[name].close for name in lost})
        answers |= self._threads.attempt({name: self._devices[name].open for name in lost})
        return any(isinstance(answer, Identity) for answer in answers.values())

    def close(self) -> None:
        """Release every port; moves nothing."""
        self._threads.attempt({name: device.close for name, device in self._devices.items()})

    def wavelengths_nm(self) -> dict[str, NDArray[np.float64]]:
        """Wavelength [nm] of every pixel, by spectrometer, each of shape `n_pixels`."""
        return self._threads.call(
            {name: self.spectrometer(name).wavelengths_nm for name in self.spectrometers}
        )

    def axes(self) -> dict[str, NDArray[np.float64]]:
        """Place of every pixel on the axis, by detector, each of shape `n_pixels`.

        Wavelengths [nm] of a spectrometer, else in the unit of the detector.
        """
        return self._threads.call({name: self.detector(name).axis for name in self.detectors})

    def set_flow_rates(self, flow_rates_ul_min: Mapping[str, float]) -> None:
        """Set flow rates [µL/min] by stream name."""
        self._on_pumps(
            {
                stream: partial(self.driver(stream).set_rate, q)
                for stream, q in flow_rates_ul_min.items()
            }
        )

    def kept_ul_min(self, stream: str, rate_ul_min: float) -> float:
        """The flow rate [µL/min] at which a stream flows when it was set to one.

        It is the same, but for a device without a syringe that keeps flow rates in steps.
        """
        source = self._sources.get(stream)
        return rate_ul_min if source is None else source.kept_ul_min(rate_ul_min)

    def start(self, streams: Iterable[str]) -> None:
        """Start streams together."""
        self._on_pumps({stream: self.driver(stream).start for stream in streams})

    def draw(self, volumes_ul: Mapping[str, float], rates_ul_min: Mapping[str, float]) -> None:
        """Let pumps draw volumes [µL] at flow rates [µL/min], by stream; each stops by itself."""
        self._on_pumps(
            {
                stream: partial(
                    self.pump(stream).start_program, [PumpStep(-ul, rates_ul_min[stream])]
                )
                for stream, ul in volumes_ul.items()
            }
        )

    def stop(self, streams: Iterable[str]) -> None:
        """Stop streams together; each is tried even if others fail."""
        self._on_pumps({stream: self._stop_of(stream) for stream in streams})

    def try_to_stop(self, streams: Iterable[str]) -> dict[str, BaseException]:
        """As `stop`, but raises nothing; returns the errors by stream."""
        answers = self._try_on_pumps({stream: self._stop_of(stream) for stream in streams})
        return {s: error for s, error in answers.items() if isinstance(error, BaseException)}

    def dispensed_if_answered(self, streams: Iterable[str]) -> dict[str, float | None]:
        """Volume [µL] that each stream has delivered since its last start; None without answer."""
        answers = self._try_on_pumps({stream: self.driver(stream).dispensed for stream in streams})
        return {s: a.volume_ul if isinstance(a, Dispensed) else None for s, a in answers.items()}

    def pump_states(self, streams: Iterable[str]) -> dict[str, PumpState]:
        """State of each pump, by stream name."""
        answers = self._on_pumps({stream: self.driver(stream).status for stream in streams})
        return {stream: status.state for stream, status in answers.items()}

    def pump_states_if_answered(self, streams: Iterable[str]) -> dict[str, PumpState | None]:
        """As `pump_states`; None without answer."""
        answers = self._try_on_pumps({stream: self.driver(stream).status for stream in streams})
        return {s: a.state if isinstance(a, PumpStatus) else None for s, a in answers.items()}

    def dispensed(self, streams: Iterable[str]) -> dict[str, Dispensed]:
        """Volume [µL] that each stream has delivered since its last start."""
        return self._on_pumps({stream: self.driver(stream).dispensed for stream in streams})

    def set_temperatures(self, set_points_c: Mapping[str, float]) -> None:
        """Set set points [°C] by heater name."""
        self._threads.call(
            {n: partial(self.heater(n).set_temperature, c) for n, c in set_points_c.items()}
        )

    def heaters_off(self, heaters: Iterable[str]) -> None:
        """Switch heaters off; each is tried even if others fail, also one that is not open."""
        self._threads.call(
            {name: even_unopened(self.heater(name), self.heater(name).off) for name in heaters}
        )

    def read_heaters(self, heaters: Iterable[str]) -> dict[str, HeaterReading]:
        """Temperatures and set points [°C] by heater name."""
        return self._threads.call({name: self.heater(name).read for name in heaters})

    def set_values(self, values: Mapping[str, Value]) -> None:
        """Set devices to numbers, or turn them to positions; each is tried even if others fail.

        One that is not open is told the value that is safe for all devices of its kind, too.
        """
        calls: dict[str, Callable[[], None]] = {}
        for name, value in values.items():
            calls[name] = partial(obey, self[name], value)
            kind = self.profile.devices[name].kind
            if kind is not None and kind.safe is not None and value == kind.safe:
                calls[name] = even_unopened(self[name], calls[name])
        self._threads.call(calls)

    def read(self) -> RigReading:
        """Read every heater, pump, and device of another kind at once."""
        look = self._whole_look
        outcome = self._threads.call(look.calls)
        looks = {name: outcome[name][0] for name in look.driving}
        outcome |= {name: outcome[name][1] for name in look.driving}
        pumps = {stream: outcome[device] for stream, device in look.pump_of.items()}
        return RigReading(
            heaters={name: outcome[name] for name in self.heaters},
            pumps={stream: status.state for stream, (status, _) in pumps.items()},
            read_backs={stream: back for stream, (_, back) in pumps.items() if back is not None},
            others={name: looks.get(name, outcome[name]) for name in look.others},
        )

    @cached_property
    def _whole_look(self) -> "_WholeLook":
        """The calls of `read`, which are the same each time."""
        pump_of = {name: stream.pump for name, stream in self.profile.streams.items()}
        calls: dict[str, Callable[[], Any]] = {
            name: partial(_read_heater, self.heater(name)) for name in self.heaters
        }
        others = [name for name in self.others if not self.profile.devices[name].by_hand]
        calls |= {d: partial(_read_pump, self.driver(stream)) for stream, d in pump_of.items()}
        driving = {device: calls[device] for device in others if device in calls}
        calls |= {name: partial(look_at, self[name]) for name in others if name not in driving}
        calls |= {name: partial(_look_at_both, self[name], call) for name, call in driving.items()}
        return _WholeLook(calls, pump_of, tuple(others), tuple(driving))

    def read_by_attendant(self) -> dict[str, float]:
        """What a simulated person reads at emulated devices by hand, by DEVICE.QUANTITY."""
        devices = {name.partition(".")[0] for name in self.profile.readings_by_hand}
        found: dict[str, Readings] = self._threads.call(
            {n: _readable(self[n]).read for n in devices}
        )
        return {f"{n}.{quantity}": v for n, r in found.items() for quantity, v in r.values.items()}

    def to_come(self) -> dict[str, float]:
        """What off-line analyses will find of what is at the end of the path now.

        Nothing on a real rig, where nobody knows it yet.
        """
        return {} if self._world is None else dict(self._world.analysed())

    def read_back_spectrometers(
        self, spectrometers: Iterable[str]
    ) -> dict[str, SpectrometerReadBack]:
        """What spectrometers report that they are set to; other detectors report nothing."""
        names = [name for name in spectrometers if name in self.spectrometers]
        return self._threads.call({n: self.spectrometer(n).read_back for n in names})

    def integration_times_us(self, detectors: Iterable[str]) -> dict[str, int]:
        """Integration time [µs] of each detector, as its driver has set it."""
        return self._threads.call(
            {name: self.detector(name).integration_time_us for name in detectors}
        )

    def set_light(self, spectrometers: Iterable[str], on: bool) -> None:
        """Open or shut the light sources that detectors control."""
        lights = {name: self.detector(name) for name in spectrometers}
        if on:
            self._threads.call({name: partial(one.set_light, True) for name, one in lights.items()})
        else:
            shut = {
                name: even_unopened(self[name], partial(one.set_light, False))
                for name, one in lights.items()
            }
            self._threads.call(shut)

    def acquire(
        self,
        spectrometers: Iterable[str],
        frames: int,
        interval_s: float = 0.0,
        *,
        tick_s: float | None = None,
        on_tick: Callable[[], object] = lambda: None,
        own: Mapping[str, tuple[int, float]] | None = None,
    ) -> dict[str, Frames]:
        """Take frames on several detectors at once.

        Args:
            spectrometers: device names.
            frames: frames on each.
            interval_s: time [s] from one frame to the next.
            own: by device, another number of frames and another interval [s].
            tick_s: call `on_tick` this often [s] meanwhile, and at once when the clock is
                interrupted.
            on_tick: for instance a reading of heaters and pumps; if it raises, no further frame
                is taken.
        """
        names = tuple(spectrometers)
        exposures_us = self.integration_times_us(names)
        plan = {name: (own or {}).get(name, (frames, interval_s)) for name in names}
        duration_s = max(
            count * max(each_s, 0.1, *(us * 1e-6 for us in exposures_us.values()))
            for count, each_s in plan.values()
        )
        given_up = False

        def take(name: str) -> Frames:
            if given_up:  # before this thread had begun, so that `abandon` did not reach it
                raise NotReadyError("the acquisition was abandoned", device=name)
            return self.detector(name).acquire(*plan[name])

        try:
            return self._threads.call(
                {name: partial(take, name) for name in names},
                duration_s=duration_s,
                tick_s=tick_s,
                on_tick=on_tick,
            )
        except BaseException:
            given_up = True
            for name in names:
                self.detector(name).abandon()
            raise

    def alongside(
        self,
        function: Callable[[], R],
        at_most_s: float,
        *,
        tick_s: float,
        on_tick: Callable[[], object],
    ) -> R:
        """Compute something in a thread of its own, and call `on_tick` at intervals meanwhile.

        Args:
            function: the computation; it touches no device.
            at_most_s: how long [s, real time] it may take.
            tick_s: call `on_tick` this often [s] meanwhile.
            on_tick: for instance a reading of heaters and pumps.

        Raises:
            FlowrigError: the computation took longer.
        """
        done: list[R] = []
        outcome = self._threads.attempt(
            {COMPUTATION: lambda: done.append(function())},
            duration_s=at_most_s,
            tick_s=tick_s,
            on_tick=on_tick,
        )[COMPUTATION]
        if isinstance(outcome, UnknownOutcomeError) and not done:
            raise FlowrigError(f"no result after {at_most_s / 60:.0f} min of computing")
        if isinstance(outcome, BaseException):
            raise outcome
        return done[0]

    def _stop_of(self, stream: str) -> Callable[[], None]:
        """Stop of a stream's pump, also of one that is not open."""
        driver = self.driver(stream)
        device = driver.device if isinstance(driver, FlowSource) else driver
        return even_unopened(device, driver.stop)

    def _try_on_pumps(self, calls: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
        pump_of = {stream: self.profile.streams[stream].pump for stream in calls}
        outcome = self._threads.attempt({pump_of[s]: call for s, call in calls.items()})
        return {stream: outcome[device] for stream, device in pump_of.items()}

    def _on_pumps(self, calls: Mapping[str, Callable[[], Any]]) -> dict[str, Any]:
        pump_of = {stream: self.profile.streams[stream].pump for stream in calls}
        outcome = self._threads.call({pump_of[stream]: call for stream, call in calls.items()})
        return {stream: outcome[device] for stream, device in pump_of.items()}


def light_refusal(name: str) -> str:
    """Why a run refuses a detector of the analysis that controls no light.

    Args:
        name: of the device.
    """
    return (
        f"devices.{name}: its light source is not under control, so dark frames cannot be taken; "
        "wire its shutter to the detector and say so in the settings, or give its channel in "
        '[analysis.channels] the key dark = "stored" or "none"'
    )


def _readable(device: Device) -> Readable:
    assert isinstance(device, Readable)
    return device


def _prepare(driver: Pump | FlowSource, stream: Stream) -> PumpLimits:
    """Set the syringe of a pump; returns the limits of what drives a stream."""
    if isinstance(driver, FlowSource):
        return driver.prepare()
    if stream.syringe is None:  # a stand-in for a device of another kind
        raise NotReadyError("its driver is missing", device=driver.name)
    return driver.set_syringe(stream.syringe)


def _look_at_both(device: Device, read_pump: Callable[[], Any]) -> tuple[Found, Any]:
    """What a device that drives a stream reports, and its state as that of a pump."""
    readings = device.read() if isinstance(device, Readable) else None
    return Found(readings), read_pump()


def _read_heater(heater: Heater) -> HeaterReading:
    return heater.read()  # looked up at each call: a trace wraps the methods of a device


def _read_pump(pump: Pump | FlowSource) -> tuple[PumpStatus, PumpReadBack | None]:
    """State of a pump, and of one that runs also what it is set to."""
    if isinstance(pump, FlowSource):
        return pump.look()
    status = pump.status()
    return status, pump.read_back() if status.state is PumpState.RUNNING else None


def require_done(failed: Mapping[str, BaseException]) -> None:
    """Raise the errors of several devices.

    Args:
        failed: errors by stream; empty where all succeeded.

    Raises:
        Exception: the error, where there is one.
        SeveralDevicesError: there are several errors.
    """
    if len(failed) == 1:
        raise next(iter(failed.values()))
    if failed:
        raise SeveralDevicesError(failed)


@contextmanager
def open_rig(
    profile: Profile | str,
    *,
    simulate: bool = False,
    clock: Clock | None = None,
    seed: int = 1,
    plugins: Plugins | None = None,
    prepare: bool = True,
    traces: Recording | None = None,
    simulator: Simulator = emulated,
) -> Iterator[Rig]:
    """Open the rig of a profile, and close it in the end.

    Closing releases the ports and moves nothing; `flowrig.reach_safe_state` brings a rig to rest. A
    simulated rig stops with its emulators.

    Args:
        profile: a profile, or its name or path.
        simulate: put emulated instruments behind the same drivers.
        clock: real time by default, virtual time by default when simulated.
        seed: of every noise of the emulated rig.
        plugins: what is installed, if it was looked up already.
        prepare: set the syringes of the pumps, for which they must stand still.
        traces: where every byte and every call is recorded, from the opening to the closing.
        simulator: starts the emulated instruments of a simulated rig.

    Raises:
        InputError: the profile is wrong, an address in it is a placeholder, a package is missing,
            another program uses an instrument, or the rig cannot be simulated.
        DeviceError: a device does not answer.
    """
    if isinstance(profile, str):
        profile = load_profile(profile, plugins or Plugins.discover())
    clock = clock or (VirtualClock() if simulate else RealClock())
    with ExitStack() as stack:
        written, world = profile, None
        if simulate:
            emulation = stack.enter_context(simulator(profile, clock, seed))
            profile, world = emulation.profile, emulation.world
        else:
            stack.enter_context(alone(profile))
        rig = Rig(profile, clock, stack.enter_context(DeviceThreads(clock)), world)
        if traces is not None:
            headers = _headers(written, plugins or Plugins.discover(), simulate)
            stack.enter_context(recorded({n: rig[n] for n in headers}, headers, traces))
        stack.callback(rig.close)
        rig.open()
        if prepare:
            rig.prepare()
        yield rig


def _headers(profile: Profile, plugins: Plugins, simulated: bool) -> dict[str, TraceHeader]:
    """The headers of the traces, by device."""
    plugin_of = {listed.offer.name: str(listed.plugin) for listed in plugins.listed}
    return {
        name: TraceHeader(
            device=name,
            kind=device.offer.kind,
            driver=device.offer.name,
            plugin=plugin_of.get(device.offer.name, ""),
            settings=settings_of(device.settings),
            simulated=simulated,
        )
        for name, device in profile.devices.items()
    }
