"""An emulated Alicat controller on a serial port."""

import re
import threading
from collections.abc import Mapping
from typing import Final

from attrs import frozen

from flowrig.emulation import (
    DeviceFault,
    EmulatorContext,
    Variants,
)
from flowrig_alicat.settings import BAR, AlicatSettings
from flowrig_kinds.bodies import FlowControllerBody
from flowrig_serial.emulator import NewFront, SerialEmulator

__all__ = ["DIALECTS", "AlicatCore", "AlicatEmulator", "Variant"]


GAS, CONTROL_POINT = 46, 122
"""Registers of the gas, and of what the set point sets (numat/alicat)."""

MASS_FLOW: Final = 37
NITROGEN: Final = 8
GASES: Final = ("Air", "Ar", "CH4", "CO", "CO2", "C2H6", "H2", "He", "N2", "N2O", "Ne", "O2")


@frozen(kw_only=True)
class Variant:
    """The options in which one controller differs from another.

    Attributes:
        version: reply to `VE`, after the letter.
        has_total: whether the data frame has the total flow.
        shows_old_set_point: whether the answer to a set point has the old one.
        is_locked: whether the buttons are locked, which the data frame tells.
        decimals: decimals of flows.
    """

    version: str = "  8v17.0-R23 Mar 08 2018,15:01:29"
    has_total: bool = False
    shows_old_set_point: bool = False
    is_locked: bool = False
    decimals: int = 3


DIALECTS: Final[Mapping[str, Variant]] = {
    "plain": Variant(),
    "totalizer": Variant(has_total=True, is_locked=True, version="10v05.0-R24"),
    "slow": Variant(shows_old_set_point=True, version="  2v37.0-R22"),
}
"""Controllers that the public driver knows, by name."""


class AlicatCore:
    """A controller as a protocol core.

    Args:
        body: the valve of the controller, with its place.
        settings: unit ID, full scale and units.
        variant: the options of this controller.

    Attributes:
        codes: what the data frame reports beside the values.
    """

    def __init__(
        self, body: FlowControllerBody, settings: AlicatSettings, variant: Variant
    ) -> None:
        self.codes: tuple[str, ...] = ("LCK",) if variant.is_locked else ()
        self._body = body
        self._settings = settings
        self._variant = variant
        self._input = b""
        self._gas = NITROGEN
        self._lock = threading.Lock()

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes, in pieces of any size; return replies to the completed requests."""
        with self._lock:
            *requests, self._input = (self._input + data).split(b"\r")
            return b"".join(self._reply(one.decode("latin-1").strip()) for one in requests)

    def power_cycle(self) -> None:
        """Switch the controller off and on again."""
        with self._lock:
            self._input = b""
            self._body.tell(0.0)

    def _reply(self, request: str) -> bytes:
        letter = self._settings.controller
        if not request.startswith(letter):
            return b""
        text = self._carry_out(request.removeprefix(letter).strip())
        return text.encode("ascii") + b"\r"

    def _carry_out(self, command: str) -> str:
        if not command:
            return self._frame()
        if command == "VE":
            return f"{self._settings.controller} {self._variant.version}"
        register = re.fullmatch(r"(?:\$\$)?([RW])([0-9]{1,3})(?:=([0-9]{1,5}))?", command)
        if register is not None:
            return self._register(*register.groups())
        number = re.fullmatch(r"S\s*([0-9]*\.?[0-9]*)", command)
        if number is None or not re.search("[0-9]", number[1]):
            return "?"
        before = self._frame()
        self._body.tell(min(float(number[1]), self._settings.full_scale))
        return before if self._variant.shows_old_set_point else self._frame()

    def _register(self, action: str, number: str, value: str | None) -> str:
        """Read or write a register, as public programs do; only the gas can be changed."""
        register = int(number)
        if register == GAS and action == "W" and value is not None:
            self._gas = int(value)
        known = {GAS: self._gas, CONTROL_POINT: MASS_FLOW}
        if register not in known or (value is None) != (action == "R"):
            return "?"
        return f"{self._settings.controller}   {register:03d} = {known[register]}"

    def _frame(self) -> str:
        body, settings, places = self._body, self._settings, self._variant.decimals
        pressure = body.place.pressure_bar / BAR[settings.pressure_unit]
        columns = [
            f"{pressure:+07.3f}",
            f"{body.place.temperature_c:+07.2f}",
            f"{body.value:+07.{places}f}",
            f"{body.value:+07.{places}f}",
            f"{body.told:06.{places}f}",
        ]
        if self._variant.has_total:
            columns.append("0000.01")
        gas = GASES[self._gas] if self._gas < len(GASES) else f"{self._gas}"
        return " ".join([settings.controller, *columns, f"{gas:>6}", *self.codes])


class AlicatEmulator(SerialEmulator):
    """An emulated controller on a serial port.

    Args:
        context: the device to emulate, its world and its clock.
        variant: the options of this controller.
        new_front: puts the core on a wire; by default as the context says.

    Attributes:
        core: the controller.
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
        if not isinstance(settings, AlicatSettings):
            settings = AlicatSettings(address="", full_scale=10.0)
        body = context.world.body(context.device)
        self.core = AlicatCore(body, settings, variant or Variant())
        self.put_on_wire(self.core, new_front)

    def fault_switches(self) -> Mapping[str, DeviceFault]:
        """The faults of every flow controller, and those of an Alicat."""
        return {
            **super().fault_switches(),
            "power-cycle": DeviceFault(
                "off and on: the valve shuts, since the set point is not saved (assumed)",
                lambda on: self.core.power_cycle() if on else None,
            ),
            "over-range": DeviceFault(
                "the mass flow is beyond the range of its sensor", self._exceed
            ),
        }

    def _exceed(self, on: bool) -> None:
        self.core.codes = ("MOV",) if on else ()
