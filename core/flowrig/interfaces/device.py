"""The base class of all instruments."""

import math
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from enum import Enum
from types import TracebackType
from typing import Self, TypeVar

from attrs import field, frozen

from flowrig.claims import claim, places
from flowrig.clock import Clock, RealClock
from flowrig.errors import (
    ConnectionLostError,
    DeviceError,
    NotReadyError,
    OutOfRangeError,
    UnsupportedError,
)
from flowrig.interfaces import returned
from flowrig.interfaces.wire_log import WireLog

__all__ = ["Device", "DeviceSettings", "Identity", "Quality", "Reading"]

E = TypeVar("E", bound=DeviceError)


def _nothing() -> None:
    """What an instrument that is not claimed gives back."""


class Quality(Enum):
    """Trustworthiness of a reading; decisions use GOOD values only."""

    GOOD = "good"
    DOUBTFUL = "doubtful"
    BAD = "bad"

    @classmethod
    def worst(cls, some: Iterable["Quality"]) -> "Quality":
        """BAD, DOUBTFUL or GOOD, whichever is the worst of some; GOOD of none."""
        found = {*some}
        return next((one for one in (cls.BAD, cls.DOUBTFUL) if one in found), cls.GOOD)


@frozen(kw_only=True)
class Reading:
    """Base of all values that an instrument reports.

    Attributes:
        time_s: rig time [s] at which the value was read.
        quality: trustworthiness of the value.
    """

    time_s: float
    quality: Quality = Quality.GOOD


@frozen
class Identity:
    """The identity of an instrument, down to the single unit.

    Attributes:
        vendor: maker of the instrument.
        model: model name.
        serial_number: serial number; empty if the protocol has no query for it.
        firmware: firmware version; empty if the protocol has no query for it.
    """

    vendor: str
    model: str
    serial_number: str = ""
    firmware: str = ""


@frozen(kw_only=True)
class DeviceSettings:
    """Settings that every driver has; a driver's own settings class extends this one.

    In a profile, a field whose name ends in a unit is a quantity under the name without the unit:
    `deadline_s: float` is `deadline = "2 s"`.

    Attributes:
        address: address of the instrument, in the form that its driver documents.
        deadline_s: longest wait [s] for one answer.
    """

    address: str
    deadline_s: float = field(default=2.0)

    def connects_to(self, *, look: bool = False) -> tuple[str, ...]:
        """Where the driver connects: one text for each connection, as complete as it is known.

        While a device is open, no other program of this computer can open one that connects to the
        same place. Links, spellings of a host, and "COM3" in its forms are resolved by the caller.
        A driver overrides this method if its address means more than it says: with a default port,
        or for a second connection.

        Args:
            look: whether the ports of this computer may be listed for it. A profile that is only
                checked must not depend on what is attached.
        """
        return (self.address,)

    def uses_only(self) -> str:
        """The part of the instrument that the device uses, as "channel 2"; empty for all of it.

        Two devices of a rig may have one address only if they use different parts.
        """
        return ""

    def describe(self) -> tuple[str, ...]:
        """Notices for the operator before a run, one sentence each; `flowrig check` prints them."""
        return ()


