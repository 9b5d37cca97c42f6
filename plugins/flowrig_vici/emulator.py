"""An emulated VICI actuator on a serial port."""

import threading
from collections.abc import Callable, Mapping
from typing import Final, Literal

from attrs import frozen

from flowrig.emulation import (
    EmulatorContext,
    Variants,
)
from flowrig_kinds.bodies import ValveBody
from flowrig_serial.emulator import NewFront, SerialEmulator
from flowrig_vici.protocol import LETTERS
from flowrig_vici.settings import ViciSettings

__all__ = ["DIALECTS", "Variant", "ViciActuator", "ViciEmulator"]


@frozen(kw_only=True)
class Variant:
    """The options in which one actuator differs from another.

    Attributes:
        num_positions: number of positions, or of ports of a two-position valve.
        two_positions: whether the valve has the positions A and B.
        long_replies: whether replies have " = ", as those of microelectric actuators (`LG1`).
        says_position: whether the position is told by "Position is" in the long form.
        answers_moves: what a command that turns the valve is answered by: nothing, itself, or the
            new position (`IFM`).
        line_end: end of replies (`DEL`).
        version: lines of the reply to `VR`.
    """

    num_positions: int = 10
    two_positions: bool = False
    long_replies: bool = False
    says_position: bool = False
    answers_moves: Literal["nothing", "itself", "position"] = "nothing"
    line_end: bytes = b"\r"
    version: tuple[str, ...] = ("UA_MAIN_EQ 01.10",)


DIALECTS: Final[Mapping[str, Variant]] = {
    "euta": Variant(),
    "two-position": Variant(two_positions=True, num_positions=6, answers_moves="itself"),
    "emtca": Variant(
        long_replies=True, answers_moves="position", line_end=b"\r\n", version=("I-PD-AMTX88RD1",)
    ),
    "ehma": Variant(
        long_replies=True, says_position=True, line_end=b"\r\n", version=("EHMA 8.2", "MAR 2 1998")
    ),
}
"""Actuators that VICI's manuals describe, by name."""


class ViciActuator:
    """An actuator as a protocol core.

    Args:
        body: the rotor.
        actuator: its ID, or empty.
        variant: the options of this actuator.
    """

    def __init__(self, body: ValveBody, actuator: str, variant: Variant) -> None:
        self._body = body
        self._id = actuator
        self._variant = variant
        self._input = b""
        self._lock = threading.Lock()
        self._direction = "A"

    def feed(self, data: bytes) -> bytes:
        """Take the next bytes, in pieces of any size; return replies to the completed requests."""
        with self._lock:
            *requests, self._input = (self._input + data).split(b"\r")
            return b"".join(self._reply(one.decode("latin-1")) for one in requests)

    def _reply(self, request: str) -> bytes:
        text = request.strip().upper()
        if self._id:
            if not text.startswith(self._id):
                return b""
            text = text.removeprefix(self._id).strip()
        lines = self._carry_out(text[:2], text[2:]) if text else []
        return b"".join(line.encode("ascii") + self._variant.line_end for line in lines)

    def _carry_out(self, command: str, value: str) -> list[str]:
        variant = self._variant
        answers: dict[str, Callable[[], list[str]]] = {
            "CP": lambda: [self._position()],
            "NP": lambda: [self._told("NP", f"{variant.num_positions:02d}")],
            "VR": lambda: list(variant.version),
            "AM": lambda: [self._told("AM", "1" if variant.two_positions else "3")],
            "SM": lambda: [self._told("SM", self._direction)],
        }
        if command in answers and not value:
            return answers[command]()
        if command == "SM" and value in ("F", "R", "A"):
            self._direction = value
            return []
        number = self._target(command, value)
        if number is None:
            return [f"Bad command {command}{value}".rstrip()]
        self._body.turn(number)
        return {
            "nothing": [],
            "itself": [command + value],
            "position": [self._position()],
        }[variant.answers_moves]

    def _target(self, command: str, value: str) -> int | None:
        """The position to which a command turns; None if it is no such command."""
        variant = self._variant
        if command == "HM" and not value and not variant.two_positions:
            return 1
        if command not in ("GO", "CW", "CC"):
            return None
        if variant.two_positions:
            if not value:
                other = 3 - self._body.number
                return {"CW": 1, "CC": 2, "GO": other}[command]
            return LETTERS.get(value) if command == "GO" else None
        if not value:
            step = -1 if command == "CC" else 1
            return (self._body.number - 1 + step) % variant.num_positions + 1
        number = int(value) if value.isdigit() else 0
        return number if 1 <= number <= variant.num_positions else None

    def _position(self) -> str:
        number = self._body.number
        where = "AB"[number - 1] if self._variant.two_positions else f"{number:02d}"
        if self._variant.says_position:
            return f'Position is  = "{where.lstrip("0")}"'
        return self._told("CP", where)

    def _told(self, name: str, value: str) -> str:
        return f"{name} = {value.lstrip('0')}" if self._variant.long_replies else name + value


class ViciEmulator(SerialEmulator):
    """An emulated actuator on a serial port.

    Args:
        context: the device to emulate, its world and its clock.
        variant: the options of this actuator.
        new_front: puts the core on a wire; by default as the context says.

    Attributes:
        core: the actuator.
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
        actuator = settings.actuator if isinstance(settings, ViciSettings) else ""
        body = context.world.body(context.device)
        self.core = ViciActuator(body, actuator, variant or Variant())
        self.put_on_wire(self.core, new_front)
