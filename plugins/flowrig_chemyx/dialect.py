"""In what real Fusions differ, as options of the emulated one."""

from typing import Final

from attrs import frozen

from flowrig.emulation import Front

__all__ = ["Dialect", "Uart"]

BITS_PER_BYTE: Final = 10
"""A start bit, eight data bits, a stop bit."""


@frozen(kw_only=True)
class Dialect:
    """What kind of Fusion it is.

    Attributes:
        dual: two channels, which take "1 " or "2 " before a command, and "3 " for cycle mode.
        echo: whether requests are echoed from the beginning; `echo on` and `echo off` change it.
        echo_end: what ends the echo.
        separator: what separates lines.
        status_spellings: the spellings of the status query that are known.
        counts_on_after_pause: whether `dispensed volume` goes on when a paused run is resumed.
        multistep: whether it takes more than one step, and ramps.
        withdraws: whether it takes negative volumes.
        primerate_line: whether a single-channel pump shows its priming rate as well.
        delay_unit_s: one unit of `set delay` [s]: Chemyx's MATLAB programs (2016) count minutes,
            the dual-channel scripts in Chemyx-Syringe-Pump seconds.
        rate_while_running: whether `set rate` acts on a run that is under way; public programs
            disagree, and `change rate` always does.
        announces: whether it says unasked that a delayed run has begun.
    """

    dual: bool = False
    echo: bool = True
    echo_end: bytes = b"\r"
    separator: bytes = b"\r\n"
    status_spellings: tuple[str, ...] = ("status", "pump status")
    counts_on_after_pause: bool = True
    multistep: bool = True
    withdraws: bool = True
    primerate_line: bool = True
    delay_unit_s: float = 60.0
    rate_while_running: bool = False
    announces: bool = False


@frozen(kw_only=True)
class Uart:
    """The serial port of an emulated pump.

    Attributes:
        baud: line speed in the pump's menu.
        paced: whether bytes take their time on the line; on the virtual clock they never do.
        strict: whether a client at another line speed sends and gets garbage, where the operating
            system tells its speed (pseudo-terminals do).
    """

    baud: int = 38400
    paced: bool = False
    strict: bool = False

    def duration_s(self, count: int) -> float:
        """The time [s] that so many bytes take on the line; 0 if they are not paced."""
        return count * BITS_PER_BYTE / self.baud if self.paced else 0.0

    def hears(self, front: Front) -> bool:
        """Whether the client on a front is understood."""
        return not self.strict or front.baud in (None, self.baud)
