"""In what real Fusions differ, as options of the emulated one."""

from attrs import frozen

__all__ = ["Variant"]


@frozen(kw_only=True)
class Variant:
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
