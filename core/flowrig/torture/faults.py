"""The faults: the injection of each, its phases, and how the run must end."""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Final

from attrs import frozen

from flowrig.torture.injections.disk import DiskFails
from flowrig.torture.injections.injection import Injection
from flowrig.torture.injections.instruments import (
    EveryLinkLost,
    Hangs,
    Healthy,
    MalformedNumbers,
    OnDevice,
    OnOtherDevice,
    OnRefill,
    PortTaken,
    SilentHeater,
    StartedByHand,
    Unplugged,
)
from flowrig.torture.injections.optimizer import BrokenModel, HangingOptimizer
from flowrig.torture.injections.profile_file import (
    AddedTables,
    HostileProfile,
    heat_needs_flow,
    low_limit,
    slow_stream,
    small_waste,
    thin_syringe,
)
from flowrig.torture.injections.program import (
    BrieflySuspended,
    Killed,
    MissingAtResume,
    PowerCut,
    Suspended,
)
from flowrig.torture.injections.tampering import (
    Swapped,
    TamperedJournal,
    TamperedPlugins,
    TamperedProfile,
    TamperedSpectrometer,
)
from flowrig.torture.phases import Phase
from flowrig.torture.rigs import REFERENCE, NotOnThisRigError, PlayedRig
from flowrig.torture.rigs.added import FROZEN_GAUGE

__all__ = ["FAULTS", "HEALTHY", "Ending", "Expected", "Fault", "applicable"]

ALL: Final = tuple(Phase)
OPEN: Final = ALL[2:]
"""Phases in which every device is open."""
RUNNING: Final = tuple(p for p in ALL if p not in (Phase.CONNECT, Phase.IDENTIFY, Phase.HOME))
"""Phases whose commands the journal records."""
HEATED: Final = (
    Phase.HEAT_UP, Phase.FLOW, Phase.SETTLE, Phase.MEASURE, Phase.COMMIT, Phase.SUGGEST,
    Phase.FLUSH, Phase.CLOSE,
)  # fmt: skip
FLOWING: Final = (
    Phase.PRIME, Phase.FLOW, Phase.SETTLE, Phase.MEASURE, Phase.FLUSH, Phase.CLOSE,
)  # fmt: skip
SEEING: Final = (Phase.PRIME, Phase.FLOW, Phase.SETTLE, Phase.MEASURE)


class Ending(StrEnum):
    """How a process of a campaign ended."""

    FINISHED = "finished"
    FAILED = "failed"
    STOPPED = "stopped"
    HELD = "held"
    UNKNOWN = "unknown"
    REFUSED = "refused"
    KILLED = "killed"
    ESCAPED = "escaped"
    """An exception of the program reached the user."""


class Expected(StrEnum):
    """How a run with a fault must end."""

    SURVIVES = "survives"
    SAFE = "survives, or ends safe and reports why"
    REPORTED = "ends safe as far as devices answer, and reports what is not known"
    REFUSED = "refused before anything moves"
    ASKED = "on hold, then safe, until a person has done what it asks for"
    RESUMES = "goes to its safe state at the next start, then continues"
    NOT_RESUMED = "not resumed until it is repaired"
    REPAIRED = "not resumed until it is repaired, or nothing is lost"
    MISSED = "what answers is made safe, and what is missing is named, until it is there"

    @property
    def endings(self) -> frozenset[Ending]:
        """The endings that satisfy it; those of the resumed run if the program is killed."""
        return _ENDINGS[self]


_SAFE: Final = frozenset({Ending.FINISHED, Ending.FAILED, Ending.HELD, Ending.STOPPED})
_ENDINGS: Final[Mapping[Expected, frozenset[Ending]]] = {
    Expected.SURVIVES: frozenset({Ending.FINISHED}),
    Expected.SAFE: _SAFE,
    Expected.REPORTED: _SAFE | {Ending.UNKNOWN},
    Expected.REFUSED: frozenset({Ending.REFUSED, Ending.FAILED}),
    Expected.ASKED: frozenset({Ending.HELD}),
    Expected.RESUMES: frozenset({Ending.FINISHED}),
    Expected.NOT_RESUMED: frozenset({Ending.REFUSED, Ending.FAILED, Ending.HELD}),
    Expected.MISSED: frozenset({Ending.FAILED, Ending.HELD, Ending.UNKNOWN}),
    Expected.REPAIRED: frozenset({Ending.REFUSED, Ending.FAILED, Ending.HELD, Ending.FINISHED}),
}


