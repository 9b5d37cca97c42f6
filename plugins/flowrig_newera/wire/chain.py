"""The line to a chain of New Era pumps: requests, replies, and how to find back after a failure.

A reply does not say to which request it belongs. So after every failure the line synchronizes with
the pump before anything else: it spoils what waits in the pump, asks for the version, and drops
everything before that reply.
"""

import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final

from attrs import define, field

from flowrig.interfaces import WireChannel
from flowrig_newera.wire.protocol import (
    Alarm,
    Frame,
    FrameSplitter,
    GarbledError,
    Reply,
    basic_request,
    packet,
    parse_reply,
    parse_version,
)
from flowrig_serial.lines import LineFault
from flowrig_serial.port import Port
from flowrig_serial.ports import rivals

__all__ = ["ChainLine"]

PROBE: Final = "VER"  # changes nothing, and is sent for nothing else
SPOILER: Final = "?"  # no request contains it, so it spoils the beginning of one in the pump
FILLER: Final = b"\0" * 64
"""Completes a packet whose rest never came, so that the pump drops it; it has no meaning else."""
STOP: Final = "STP"
FLUSH_S: Final = 0.2  # silence that ends what a pump still had to send
BUSY_S: Final = 0.25  # longest wait of a stop for the exchange of another pump
REPLY_BYTES: Final = 24  # a long reply
PENDING_ALARMS: Final = 3  # a pump that answers more requests in a row by an alarm is not well


class _OtherModeError(Exception):
    """The pump answers in the other mode."""


@define
class _Station:
    """One pump on the line.

    Attributes:
        address: its address.
        is_safe: whether it is in Safe mode; None if that is not known.
        is_synchronized: whether the next reply belongs to the next request.
        probe_unanswered: whether a reply to `PROBE` may still come.
        alarms: the alarms that it has reported since somebody took them.
    """

    address: int
    is_safe: bool | None = None
    is_synchronized: bool = False
    probe_unanswered: bool = False
    alarms: list[Alarm] = field(factory=list)

    def request(self, command: str) -> bytes:
        """A command as this pump takes it."""
        text = f"{self.address}{command}"
        return packet(text) if self.is_safe else basic_request(text)


