"""What can go wrong, sorted by what the caller can do about it.

FlowrigError
├── InputError            fix the input: a profile, a campaign, a plugin, a command line
│   ├── ProfileError      … every problem with its file, line and column
│   ├── PluginError       … a plugin is missing, broken or installed twice
│   └── MissingDependencyError … install what the message names
├── OutOfRangeError       fix the request: nothing was sent to the instrument
├── InterlockError        a command would break a safety rule: nothing was sent
├── UnsupportedError      the instrument cannot do this
├── DeviceError           about one instrument; carries device, command and reply
│   ├── NotReadyError     wait, then ask again
│   ├── ConnectionLostError  reconnect; an actuator command may or may not have arrived
│   ├── ProtocolError     the reply makes no sense; resynchronize, then call a person
│   ├── RefusedError      the instrument kept its old value; fix the profile or the request
│   ├── DeviceFaultError  the instrument reports a fault; call a person
│   │   └── SafetyTripError … a safety rule is broken; the run ends, a person resets it
│   ├── UnknownOutcomeError  a command was sent, its effect is not known; look at the rig
│   └── SeveralDevicesError  several of the above at once, one line each
├── JournalError          the journal takes nothing more: free the disk, then resume
├── StopRequested         a person asked the run to stop
│   └── HaltRequested     … with all flow and heat off at once
├── PauseRequested        a person asked the run to pause
├── SkipRequested         a person gave up the experiment under way
├── NeedsPersonError      the run holds until somebody acts
│   └── HoldExpiredError  … and nobody did in time
└── UnsafeStateError      the safe state was not confirmed; look at the rig now
"""

from collections.abc import Mapping, Sequence

from flowrig.safety_rules import Action, Trip


class FlowrigError(Exception):
    """Base of everything that flowrig raises on purpose."""


class InputError(FlowrigError):
    """The input is wrong; the message says where and what was expected."""


class PluginError(InputError):
    """A plugin is missing, broken, or claimed by two distributions."""


class MissingDependencyError(InputError):
    """A plugin needs a package that is not installed; the message says what to install."""


class OutOfRangeError(FlowrigError, ValueError):
    """A requested value lies outside the limits; not a byte was sent to the instrument."""


class InterlockError(FlowrigError):
    """A command would break a safety rule; not a byte was sent."""


class UnsupportedError(FlowrigError):
    """The instrument, or its driver, has no such function."""


class DeviceError(FlowrigError):
    """Something about one instrument.

    Args:
        message: one sentence that says what happened and, where possible, what to do.
        device: the name of the device in the rig profile.
        command: what was sent, if anything.
        reply: what came back, if anything.
    """

    def __init__(
        self, message: str, *, device: str = "", command: str = "", reply: str = ""
    ) -> None:
        super().__init__(message)
        self.message = message
        self.device = device
        self.command = command
        self.reply = reply

    def __str__(self) -> str:
        text = f"{self.device}: {self.message}" if self.device else self.message
        if self.command:
            text += f" [sent {self.command!r}"
            text += f", got {self.reply!r}]" if self.reply else "]"
        return text


class NotReadyError(DeviceError):
    """The instrument is busy or not open; wait or open it, then ask again."""


class ConnectionLostError(DeviceError):
    """The link is gone or silent; reconnect. An actuator command may or may not have arrived."""


class ProtocolError(DeviceError):
    """The reply does not fit the protocol; the driver has to resynchronize."""


class RefusedError(DeviceError):
    """The instrument did not take a value and kept its old one."""


class DeviceFaultError(DeviceError):
    """The instrument itself reports a fault (stall, open sensor, …); a person has to look."""


class SafetyTripError(DeviceFaultError):
    """Safety rules are broken; the run ends as the gravest of them asks for.

    Args:
        trips: what is broken, at least one; the first is told first.
    """

    def __init__(self, trips: Sequence[Trip]) -> None:
        first, *others = trips
        also = "".join(f"; also {trip.device}: {trip.cause}" for trip in others)
        super().__init__(f"{first.cause}; {first.remedy}{also}", device=first.device)
        self.trips = tuple(trips)

    @property
    def action(self) -> Action:
        """How the run has to end."""
        wanted = {trip.action for trip in self.trips}
        return "halt" if "halt" in wanted else "safe" if "safe" in wanted else "hold"


class UnknownOutcomeError(DeviceError):
    """An actuator command was sent and its effect is not known; it is never repeated blindly."""


class SeveralDevicesError(DeviceError):
    """Several devices failed in one step.

    Args:
        errors: what each raised, by device name.
    """

    def __init__(self, errors: Mapping[str, BaseException]) -> None:
        lines = [
            str(error) if isinstance(error, DeviceError) else f"{name}: {error!r}"
            for name, error in errors.items()
        ]
        super().__init__("\n".join([f"{len(lines)} devices failed:", *lines]))
        self.errors = dict(errors)


class JournalError(FlowrigError):
    """The journal cannot be written, for instance on a full disk; what was acknowledged is kept."""


class StopRequested(FlowrigError):  # noqa: N818 - a request, not a fault
    """A person asked the run to stop; it ends in the safe state."""


class HaltRequested(StopRequested):
    """A person asked for all flow and heat off at once, and nothing flushed."""


class PauseRequested(FlowrigError):  # noqa: N818
    """A person asked the run to pause; what is not measured yet begins again later."""


class SkipRequested(FlowrigError):  # noqa: N818
    """A person gave up the experiment under way."""


class NeedsPersonError(FlowrigError):
    """The run holds until a person acts; the message says what to do.

    Args:
        message: what to do, in one sentence.
        refill: streams whose syringes have to be filled.
        empty: wastes that have to be emptied.
    """

    def __init__(
        self, message: str, *, refill: Sequence[str] = (), empty: Sequence[str] = ()
    ) -> None:
        super().__init__(message)
        self.refill = tuple(refill)
        self.empty = tuple(empty)


class HoldExpiredError(NeedsPersonError):
    """A run was on hold for as long as its profile allows; it ends in the safe state."""


class UnsafeStateError(FlowrigError):
    """The safe state was not confirmed; the message lists what is not known."""