@frozen(kw_only=True)
class Fault:
    """One row of the board.

    Attributes:
        number: from 1.
        name: the fault in a few words.
        make: makes the injection of one cell; None if no rig can have the fault.
        phases: phases in which the fault strikes.
        expected: how the run must end.
        why_not: why no rig can have the fault.
        at_once: whether reagents must stop soon after the strike, and not only at the end.
    """

    number: int
    name: str
    make: Callable[[], Injection] | None = None
    phases: tuple[Phase, ...] = ()
    expected: Expected = Expected.SAFE
    why_not: str = ""
    at_once: bool = False

    def why_not_on(self, rig: PlayedRig) -> str:
        """Why a rig cannot have the fault; "" if it can."""
        if self.make is None:
            return self.why_not
        try:
            self.make().require_possible(rig)
        except NotOnThisRigError as error:
            return str(error)
        return ""


def _not(number: int, name: str, why_not: str) -> Fault:
    return Fault(number=number, name=name, why_not=why_not)


def _fault(
    number: int,
    name: str,
    make: Callable[[], Injection],
    phases: tuple[Phase, ...] = ALL,
    expected: Expected = Expected.SAFE,
    *,
    at_once: bool = False,
) -> Fault:
    return Fault(
        number=number,
        name=name,
        make=make,
        phases=phases,
        expected=expected,
        at_once=at_once,
    )


HEALTHY: Final = _fault(0, "no fault: noise, drift, slow replies", Healthy, (Phase.CONNECT,),
                        Expected.SURVIVES)  # fmt: skip
"""The control of the board: a healthy campaign must never be stopped."""

_LINK: Final = (
    _fault(1, "unplugged during a command", Unplugged, ALL, Expected.REPORTED),
    _fault(2, "garbled reply",
           lambda: OnDevice("any", "garble position={byte} bits={bit} times=3 after={after}"),
           ALL, Expected.REPORTED),
    _fault(3, "stale or late reply",
           lambda: OnDevice("any", "late after={after} times=1", "stale after={after} times=2",
                            "repeat after={after} times=2"),
           ALL, Expected.REPORTED),
    _fault(4, "truncated or merged replies",
           lambda: OnDevice("any", "drop byte={byte} after={after} times=1", "split times=4"),
           ALL, Expected.REPORTED),
    _not(5, "wrong address answers", "each emulated device has a line of its own"),
    _fault(6, "wrong baud, or no answer at open",
           lambda: OnDevice("any", "wrong-baud", "deaf"), (Phase.CONNECT, Phase.IDENTIFY),
           Expected.REPORTED),
    _fault(7, "port taken by another program", PortTaken, (Phase.CONNECT,), Expected.REPORTED),
    _fault(8, "ports swapped", Swapped, (Phase.SETTLE, Phase.SUGGEST), Expected.NOT_RESUMED),
    _fault(9, "device power-cycled", lambda: OnDevice("any", "power-cycle times=1"), OPEN,
           at_once=True),
    _fault(10, "setting silently not taken",
           lambda: OnDevice("any", *(f"{fault} times=8 after={{after}}"
                                     for fault in ("silent-refusal", "stuck-setting"))), OPEN,
           Expected.REPORTED),
    _fault(11, "malformed numbers", lambda: MalformedNumbers("nan", "inf", "1_0.0", "1,5"), ALL,
           Expected.REPORTED),
    _fault(12, "driver call never returns", Hangs, (Phase.HEAT_UP, Phase.SETTLE),
           Expected.REPORTED),
)  # fmt: skip

_FLUIDICS: Final = (
    _fault(13, "pump stall", lambda: OnDevice("pump", "stall"), FLOWING,
           Expected.REPORTED, at_once=True),
    _fault(14, "syringe empty", lambda: OnDevice("pump", "syringe-empty"), FLOWING,
           Expected.REPORTED, at_once=True),
    _fault(15, "wrong syringe diameter in the profile",
           lambda: AddedTables(thin_syringe), (Phase.CONNECT,), Expected.REFUSED),
    _fault(16, "rate out of the pump's range",
           lambda: AddedTables(slow_stream), (Phase.CONNECT,), Expected.REFUSED),
    _fault(17, "bubble or missing slug", lambda: OnDevice("spectrometer", "bubble", "no-slugs"),
           SEEING),
    _fault(18, "over-pressure",
           lambda: OnOtherDevice("sensor", "pressure-rises", reads=("pressure",)), FLOWING),
    _not(19, "back-diffusion, carry-over", "the world's liquid flows forwards only"),
    _fault(20, "valve did not turn", lambda: OnOtherDevice("valve", "stuck-valve"),
           (Phase.CONNECT, Phase.HOME, Phase.SETTLE, Phase.SUGGEST, Phase.FLUSH, Phase.CLOSE),
           Expected.REPORTED),
    _fault(21, "waste full", lambda: AddedTables(small_waste), (Phase.CONNECT,), Expected.ASKED),
    _fault(22, "answer to a start is lost", lambda: OnDevice("pump", "mute times=1 after={after}"),
           (Phase.PRIME, Phase.FLOW, Phase.MEASURE, Phase.FLUSH, Phase.CLOSE), Expected.REPORTED),
)  # fmt: skip

