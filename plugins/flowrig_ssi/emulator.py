"""An emulated SSI pump on a serial port."""

import re
import threading
from collections.abc import Callable, Mapping
from typing import Final

from attrs import frozen

from flowrig.emulation import DeviceFault, EmulatorContext, Variants
from flowrig_kinds.bodies import FlowSourceBody
from flowrig_serial.emulator import NewFront, SerialEmulator
from flowrig_ssi.protocol import BAR
from flowrig_ssi.settings import SSISettings, step_ul_min

__all__ = ["DIALECTS", "SSICore", "SSIEmulator", "Variant"]


@frozen(kw_only=True)
class Variant:
    """The options in which one pump differs from another.

    Attributes:
        version: reply to `ID`.
        unit: unit of the pressure.
        repeats: whether the reply to `FI` repeats the flow rate.
    """

    version: str = "191017 Version 2.0.8"
    unit: str = "psi"
    repeats: bool = False


DIALECTS: Final[Mapping[str, Variant]] = {
    "psi": Variant(),
    "bar": Variant(unit="bar", version="201105 Version 3.1"),
    "mpa": Variant(unit="MPa", repeats=True),
}
"""Pumps that the public driver knows, by name."""


class SSICore:
    """A pump as a protocol core.

    Args:
        body: what delivers, with its place.
        settings: the fastest flow rate.
        variant: the options of this pump.
    """

    def __init__(self, body: FlowSourceBody, settings: SSISettings, variant: Variant) -> None:
        self._body = body
        self._fastest_ul_min = settings.flow_rate_max_ul_min
        self._step_ul_min = step_ul_min(self._fastest_ul_min)
        self._variant = variant
        self._rate_ul_min = self._step_ul_min
        self._input = b""
        self._lock = threading.Lock()

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes, in pieces of any size; return replies to the completed requests."""
        with self._lock:
            *requests, self._input = (self._input + data).split(b"\r")
            texts = [self._reply(one.decode("latin-1").strip().upper()) for one in requests]
            return "".join(f"{text}/" for text in texts if text).encode("ascii")

    def _reply(self, request: str) -> str:
        answers: dict[str, Callable[[], str]] = {
            "ID": lambda: f"OK,{self._variant.version}",
            "MF": lambda: f"OK,MF:{self._shown(self._fastest_ul_min)}",
            "CS": self._state,
            "CC": lambda: f"OK,{self._pressure()},{self._shown(self._set_ul_min)}",
            "PU": lambda: f"OK,{self._variant.unit}",
            "RU": self._run,
            "ST": self._stop,
        }
        if request in answers:
            return answers[request]()
        flow = re.fullmatch("FI([0-9]{1,5})", request)
        rate_ul_min = float(flow[1]) * self._step_ul_min if flow else -1.0
        if not 0.0 < rate_ul_min <= self._fastest_ul_min:
            return "Er" if request else ""
        self._rate_ul_min = rate_ul_min
        if self._body.told > 0.0:
            self._body.tell(rate_ul_min)
        return f"OK,FI:{self._shown(rate_ul_min)}" if self._variant.repeats else "OK"

    @property
    def _set_ul_min(self) -> float:
        """The flow rate [µL/min] that the display shows."""
        return self._body.told or self._rate_ul_min

    def _run(self) -> str:
        self._body.tell(self._rate_ul_min)
        return "OK"

    def _stop(self) -> str:
        self._body.tell(0.0)
        return "OK"

    def _state(self) -> str:
        runs = int(self._body.told > 0.0)
        return f"OK,{self._shown(self._set_ul_min)},6000,0,{self._variant.unit},0,{runs},0"

    def _shown(self, rate_ul_min: float) -> str:
        return f"{rate_ul_min / 1000:.{3 if self._step_ul_min < 10.0 else 2}f}"

    def _pressure(self) -> str:
        unit = self._variant.unit
        value = self._body.place.pressure_bar / BAR[unit]
        return f"{value:.{ {'psi': 0, 'bar': 1, 'MPa': 2}[unit] }f}"


class SSIEmulator(SerialEmulator):
    """An emulated pump on a serial port.

    Args:
        context: the device to emulate, its world and its clock.
        variant: the options of this pump.
        new_front: puts the core on a wire; by default as the context says.

    Attributes:
        core: the pump.
    """

    variants = Variants(Variant, named=DIALECTS)

    def __init__(
        self,
        context: EmulatorContext,
        variant: Variant | None = None,
        new_front: NewFront | None = None,
    ) -> None:
        super().__init__(context)
        settings = context.settings
        if not isinstance(settings, SSISettings):
            settings = SSISettings(address="", flow_rate_max_ul_min=10_000.0)
        self._body = context.world.body(context.device)
        self.core = SSICore(self._body, settings, variant or Variant())
        self.put_on_wire(self.core, new_front)

    def fault_switches(self) -> Mapping[str, DeviceFault]:
        """The faults of every source of flow, and those of an SSI pump."""
        return {
            **super().fault_switches(),
            "over-pressure": DeviceFault(
                "the pressure is beyond the limit of the pump, which stops", self._give_up
            ),
        }

    def _give_up(self, on: bool) -> None:
        if on:
            self._body.tell(0.0)
