"""Playing a trace back: the plugin's driver against the record, and its emulator against the same.

The emulator that the plugin ships puts the driver on a wire; on that wire, in the place of its own
answers, come those of the record. So no further transport is needed, and what the emulator itself
would have answered is at hand for a comparison.
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

NOBODY_THERE = frozenset({"ConnectionLostError", "UnknownOutcomeError"})
"""What a call raises when the port does not open, which cannot be played back."""


@frozen
class TraceReport:
    """What came of a trace.

    Attributes:
        trace: the trace.
        plugin: what is installed now; the trace has what it was recorded with.
        calls: how many calls were repeated.
        exchanges: how many answers of the emulator were compared.
        driver: where the driver does something else; None if nowhere.
        emulator: where the emulator answers in another form; None if nowhere.
        notes: what could not be compared, one sentence each.
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
        """Whether driver and emulator agree with the record."""
        return self.driver is None and self.emulator is None


def check_trace(path: Path | str, plugins: Plugins | None = None) -> None:
    """Require that driver and emulator agree with a recorded trace; a test in one line.

    Args:
        path: the trace.
        plugins: what is installed, if it was looked up already.

    Raises:
        AssertionError: they do not; the message shows the first difference.
        InputError: it is no trace, its plugin is not installed, or it holds no bytes.
    """
    report = play_back(read_trace(path), plugins)
    told = [
        f"the {who} differs from {path}: {difference}"
        for who, difference in (("driver", report.driver), ("emulator", report.emulator))
        if difference is not None
    ]
    if told:
        raise AssertionError("\n".join(told))


def play_back(
    trace: Trace, plugins: Plugins | None = None, address: str = "127.0.0.1"
) -> TraceReport:
    """Repeat the calls of a trace on the plugin's driver, which gets the recorded answers.

    Args:
        trace: what was recorded.
        plugins: what is installed, if it was looked up already.
        address: an address that the driver's settings take; nothing is opened there.

    Raises:
        InputError: the plugin is not installed, ships no emulator, or takes other settings; or the
            trace holds no bytes.
    """
    plugins = plugins or Plugins.discover(strict=False)
    header = trace.header
    offer = plugins.drivers().get(header.driver)
    if offer is None:
        raise InputError(f"no installed plugin offers the driver {header.driver!r} of this trace")
    if not offer.emulator:
        raise InputError(f"the driver {header.driver!r} ships no emulator to play a trace through")
    if not any(isinstance(entry, BytesEntry) for entry in trace.entries):
        raise InputError(
            "the trace holds no bytes; the driver has to tell its own: self.wire.sent(data) before "
            "each write, self.wire.received(data) after each read"
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
    """Repeat the calls, once more with longer deadlines where a late machine may have failed them.

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
        calls: those that can be repeated.
        notes: what cannot be compared.
        script: what is expected on the wire.
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
        """Repeat all; returns the first difference of the driver."""
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
                self.script.compare_the_rest()

    def _repeat_all(self, driver: Device) -> Difference | None:
        for call in self.calls:
            entry = call.entry
            if call.end is not None and call.end.raised in NOBODY_THERE and not call.exchanges:
                self.notes.append(f"left out {entry} at {entry.time_s:.3f} s: nobody was there")
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
    what = "the driver does not send all that it sent"
    return Difference(missing.time_s, str(call.entry), what, readable(missing.sent), "nothing more")


def _other_outcome(call: RecordedCall, outcome: Any) -> Difference | None:
    """How a call ends, compared by the kind of error, or by the value but for its times."""
    end = call.end
    assert end is not None
    time_s = call.entry.time_s
    if isinstance(outcome, Exception):
        now = EndEntry(time_s, end.number, None, type(outcome).__name__, str(outcome))
    else:
        now = EndEntry(time_s, end.number, plain(outcome))
    if now.raised == end.raised and _alike(end.returned, now.returned):
        return None
    verbs = ("raises" if now.raised else "returns", "raised" if end.raised else "returned")
    what = f"the driver {verbs[0]} something else than it {verbs[1]}"
    return Difference(time_s, str(call.entry), what, str(end), str(now))


def _alike(recorded: Any, now: Any) -> bool:
    """Whether two plain values are the same, up to last digits and what readings now have more."""
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
            f"the driver {offer.name!r} does not take the settings of this trace, which was "
            f"recorded with {trace.header.plugin}: {error}"
        ) from error