class Device(ABC):
    """One instrument on one port. Plain blocking Python; the rig serializes the calls.

    The public methods check arguments and raise errors; the `_do_…` methods of a driver talk to
    the hardware. The constructor sends nothing; communication begins with `open`.

    Args:
        name: name of the device in the rig profile; every message contains it.
        settings: an instance of the driver's settings class.
        clock: gives the times of readings, and all waits use it; real time by default.

    Attributes:
        wire: log of all bytes that the driver sends and receives.
        exclusive: whether an open device keeps other programs of this computer from the
            instrument; not for an emulated one of this process, which no other can reach.
    """

    settings: DeviceSettings
    exclusive: bool = True

    def __init__(self, name: str, settings: DeviceSettings, clock: Clock | None = None) -> None:
        self.name = name
        self.settings = settings
        self.clock: Clock = clock if clock is not None else RealClock()
        self.wire = WireLog()
        self._identity: Identity | None = None
        self._give_back: Callable[[], object] = _nothing
        self._why_not_open = "call open() first"

    def __enter__(self) -> Self:
        try:
            self.open()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def is_open(self) -> bool:
        """Whether `open` has succeeded and `close` was not called since then."""
        return self._identity is not None

    def open(self) -> Identity:
        """Connect and identify. The actuators of the instrument keep their state.

        Returns:
            the identity of the instrument.

        Raises:
            ConnectionLostError: no answer at the address within the deadline, or the driver raised
                an OSError.
            ProtocolError: the answer is not that of this kind of instrument.
            DriverError: the driver returned no identity; the device is open nevertheless.
            InUseError: another program of this computer uses the instrument; nothing was sent.
        """
        if self._identity is None:
            try:
                answer: object = self._open_and_identify()
            except Exception as error:
                reason = error.message if isinstance(error, DeviceError) else str(error)
                self._why_not_open = f"it did not open: {reason}"
                raise
            self._why_not_open = "call open() first"
            # Open also with an identity that is none: it must be possible to switch it off.
            self._identity = answer if isinstance(answer, Identity) else Identity("", "")
            return returned.identity(self, answer)
        return returned.identity(self, self._identity)

    def _open_and_identify(self) -> Identity:
        """Connect, and return the identity; the port is free again after an error."""
        self._claim_instrument()
        try:
            self._do_open()
            return self._do_identify()
        # BaseException: the port must be free again after Ctrl-C too.
        except BaseException as error:
            try:
                self._do_close()
            finally:
                self._give_back()
            if isinstance(error, OSError):
                raise self._fault(ConnectionLostError, str(error)) from error
            raise

    def close(self) -> None:
        """Release the port; idempotent. The actuators keep their state."""
        self._identity = None
        try:
            self._do_close()
        finally:
            self._give_back()

    def identify(self) -> Identity:
        """Ask the instrument for its identity again.

        Raises:
            NotReadyError: the device is not open.
        """
        self._require_open()
        return returned.identity(self, self._do_identify())

    def arm_dead_man(self, timeout_s: float) -> None:
        """Make the instrument stop on its own after a time [s] without communication.

        Every later request restarts the time. A driver with this function declares it in its offer,
        with `dead_man`.

        Raises:
            NotReadyError: the device is not open.
            OutOfRangeError: the time is not a positive number; nothing was sent.
            UnsupportedError: the instrument has no such timer, or the driver does not support it.
        """
        self._require_open()
        if not (math.isfinite(timeout_s) and timeout_s > 0):
            raise OutOfRangeError(
                f"{self.name}: a dead-man timer takes a positive time, got {timeout_s:g} s"
            )
        self._do_arm_dead_man(timeout_s)

    def _claim_instrument(self) -> None:
        """Keep other programs from the instrument, until the device is closed or forgotten."""
        self._give_back()
        if self.exclusive:
            where = places(self.settings.connects_to(look=True))
            claimed = claim(where, f"{self.name} at {self.settings.address}")
            self._give_back = weakref.finalize(self, claimed.release)

    def send_safe_action(self) -> None:
        """Send the command that brings the instrument to rest, without waiting for an answer.

        The command is off, stop or shut. The device need not be open: this is for an instrument
        that cannot be opened because it answers too late, or not at all. Whether it obeys is not
        known afterwards. The connection that the driver makes stays until `close` or `open`.

        Raises:
            ConnectionLostError: the address cannot be reached; nothing was sent.
            InUseError: another program of this computer uses the instrument; nothing was sent.
            UnsupportedError: the instrument has no such command, or the driver does not support it.
        """
        if self._identity is None:
            self._claim_instrument()
        try:
            self._do_send_safe_action()
        except OSError as error:
            raise self._fault(ConnectionLostError, str(error)) from error

    def _require_open(self) -> None:
        if self._identity is None:
            raise NotReadyError(f"the device is not open; {self._why_not_open}", device=self.name)

    def _fault(self, kind: type[E], message: str, command: str = "", reply: str = "") -> E:
        """An error that names this device, for the driver to raise."""
        return kind(message, device=self.name, command=command, reply=reply)

    @abstractmethod
    def _do_open(self) -> None:
        """Connect. Raise ConnectionLostError if there is no answer within the deadline."""

    @abstractmethod
    def _do_close(self) -> None:
        """Release the port. It is also called on a half-open device, and several times."""

    @abstractmethod
    def _do_identify(self) -> Identity:
        """Ask the instrument for its identity."""

    def _do_arm_dead_man(self, timeout_s: float) -> None:
        """Arm the instrument's own timer [s] and verify it; optional."""
        raise UnsupportedError(f"{self.name}: this driver arms no dead-man timer")

    def _do_send_safe_action(self) -> None:
        """Connect if there is no connection, send off, stop or shut, and read nothing; optional."""
        raise UnsupportedError(f"{self.name}: this driver sends nothing to a closed device")
