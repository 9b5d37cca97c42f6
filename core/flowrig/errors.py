"""All errors of flowrig, sorted by the action of the caller.

FlowrigError
├── InputError            correct the input: profile, campaign, plugin or command line
│   ├── ProfileError      a profile has problems, each with file, line and column
│   ├── PluginError       a plugin is missing, broken or installed twice
│   ├── InUseError        end the program that uses the instrument; the message names it
│   ├── MissingDependencyError  install the packages that the message names
│   └── NothingLeftError  an optimizer has suggested everything that there is; end its stage
├── OutOfRangeError       correct the request; nothing was sent to the instrument
├── InterlockError        a command would break a safety rule; nothing was sent
├── UnsupportedError      the instrument has no such function
├── DeviceError           an error of one instrument, with device, command and reply
│   ├── NotReadyError     wait, then try again
│   ├── ConnectionLostError  reconnect; it is unknown whether an actuator command arrived
│   ├── ProtocolError     the reply is invalid; resynchronize, then check the instrument
│   │   └── DriverError   the driver returned what its method does not promise; correct the driver
│   ├── RefusedError      the instrument kept its old value; correct profile or request
│   ├── DeviceFaultError  the instrument reports a fault; check it
│   │   └── SafetyTripError  a safety rule is broken; the run ends, and a person resets the rule
│   ├── UnknownOutcomeError  a command was sent, and its effect is unknown; check the rig
│   │   └── DriverHungError  a driver did not return; its port is given up
│   └── SeveralDevicesError  errors of several instruments in one step, one line each
├── JournalError          the journal cannot be written; free space on the disk, then resume
├── StopRequested         a person requested that the run stops
│   └── HaltRequested     a person requested all flow and heat off at once
├── PauseRequested        a person requested a pause
├── SkipRequested         a person requested to skip the current experiment
├── NeedsPersonError      the run holds until a person acts
│   └── HoldExpiredError  no person acted in time
├── ResultsAwaitedError   results have to be entered before a condition is chosen
└── UnsafeStateError      the safe state was not confirmed; check the rig now
"""

from collections.abc import Mapping, Sequence

from flowrig.safety_rules import Action, Trip


class FlowrigError(Exception):
    """Base class of all errors that flowrig raises on purpose."""


class InputError(FlowrigError):
    """The input is wrong; the message has the place and the expected input."""


class PluginError(InputError):
    """A plugin is missing or broken, or two distributions claim its name.

    Args:
        message: one sentence.
        suspects: why an offer that is not there may be missing: each plugin that could not be
            loaded, with its reason.
    """

    def __init__(self, message: str, suspects: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.suspects = tuple(suspects)

    def __str__(self) -> str:
        return "; ".join([str(self.args[0]), *self.suspects])


class InUseError(InputError):
    """Another program uses an instrument; the message names it. Nothing was sent.

    Args:
        what: the instruments.
        use: who uses them, and what to do, as in "in use by the run in …".
    """

    def __init__(self, what: str, use: str) -> None:
        super().__init__(f"{what}: {use}")
        self.what = what
        self.use = use


class FlowrigWarning(UserWarning):
    """Something is not as it should be, and flowrig goes on; the message says what."""


class PluginWarning(FlowrigWarning):
    """An installed plugin, or the declaration of one, is left out; the message has the reason."""


class MissingDependencyError(InputError):
    """A plugin needs a package that is not installed; the message names the packages to install."""


class NothingLeftError(InputError):
    """An optimizer has nothing left to suggest; its stage ends, which is no failure.

    The message says in one sentence what was done, for instance "all 125 conditions were tried".
    """


class OutOfRangeError(FlowrigError, ValueError):
    """A requested value lies outside the limits; nothing was sent to the instrument."""


class InterlockError(FlowrigError):
    """A command would break a safety rule; nothing was sent to the instrument."""


class UnsupportedError(FlowrigError):
    """The instrument, or its driver, has no such function."""


class DeviceError(FlowrigError):
    """An error of one instrument.

    Args:
        message: one sentence with the error and, if possible, the action to take.
        device: name of the device in the rig profile.
        command: the command that was sent; "" for none.
        reply: the reply that was received; "" for none.
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
    """The instrument is busy or not open; wait or open it, then try again."""


class ConnectionLostError(DeviceError):
    """The connection is lost or silent. It is unknown whether an actuator command arrived."""


class ProtocolError(DeviceError):
    """The reply does not fit the protocol; the driver must resynchronize."""


class DriverError(ProtocolError):
    """The driver returned a value that its method does not promise; its author must correct it."""


class RefusedError(DeviceError):
    """The instrument refused a value and kept the old one."""


class DeviceFaultError(DeviceError):
    """The instrument reports a fault (stall, open sensor, …); a person must check it."""


class SafetyTripError(DeviceFaultError):
    """Safety rules are broken; the run ends with the gravest of their actions.

    Args:
        trips: the broken rules, at least one; the message begins with the first.
    """

    def __init__(self, trips: Sequence[Trip]) -> None:
        first, *others = trips
        also = "".join(f"; also {trip.device}: {trip.cause}" for trip in others)
        super().__init__(f"{first.cause}; {first.remedy}{also}", device=first.device)
        self.trips = tuple(trips)

    @property
    def action(self) -> Action:
        """The gravest action of all broken rules, with which the run ends."""
        wanted = {trip.action for trip in self.trips}
        return "halt" if "halt" in wanted else "safe" if "safe" in wanted else "hold"


class UnknownOutcomeError(DeviceError):
    """An actuator command was sent and its effect is unknown; it must not be repeated blindly."""


class DriverHungError(UnknownOutcomeError):
    """The call of a driver did not return in time; the rig has given up its thread and port."""


class SeveralDevicesError(DeviceError):
    """Several devices failed in one step.

    Args:
        errors: the error of each device, by device name.
    """

    def __init__(self, errors: Mapping[str, BaseException]) -> None:
        lines = [
            str(error) if isinstance(error, DeviceError) else f"{name}: {error!r}"
            for name, error in errors.items()
        ]
        super().__init__("\n".join([f"{len(lines)} devices failed:", *lines]))
        self.errors = dict(errors)


class JournalError(FlowrigError):
    """The journal cannot be written, for instance on a full disk; acknowledged events are kept."""


class StopRequested(FlowrigError):  # noqa: N818 - a request, not a fault
    """A person requested that the run stops; it ends in the safe state."""


class HaltRequested(StopRequested):
    """A person requested all flow and heat off at once, without a flush."""


class PauseRequested(FlowrigError):  # noqa: N818
    """A person requested a pause; an experiment without a measurement begins again later."""


class SkipRequested(FlowrigError):  # noqa: N818
    """A person requested to skip the current experiment."""


class NeedsPersonError(FlowrigError):
    """The run holds until a person acts; the message has the action.

    Args:
        message: the action, in one sentence.
        refill: streams whose syringes must be refilled.
        empty: wastes that must be emptied.
    """

    def __init__(
        self, message: str, *, refill: Sequence[str] = (), empty: Sequence[str] = ()
    ) -> None:
        super().__init__(message)
        self.refill = tuple(refill)
        self.empty = tuple(empty)


class HoldExpiredError(NeedsPersonError):
    """A hold lasted as long as the profile allows; the run ends in the safe state."""


class ResultsAwaitedError(FlowrigError):
    """No condition is chosen before results were entered; the message says which."""


class UnsafeStateError(FlowrigError):
    """The safe state was not confirmed; the message lists all unknown states."""
