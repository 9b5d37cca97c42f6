"""The differences between real Fusions, as options of the emulated pump."""

from attrs import frozen

__all__ = ["Variant"]


@frozen(kw_only=True)
class Variant:
    """The options in which one Fusion differs from another.

    Attributes:
        dual: two channels, addressed by "1 " or "2 " before a command, and by "3 " in cycle mode.
        echo: whether requests are echoed after power-on; `echo on` and `echo off` change it.
        echo_end: terminator of the echo: CR on dual pumps, CR LF on some single-channel pumps.
        separator: terminator of the other lines: CR LF, or blank LF CR (qudi, Fusion 4000-X
            module).
        status_spellings: the spellings of the status query that the pump knows.
        counts_on_after_pause: whether `dispensed volume` continues when a paused run is resumed,
            or starts again at zero.
        multistep: whether the pump takes more than one step, and ramps.
        withdraws: whether the pump takes negative volumes.
        primerate_line: whether `view parameter` of a single-channel pump shows the priming rate.
            Chemyx's Python window for single-channel pumps finds the volume one line later than
            its window for dual pumps; that this line is the priming rate is an assumption.
        delay_unit_s: one unit of `set delay` [s]: minutes in Chemyx's MATLAB programs (2016),
            seconds in the dual-channel scripts of Chemyx-Syringe-Pump.
        rate_while_running: whether `set rate` acts on a running pump; public programs disagree.
            `change rate` always does.
        announces: whether the pump sends "Pump start running..." without a request when a delayed
            run begins.
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
