"""What every instrument has in common."""

import math
from abc import ABC, abstractmethod
from enum import Enum
from types import TracebackType
from typing import Self, TypeVar

from attrs import field, frozen

from flowrig.clock import Clock, RealClock
from flowrig.errors import (
    ConnectionLostError,
    DeviceError,
    NotReadyError,
    OutOfRangeError,
    UnsupportedError,
)
from flowrig.interfaces.wire_log import WireLog

__all__ = ["Device", "DeviceSettings", "Identity", "Quality", "Reading"]

E = TypeVar("E", bound=DeviceError)


class Quality(Enum):
    """How far a reading can be trusted; only GOOD values may drive a decision."""

    GOOD = "good"
    DOUBTFUL = "doubtful"
    BAD = "bad"


@frozen(kw_only=True)
class Reading:
    """A value that came from an instrument.

    Attributes:
        time_s: rig time [s] at which the value was read.
        quality: how far it can be trusted.
    """

    time_s: float
    quality: Quality = Quality.GOOD


@frozen
class Identity:
    """Who answered: the vendor, the model, and what tells this unit from its twins.

    Attributes:
        vendor: maker of the instrument.
        model: model name.
        serial_number: empty where the protocol has no way to ask.
        firmware: empty where the protocol has no way to ask.
    """

    vendor: str
    model: str
    serial_number: str = ""
    firmware: str = ""


@frozen(kw_only=True)
class DeviceSettings:
    """Settings that every driver has; a driver's own settings class extends this one.

    A field whose name ends in a unit is written in a profile without it, as a quantity:
    `deadline_s: float` is `deadline = "2 s"`.

    Attributes:
        address: where the instrument is, in the form that its driver documents.
        deadline_s: longest wait [s] for one answer.
    """

    address: str
    deadline_s: float = field(default=2.0)

    def describe(self) -> tuple[str, ...]:
        """What a person should know before a run, one sentence each; `flowrig check` shows them."""
        return ()


class Device(ABC):
    """One instrument on one port. Plain blocking Python; the rig serializes the calls.

    Public methods check, document and raise; the `_do_…` methods of a driver talk to the hardware.
    A device is at rest after construction: nothing is sent before `open`.

    Args:
        name: the device's name in the rig profile, used in every message.
        settings: an instance of the driver's settings class.
        clock: what readings are stamped with and what waits go through.

    Attributes:
        wire: is told every byte that the driver sends and receives.
    """

    settings: DeviceSettings

    def __init__(self, name: str, settings: DeviceSettings, clock: Clock | None = None) -> None:
        self.name = name
        self.settings = settings
        self.clock: Clock = clock if clock is not None else RealClock()
        self.wire = WireLog()
        self._identity: Identity | None = None

    def __enter__(self) -> Self:
        self.open()
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
        """Whether `open` succeeded and `close` was not called since."""
        return self._identity is not None

    def open(self) -> Identity:
        """Connect and identify. The instrument's actuators are left as they are.

        Returns:
            who answered.

        Raises:
            ConnectionLostError: nobody answers at the address within the deadline, or the driver
                raised an OSError.
            ProtocolError: somebody answers who is not this kind of instrument.
        """
        if self._identity is not None:
            return self._identity
        try:
            self._do_open()
            self._identity = self._do_identify()
        except BaseException as error:
            self._do_close()
            if isinstance(error, OSError):
                raise self._fault(ConnectionLostError, str(error)) from error
            raise
        return self._identity

    def close(self) -> None:
        """Release the port; harmless when it is closed already. Moves nothing."""
        self._identity = None
        self._do_close()

    def identify(self) -> Identity:
        """Who answers at the address, asked anew.

        Raises:
            NotReadyError: the device is not open.
        """
        self._require_open()
        return self._do_identify()

    def arm_dead_man(self, timeout_s: float) -> None:
        """Let the instrument come to rest by itself when nobody has talked to it for a time [s].

        Every later request begins the time anew. A driver that has this says so in its offer, with
        `dead_man`.

        Raises:
            NotReadyError: the device is not open.
            OutOfRangeError: the time is not a positive number; nothing was sent.
            UnsupportedError: the instrument has no such timer, or the driver does not know it.
        """
        self._require_open()
        if not (math.isfinite(timeout_s) and timeout_s > 0):
            raise OutOfRangeError(
                f"{self.name}: a dead-man timer takes a positive time, got {timeout_s:g} s"
            )
        self._do_arm_dead_man(timeout_s)

    def _require_open(self) -> None:
        if self._identity is None:
            raise NotReadyError("the device is not open; call open() first", device=self.name)

    def _fault(self, kind: type[E], message: str, command: str = "", reply: str = "") -> E:
        """An error of a kind that names this device; the driver raises it."""
        return kind(message, device=self.name, command=command, reply=reply)

    @abstractmethod
    def _do_open(self) -> None:
        """Connect. Raise ConnectionLostError if nobody answers within the deadline."""

    @abstractmethod
    def _do_close(self) -> None:
        """Release the port; called on a half-open device too, and more than once."""

    @abstractmethod
    def _do_identify(self) -> Identity:
        """Ask the instrument who it is."""

    def _do_arm_dead_man(self, timeout_s: float) -> None:
        """Arm the instrument's own timer [s] and verify it, where there is one."""
        raise UnsupportedError(f"{self.name}: this driver arms no dead-man timer")