class ChainLine:
    """One open port with one pump, or several that have different addresses.

    Args:
        port: name or URL of the port for pyserial.
        bauds: the line speeds to try, in this order.

    Raises:
        OSError: the port does not open.
    """

    def __init__(self, port: str, bauds: Sequence[int]) -> None:
        self._port = Port(port, bauds[0])
        self._bauds = tuple(bauds)
        self._baud_is_known = len(self._bauds) == 1
        self._stations: dict[int, _Station] = {}
        self._lock = threading.RLock()
        self._writing = threading.Lock()

    @property
    def is_closed(self) -> bool:
        """Whether the port is gone or was closed."""
        return self._port.is_closed

    @property
    def bauds(self) -> tuple[int, ...]:
        """The line speeds that the pumps may have."""
        return (self._port.baud,) if self._baud_is_known else self._bauds

    def close(self) -> None:
        """Release the port; idempotent."""
        with self._lock:
            self._port.close()

    def hint(self) -> str:
        """What to check if a pump does not answer, for a message.

        A port that is open in two programs gives each reply to one of them, whichever reads first.
        """
        if others := rivals(self._port.name):
            return (
                f"the port is open in {', '.join(others)} as well, which may take the replies: end "
                "that program"
            )
        speeds = ", ".join(map(str, self.bauds))
        return f"is the pump on, with this address in its set-up menu, and set to {speeds} baud?"

    def find(self, address: int, deadline_s: float, log: WireChannel) -> tuple[str, str]:
        """Find a pump, whatever its mode, and synchronize; find the line speed if it is unknown.

        Args:
            address: address of the pump.
            deadline_s: longest wait [s] for one reply.
            log: records the bytes.

        Returns:
            model and firmware of the pump.

        Raises:
            LineFault: no pump answers at this address, or the port is gone.
        """
        with self._lock:
            station = self._stations[address] = _Station(address)
            for baud in self.bauds:
                if baud != self._port.baud:
                    self._port.set_baud(baud)
                try:
                    version = self._synchronize(station, deadline_s, log)
                except LineFault:
                    self._require_open()
                    if baud == self.bauds[-1]:
                        raise
                    continue
                self._baud_is_known = True
                return version
        raise AssertionError("there is at least one line speed")

    def identify(self, address: int, deadline_s: float, log: WireChannel) -> tuple[str, str]:
        """Ask a pump for its model and firmware, and synchronize with it.

        Raises:
            LineFault: no reply came, or the port is gone.
        """
        with self._lock:
            return self._synchronize(self._station(address), deadline_s, log)

    def exchange(self, address: int, command: str, deadline_s: float, log: WireChannel) -> Reply:
        """Send a command or a query and wait for the reply.

        Args:
            address: address of the pump.
            command: the command, without address and terminator; empty asks for the state.
            deadline_s: longest wait [s].
            log: records the bytes; every pump of a chain has its own.

        Raises:
            LineFault: no reply came, more than one came, or the port is gone.
        """
        with self._lock:
            station = self._station(address)
            if not station.is_synchronized:
                self._synchronize(station, deadline_s, log)
            self._drain(log)
            request = station.request(command)
            station.is_synchronized = False
            self._write(request, log)
            reply = self._await_reply(station, self._end_s(len(request), deadline_s), log)
            # After an alarm that a pump has sent by itself, the reply may still come.
            station.is_synchronized = not (station.is_safe and reply.alarm)
            return reply

    def stop(self, address: int, deadline_s: float, log: WireChannel) -> None:
        """Stop a pump, before anything is read or waited for.

        Raises:
            LineFault: no reply came, or the port is gone; the stop was sent nevertheless, if
                `sent` is true.
        """
        if self._lock.acquire(timeout=BUSY_S):
            self._lock.release()
        else:
            self._write_blindly(self._station(address), log)
        with self._lock:
            station = self._station(address)
            if station.is_synchronized:
                self.exchange(address, STOP, deadline_s, log)
            else:
                self._write_blindly(station, log)

    def stop_blindly(self, address: int, log: WireChannel) -> None:
        """Send a stop at every line speed and in every mode that a pump may have; read nothing.

        Raises:
            LineFault: the port is gone.
        """
        station = self._station(address)
        if self._baud_is_known:
            self._write_blindly(station, log)
            return
        for baud in self._bauds:
            self._port.set_baud(baud)
            self._port.let_leave(self._write_blindly(station, log))

    def set_mode(self, address: int, time_out_s: int, deadline_s: float, log: WireChannel) -> None:
        """Set the Safe mode with a time-out [s], or the Basic mode with 0.

        Raises:
            LineFault: the pump did not confirm it; the line finds the mode with the next request.
        """
        with self._lock:
            station = self._station(address)
            if not station.is_synchronized:
                self._synchronize(station, deadline_s, log)
            self._drain(log)
            request = station.request(f"SAF{time_out_s}")
            # The reply comes in one mode or the other: public programs expect the new one.
            station.is_safe, station.is_synchronized = None, False
            self._write(request, log)
            reply = self._await_reply(station, self._end_s(len(request), deadline_s), log)
            if reply.alarm or reply.refusal is not None:
                raise LineFault("the pump keeps its mode", sent=True, reply=reply.data)
            station.is_safe = time_out_s > 0
            self._synchronize(station, deadline_s, log)

    def is_safe(self, address: int) -> bool:
        """Whether a pump is in Safe mode, as far as it is known."""
        return bool(self._station(address).is_safe)

    def take_alarms(self, address: int) -> list[Alarm]:
        """The alarms that a pump has reported since the last call, oldest first."""
        with self._lock:
            station = self._station(address)
            alarms, station.alarms = station.alarms, []
            return alarms

    def _station(self, address: int) -> _Station:
        return self._stations.setdefault(address, _Station(address))

    def _require_open(self) -> None:
        if self._port.is_closed:
            raise LineFault("the port is gone; close and open the device", sent=False)

    def _end_s(self, count: int, deadline_s: float) -> float:
        """End of the wait for a reply: the bytes take their time at a low line speed."""
        return time.monotonic() + deadline_s + self._port.duration_s(count + REPLY_BYTES)

    def _write(self, data: bytes, log: WireChannel) -> None:
        with self._writing:
            try:
                self._port.write(data, log)
            except OSError as error:
                raise LineFault(f"{error}", sent=True) from error

    def _write_blindly(self, station: _Station, log: WireChannel) -> int:
        """Send a stop, whatever the pump has received before; returns the number of bytes."""
        self._require_open()
        station.is_synchronized = False
        text = f"{station.address}{STOP}"
        lines = basic_request(f"{station.address}{SPOILER}") + basic_request(text)
        framed = FILLER + packet(text)
        data = {True: framed, False: lines, None: framed + lines}[station.is_safe]
        self._write(data, log)
        return len(data)

    def _synchronize(
        self, station: _Station, deadline_s: float, log: WireChannel
    ) -> tuple[str, str]:
        """Synchronize with a pump in its mode, which is found if it is not known."""
        station.is_synchronized = False
        modes = (False, True) if station.is_safe is None else (station.is_safe,)
        try:
            for mode in modes:
                station.is_safe = mode
                try:
                    return self._synchronize_in_mode(station, deadline_s, log)
                except (LineFault, _OtherModeError) as error:
                    self._require_open()
                    if mode is modes[-1]:
                        raise _as_fault(error) from error
        except LineFault as fault:
            station.is_safe = None if len(modes) > 1 else station.is_safe
            raise LineFault(f"{fault}", sent=False, reply=fault.reply) from fault
        raise AssertionError("there is at least one mode")

    def _synchronize_in_mode(
        self, station: _Station, deadline_s: float, log: WireChannel
    ) -> tuple[str, str]:
        self._drain(log)
        self._write(FILLER if station.is_safe else station.request(SPOILER), log)
        self._await_refusal(station, log)
        earlier = False
        for _ in range(PENDING_ALARMS):
            earlier |= station.probe_unanswered
            station.probe_unanswered = True
            request = station.request(PROBE)
            self._write(request, log)
            version = self._await_version(station, self._end_s(len(request), deadline_s), log)
            if version is not None:
                # The reply to an earlier probe looks like this one, so it has to pass first.
                if earlier:
                    self._await_silence(deadline_s, log)
                station.probe_unanswered = False
                station.is_synchronized = True
                return version
            earlier = False  # the alarm was the reply to this probe
        raise LineFault("the pump answers every request by an alarm", sent=True)

    def _await_refusal(self, station: _Station, log: WireChannel) -> None:
        """Read until the pump has refused what it was spoilt with, or nothing comes for a while."""
        splitter = FrameSplitter()
        end_s = time.monotonic() + FLUSH_S + self._port.duration_s(REPLY_BYTES)
        while time.monotonic() < end_s:
            try:
                replies = self._replies(splitter, station, log)
            except GarbledError:
                continue
            if any(reply.refusal is not None or reply.alarm for reply in replies):
                return

    def _await_version(
        self, station: _Station, end_s: float, log: WireChannel
    ) -> tuple[str, str] | None:
        """Read until the reply to the probe; None if the pump reports an alarm instead."""
        splitter, rest_s = FrameSplitter(), end_s
        seen = ""
        while time.monotonic() < min(end_s, rest_s):
            try:
                replies = self._replies(splitter, station, log)
            except GarbledError as error:
                # The good reply may follow at once; at a wrong line speed nothing good ever does.
                seen, rest_s = f"{error}", time.monotonic() + FLUSH_S
                continue
            for reply in replies:
                with suppress(ValueError):
                    return parse_version(reply.data)
                if reply.alarm:
                    return None
                seen = reply.data
        raise LineFault(
            "no answer", sent=True, reply=seen or splitter.rest.decode("ascii", "replace")
        )

    def _await_reply(self, station: _Station, end_s: float, log: WireChannel) -> Reply:
        """The only reply of a pump; in Safe mode an alarm may come before it."""
        splitter = FrameSplitter()
        while True:
            try:
                replies = self._replies(splitter, station, log)
            except GarbledError as error:
                raise LineFault(f"{error}", sent=True, reply=f"{error}") from error
            except _OtherModeError as error:
                raise _as_fault(error) from error
            while len(replies) > 1 and station.is_safe and replies[0].alarm:
                replies = replies[1:]
            if len(replies) > 1 or (replies and splitter.rest):
                texts = " / ".join(reply.data or reply.prompt for reply in replies)
                raise LineFault("more replies than requests", sent=True, reply=texts)
            if replies:
                return replies[0]
            if time.monotonic() >= end_s:
                rest = splitter.rest.decode("ascii", "replace")
                raise LineFault("no answer in time", sent=True, reply=rest)

    def _await_silence(self, deadline_s: float, log: WireChannel) -> None:
        """Read and drop bytes until none has come for a while."""
        end_s = time.monotonic() + deadline_s
        quiet_s = time.monotonic() + FLUSH_S
        while time.monotonic() < min(quiet_s, end_s):
            if self._read(log):
                quiet_s = time.monotonic() + FLUSH_S

    def _replies(self, splitter: FrameSplitter, station: _Station, log: WireChannel) -> list[Reply]:
        """The next replies of a pump; those of others on the chain are dropped.

        Raises:
            GarbledError: what came is no reply.
            _OtherModeError: the pump has another mode.
        """
        replies = []
        for frame in splitter.feed(self._read(log)):
            reply = self._noted(frame)
            if reply.address != station.address:
                continue
            if station.is_safe is not None and frame.is_safe != station.is_safe:
                raise _OtherModeError
            replies.append(reply)
        return replies

    def _noted(self, frame: Frame) -> Reply:
        """The reply in a frame; its alarm is remembered."""
        try:
            reply = parse_reply(frame.text)
        except ValueError as error:
            raise GarbledError(f"{error}") from error
        if reply.alarm:
            self._station(reply.address).alarms.append(reply.alarm)
        return reply

    def _read(self, log: WireChannel) -> bytes:
        try:
            return self._port.read(log)
        except OSError as error:
            raise LineFault(f"{error}", sent=True) from error

    def _drain(self, log: WireChannel) -> None:
        """Drop the bytes that have come, but remember alarms."""
        try:
            drained = self._port.drain(log)
        except OSError as error:
            raise LineFault(f"{error}", sent=False) from error
        with suppress(GarbledError):
            for frame in FrameSplitter().feed(drained):
                self._noted(frame)


def _as_fault(error: Exception) -> LineFault:
    if isinstance(error, LineFault):
        return error
    return LineFault("the pump answers in the other mode", sent=True)
