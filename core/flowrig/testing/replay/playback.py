"""Playback of a trace: the plugin's driver and its emulator are compared with the recorded bytes.

The driver talks to the emulator that the plugin ships, but gets the recorded replies in the place
of the emulator's. Playback needs no transport of its own, and the emulator's replies are compared
with the recorded ones.
"""

import math
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from attrs import evolve, frozen

from flowrig.clock import VirtualClock
from flowrig.emulation import BenchWorld, Detector, EmulatorContext, Plate, Plunger
from flowrig.errors import InputError
from flowrig.interfaces import Device, DeviceSettings
from flowrig.plugins.offers import DriverOffer, import_target
from flowrig.plugins.registry import Plugins
from flowrig.testing.bench.bench import MORE_PATIENCE
from flowrig.testing.conformance.checks import TRIES, finish
from flowrig.testing.punctuality import Punctuality
from flowrig.testing.replay.exchanges import RecordedCall, conversation, until
from flowrig.testing.replay.script import Difference, Script, shape_of
from flowrig.trace.file import (
    BytesEntry,
    CallEntry,
    EndEntry,
    Trace,
    from_plain,
    plain,
    read_trace,
    readable,
    settings_from,
)

__all__ = ["Difference", "TraceReport", "check_trace", "play_back"]

PATIENCE_S = 20.0
"""Longest wait [s, real time] for a call, over and above three deadlines."""

NOT_CONNECTED = frozenset({"ConnectionLostError", "UnknownOutcomeError"})
"""Errors of a call whose port did not open; such a call cannot be played back."""


