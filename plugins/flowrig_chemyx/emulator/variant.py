"""The differences between real Fusions, as options of the emulated pump."""

from collections.abc import Mapping
from typing import Final, Literal

from attrs import frozen

from flowrig_chemyx.settings import INNER_DIAMETER_MAX_MM

__all__ = ["DIALECTS", "Variant"]


@frozen(kw_only=True)
class Variant:
    """The options in which one Fusion differs from another.

    Attributes:
        dual: two channels, addressed by "1 " or "2 " before a command, and by "3 " in cycle mode.
        echo: whether requests are echoed after power-on; `echo on` and `echo off` change it.
        echo_end: terminator of the echo; None for CR on a dual pump and CR LF on a single-channel
            pump, as the programs for each of them read it.
        separator: terminator of the other lines: CR LF, or blank LF CR (qudi, Fusion 4000-X
            module).
        status_spellings: the spellings of the status query that the pump knows.
        unit_names: whether units are printed as "mL/min" in place of a digit; they are taken in
            both forms.
        echoes_sign: whether the reply to `set volume` shows the sign of a withdrawal.
        views_sign: whether `view parameter` shows it. Chemyx's Python window compares the volume
            there with the magnitude of what it has sent.
        limits_first: whether `read limit parameter` begins with the limits of the flow rate, or
            with those of the volume.
        diameter_max_mm: largest inner diameter [mm]: 60 on a 4000-X (qudi), 40 on others (Chemyx
            knowledge base).
        pause_stops: whether `pause` ends the run, so that `start` begins a new one.
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
        restart: what `restart` does; public programs disagree.
        by_beginning: whether a request that only begins with `start`, `pause` or `stop` is taken.
        idle_end_s: silence [s] that ends a request without a terminator, which is valid (Chemyx
            knowledge base, "RS232 Communication"); 0 if only a terminator does.
    """

    dual: bool = False
    echo: bool = True
    echo_end: bytes | None = None
    separator: bytes = b"\r\n"
    status_spellings: tuple[str, ...] = ("status", "pump status")
    unit_names: bool = False
    echoes_sign: bool = True
    views_sign: bool = False
    limits_first: Literal["rate", "volume"] = "rate"
    diameter_max_mm: float = INNER_DIAMETER_MAX_MM
    pause_stops: bool = False
    counts_on_after_pause: bool = True
    multistep: bool = True
    withdraws: bool = True
    primerate_line: bool = True
    delay_unit_s: float = 60.0
    rate_while_running: bool = False
    announces: bool = False
    restart: Literal["unknown", "resumes", "reboots"] = "unknown"
    by_beginning: bool = False
    idle_end_s: float = 0.0


DIALECTS: Final[Mapping[str, Variant]] = {
    "single": Variant(),
    "dual": Variant(dual=True),
    "4000-x": Variant(
        dual=True,
        separator=b" \n\r",
        delay_unit_s=1.0,
        rate_while_running=True,
    ),
    "verbatim-echo": Variant(echo_end=b"\r"),
    "no-echo": Variant(echo=False),
    "unit-names": Variant(unit_names=True),
    "no-signs": Variant(echoes_sign=False),
    "volumes-first": Variant(limits_first="volume"),
    "pause-stops": Variant(pause_stops=True),
    "counts-anew": Variant(counts_on_after_pause=False, status_spellings=("pump status",)),
    "one-step": Variant(
        multistep=False, withdraws=False, primerate_line=False, diameter_max_mm=40.0
    ),
    "lenient": Variant(
        rate_while_running=True,
        announces=True,
        restart="resumes",
        by_beginning=True,
        idle_end_s=0.1,
    ),
}
"""Fusions that public programs describe, by name."""