_HEAT: Final = (
    _fault(23, "open thermocouple", lambda: OnDevice("heater", "open-sensor"), HEATED,
           at_once=True),
    _fault(24, "sensor stuck low", lambda: OnDevice("heater", "frozen-sensor"), (Phase.HEAT_UP,),
           Expected.REPORTED, at_once=True),
    _fault(25, "sensor frozen near its target", lambda: OnDevice("heater", "frozen-sensor"),
           (Phase.FLOW, Phase.SETTLE, Phase.MEASURE, Phase.COMMIT), Expected.REPORTED),
    _fault(26, "heater stuck on", lambda: OnDevice("heater", "heater-stuck-on"), HEATED[:-1],
           Expected.REPORTED),
    _fault(27, "thermowell fell out", lambda: OnDevice("heater", "loose-sensor"), HEATED,
           Expected.REPORTED),
    _fault(28, "set point above the limit",
           lambda: AddedTables(low_limit), (Phase.CONNECT,), Expected.REFUSED),
    _fault(29, "heating without flow", lambda: AddedTables(heat_needs_flow), (Phase.CONNECT,),
           Expected.REFUSED),
)  # fmt: skip

_OPTICS: Final = (
    _fault(30, "saturation", lambda: OnDevice("spectrometer", "saturation"), SEEING,
           Expected.REPORTED),
    _fault(31, "stale spectrum", lambda: OnDevice("spectrometer", "frozen-sensor"), SEEING,
           Expected.REPORTED),
    _fault(32, "spectrometer gone or silent",
           lambda: OnDevice("spectrometer", "mute", "deaf", "hang-up times=1", "short-spectrum"),
           OPEN, Expected.REPORTED),
    _fault(33, "lamp off", lambda: OnDevice("spectrometer", "lamp-off"), SEEING),
    _fault(34, "dark or reference drift",
           lambda: OnDevice("spectrometer", "lamp-dim", "stray-light"), SEEING),
    _fault(35, "wavelength table changed", TamperedSpectrometer, (Phase.SETTLE, Phase.SUGGEST),
           Expected.NOT_RESUMED),
)  # fmt: skip

_OPTIMIZER: Final = (
    _fault(36, "not a number from a model",
           lambda: BrokenModel(surrogate=', ailment = "not-a-number"'), (Phase.SUGGEST,),
           Expected.SURVIVES),
    _fault(37, "optimizer crash", lambda: BrokenModel(improve='ailment = "crash"'),
           (Phase.SUGGEST,)),
    _fault(38, "optimizer hang", HangingOptimizer, (Phase.SUGGEST,)),
    _fault(39, "suggestion out of bounds", lambda: BrokenModel(improve='ailment = "outside"'),
           (Phase.SUGGEST,)),
    _fault(40, "plugin version changed on resume", TamperedPlugins, (Phase.SETTLE, Phase.SUGGEST),
           Expected.NOT_RESUMED),
)  # fmt: skip

_HOST: Final = (
    _fault(41, "disk full, or failing at times", DiskFails, OPEN),
    _fault(42, "kill -9", Killed, ALL, Expected.RESUMES),
    _fault(43, "power loss", PowerCut, ALL, Expected.RESUMES),
    _fault(44, "clock jump, suspend", Suspended, OPEN, Expected.SAFE),
    _fault(45, "bit rot in the journal", TamperedJournal, RUNNING, Expected.REPAIRED),
    _fault(46, "profile edited during the run", TamperedProfile, RUNNING, Expected.NOT_RESUMED),
)  # fmt: skip

_MALICE: Final = (
    _fault(47, "hostile profile", HostileProfile, (Phase.CONNECT,), Expected.REFUSED),
    _not(48, "dashboard on the network", "a run serves no page; flowrig watch is another process"),
)  # fmt: skip