@frozen
class TraceReport:
    """The result of playing a trace back.

    Attributes:
        trace: the trace.
        plugin: name and version of the installed plugin; the trace has those of the recording.
        calls: number of calls that were repeated.
        exchanges: number of the emulator's replies that were compared.
        driver: first difference of the driver; None if there is none.
        emulator: first reply of the emulator in another form; None if there is none.
        notes: parts that were not compared, one sentence each.
    """

    trace: Trace
    plugin: str
    calls: int
    exchanges: int
    driver: Difference | None
    emulator: Difference | None
    notes: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether driver and emulator agree with the trace."""
        return self.driver is None and self.emulator is None


def check_trace(path: Path | str, plugins: Plugins | None = None) -> None:
    """Require that driver and emulator agree with a recorded trace; a test in one line.

    Args:
        path: the file of the trace.
        plugins: the installed plugins; None to discover them.

    Raises:
        AssertionError: driver or emulator differs; the message has the first difference.
        InputError: the file is no trace, its plugin is not installed, or it has no bytes.
    """
    report = play_back(read_trace(path), plugins)
    differences = [
        f"the {who} differs from {path}: {difference}"
        for who, difference in (("driver", report.driver), ("emulator", report.emulator))
        if difference is not None
    ]
    if differences:
        raise AssertionError("\n".join(differences))


def play_back(
    trace: Trace, plugins: Plugins | None = None, address: str = "127.0.0.1"
) -> TraceReport:
    """Repeat the calls of a trace on the plugin's driver, which gets the recorded replies.

    Args:
        trace: the trace.
        plugins: the installed plugins; None to discover them.
        address: an address that the driver's settings accept; it is not opened.

    Raises:
        InputError: the plugin is not installed, has no emulator, or needs other settings; or the
            trace has no bytes.
    """
    plugins = plugins or Plugins.discover()
    header = trace.header
    offer = plugins.drivers().get(header.driver)
    if offer is None:
        raise InputError(f"no installed plugin offers the driver {header.driver!r} of this trace")
    if not offer.emulator:
        raise InputError(f"the driver {header.driver!r} has no emulator, which playback needs")
    if not any(isinstance(entry, BytesEntry) for entry in trace.entries):
        raise InputError(
            "the trace has no bytes; a driver logs its bytes with self.wire.sent(data) before each "
            "write and self.wire.received(data) after each read"
        )
    player, driver = _play_on_time(trace, offer, _settings(trace, offer, address))
    return TraceReport(
        trace=trace,
        plugin=str(plugins.owner(offer)),
        calls=sum(call.is_repeated for call in player.calls),
        exchanges=player.script.compared,
        driver=driver,
        emulator=player.script.emulator,
        notes=tuple(player.notes),
    )


def _play_on_time(
    trace: Trace, offer: DriverOffer, settings: DeviceSettings
) -> tuple["_Player", Difference | None]:
    """Repeat the calls, and again with longer deadlines if they failed on a late machine.

    Returns:
        the last player, and the first difference of the driver.
    """
    for attempt in range(TRIES):
        deadline_s = settings.deadline_s * MORE_PATIENCE**attempt
        player = _Player(trace, offer, evolve(settings, deadline_s=deadline_s))
        with Punctuality() as machine:
            driver = player.play()
        if driver is None or not machine.is_late:
            return player, driver
    player.notes.append("the machine was too slow to judge the driver; try again when it is idle")
    return player, driver


class _Player:
    """Repeats the calls of a trace.

    Attributes:
        calls: the calls that can be repeated.
        notes: parts that are not compared.
        script: the exchanges expected on the wire.
    """

    def __init__(self, trace: Trace, offer: DriverOffer, settings: DeviceSettings) -> None:
        self.calls, self.notes = conversation(trace)
        self.script = Script(self.calls, shape_of(offer))
        self._clock = VirtualClock(self.calls[0].entry.time_s if self.calls else 0.0)
        self._device = trace.header.device
        self._settings = settings
        self._driver_class = offer.load()
        self._emulator_class = import_target(offer.emulator, f"the driver {offer.name!r}")

    def play(self) -> Difference | None:
        """Repeat all calls; return the first difference of the driver, or None."""
        clock = self._clock
        world = BenchWorld(Plunger(clock), Plate(clock), Detector())
        context = EmulatorContext(self._device, self._settings, world, clock, self.script.wrap)
        with self._emulator_class(context) as emulator:
            driver: Device = self._driver_class(self._device, emulator.serve(), clock)
            self.script.on_abandon = getattr(driver, "abandon", self.script.on_abandon)
            try:
                return self._repeat_all(driver)
            finally:
                driver.close()
                self.script.compare_unserved()

    def _repeat_all(self, driver: Device) -> Difference | None:
        for call in self.calls:
            entry = call.entry
            if call.end is not None and call.end.raised in NOT_CONNECTED and not call.exchanges:
                self.notes.append(
                    f"left out {entry} at {entry.time_s:.3f} s: the port did not open"
                )
                continue
            try:
                repeated = _bound(driver, entry)
            except ValueError as error:
                self.notes.append(until(entry, f"{entry} cannot be repeated: {error}"))
                return None
            difference = self._repeat(call, repeated)
            if difference is not None:
                return difference
        return None

    def _repeat(self, call: RecordedCall, repeated: Callable[[], Any]) -> Difference | None:
        self._clock.sleep_until(call.entry.time_s)
        self.script.begin(call)
        call.is_repeated = True
        patience_s = PATIENCE_S + 3 * self._settings.deadline_s
        try:
            (outcome,) = finish(self._clock, patience_s, repeated)
        except AssertionError as error:
            end = "" if call.end is None else str(call.end)
            time_s = call.entry.time_s
            return Difference(time_s, str(call.entry), "the driver hangs", end, str(error))
        return self.script.driver or _unsent(call, self.script) or _other_outcome(call, outcome)


def _bound(driver: Device, entry: CallEntry) -> Callable[[], Any]:
    method = getattr(driver, entry.method, None)
    if method is None:
        raise ValueError("the driver has no such method")
    args = [from_plain(one) for one in entry.args]
    return partial(method, *args, **{name: from_plain(v) for name, v in entry.kwargs.items()})


def _unsent(call: RecordedCall, script: Script) -> Difference | None:
    missing = script.next_on(None)
    if missing is None:
        return None
    what = "the driver does not send all recorded bytes"
    return Difference(missing.time_s, str(call.entry), what, readable(missing.sent), "nothing more")


def _other_outcome(call: RecordedCall, outcome: Any) -> Difference | None:
    """Compare the end of a call: the class of the error, or the value."""
    end = call.end
    assert end is not None
    time_s = call.entry.time_s
    if isinstance(outcome, Exception):
        now = EndEntry(time_s, end.number, None, type(outcome).__name__, str(outcome))
    else:
        now = EndEntry(time_s, end.number, plain(outcome))
    if now.raised == end.raised and _alike(end.returned, now.returned):
        return None
    what = f"the driver {'raises' if now.raised else 'returns'} something else than recorded"
    return Difference(time_s, str(call.entry), what, str(end), str(now))


def _alike(recorded: Any, now: Any) -> bool:
    """Whether plain values agree: to rounding, and without the fields that only `now` has."""
    if isinstance(recorded, dict) and isinstance(now, dict):
        return all(key in now and _alike(value, now[key]) for key, value in recorded.items())
    if isinstance(recorded, list) and isinstance(now, list):
        return len(recorded) == len(now) and all(map(_alike, recorded, now))
    if isinstance(recorded, float) and isinstance(now, float | int):
        return math.isclose(recorded, now, rel_tol=1e-9, abs_tol=1e-12)
    return bool(recorded == now)


def _settings(trace: Trace, offer: DriverOffer, address: str) -> DeviceSettings:
    try:
        return settings_from(trace.header.settings, offer.settings, address)
    except ValueError as error:
        raise InputError(
            f"the driver {offer.name!r} does not accept the settings of this trace, which was "
            f"recorded with {trace.header.plugin}: {error}"
        ) from error