_RECOVERY: Final = (
    _fault(49, "heater silent, recovers by itself", SilentHeater, OPEN),
    _fault(50, "every link lost for some seconds", EveryLinkLost, OPEN),
    _fault(51, "instrument missing at resume", MissingAtResume,
           (Phase.HEAT_UP, Phase.SETTLE, Phase.MEASURE, Phase.SUGGEST, Phase.FLUSH),
           Expected.MISSED),
    _fault(52, "short suspend", BrieflySuspended, OPEN),
)  # fmt: skip

STANDING: Final = (Phase.HEAT_UP, Phase.SUGGEST)
"""Phases in which every pump stands still."""

_HANDS: Final = (
    _fault(53, "set point changed at the panel",
           lambda: OnDevice("heater", "panel-set-point times=1"),
           (*HEATED[:6], Phase.PRIME), at_once=True),
    _fault(54, "flow rate changed at the pump", lambda: OnDevice("pump", "panel-rate times=1"),
           (Phase.PRIME, *HEATED[1:4]), at_once=True),
    _fault(55, "pump started at the pump", StartedByHand, STANDING, at_once=True),
    _fault(56, "exposure changed by another program",
           lambda: OnDevice("spectrometer", "foreign-exposure times=1",
                            "foreign-averaging times=1", "foreign-trigger times=1"), SEEING),
    _fault(57, "lamp switched by another program",
           lambda: OnDevice("spectrometer", "foreign-lamp times=1"), SEEING),
    _fault(58, "delay set at the pump", lambda: OnDevice("pump", "panel-delay times=1"),
           (Phase.CONNECT, *STANDING), Expected.SURVIVES),
    _fault(59, "half a start left in the pump", lambda: OnDevice("pump", "half-request times=1"),
           (Phase.CONNECT,), Expected.SURVIVES),
    _fault(60, "temperature unit changed by another program",
           lambda: OnDevice("heater", "foreign-unit times=1"), OPEN, Expected.SURVIVES),
    _fault(61, "profile started at the panel",
           lambda: OnDevice("heater", "panel-profile times=1"), (*HEATED[:6], Phase.PRIME),
           at_once=True),
    _fault(62, "sensor without a value and without an error",
           lambda: OnDevice("heater", "sensor-without-value"), HEATED, at_once=True),
    _fault(63, "set points taken late", lambda: OnDevice("heater", "late-set-points"), OPEN,
           Expected.SURVIVES),
)  # fmt: skip

_SETTLED: Final = (
    _fault(64, "optimizer settles on one point",
           lambda: BrokenModel(improve='ailment = "repeat"', campaign="repeats_at_most = 1"),
           (Phase.SUGGEST,), Expected.SURVIVES),
)  # fmt: skip

_OTHERS: Final = (
    _fault(65, "valve turned by hand",
           lambda: OnOtherDevice("valve", "turned-by-hand times=1"), SEEING, at_once=True),
    _fault(66, "valve gone or silent",
           lambda: OnOtherDevice("valve", "mute", "deaf", "hang-up times=1"),
           OPEN, Expected.REPORTED),
    _fault(67, "sensor gone or silent",
           lambda: OnOtherDevice("sensor", "mute", "deaf", "hang-up times=1"),
           OPEN, Expected.REPORTED),
    _fault(68, "valve of a refill does not turn", lambda: OnRefill("valve", "stuck-valve"),
           (Phase.CONNECT, Phase.REFILL, Phase.COMMIT), Expected.REPORTED),
    _fault(69, "pump stalls, or is off, in a refill",
           lambda: OnRefill("pump", "stall", "power-cycle times=1"), (Phase.REFILL,),
           Expected.REPORTED),
    _fault(70, "pressure sensor frozen",
           lambda: OnOtherDevice("sensor", "frozen-sensor", reads=("pressure",), also=FROZEN_GAUGE),
           FLOWING, Expected.REPORTED),
    _fault(71, "one of several lines blocks", lambda: OnDevice("spectrometer", "line-blocked"),
           FLOWING),
)  # fmt: skip

FAULTS: Final[Mapping[int, Fault]] = {
    fault.number: fault
    for fault in (
        HEALTHY,
        *_LINK,
        *_FLUIDICS,
        *_HEAT,
        *_OPTICS,
        *_OPTIMIZER,
        *_HOST,
        *_MALICE,
        *_RECOVERY,
        *_HANDS,
        *_SETTLED,
        *_OTHERS,
    )
}
"""Every fault by its number; 0 is the control."""


def applicable(rig: PlayedRig = REFERENCE) -> list[Fault]:
    """The faults that a rig can have, without the control."""
    return [fault for fault in FAULTS.values() if fault.number and not fault.why_not_on(rig)]
