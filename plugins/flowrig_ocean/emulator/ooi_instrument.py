"""The state of an emulated spectrometer with OOI, and its answer to each command.

Commands, answers and EEPROM slots: Flame-S manual 225-00000-000-11-201604, pages 77 to 91;
python-seabreeze 2.11 (`pyseabreeze/protocol.py` and `features`). A command is one byte with its
arguments. Nothing is acknowledged, and what the instrument does not accept it ignores.
"""

import math
import struct
import threading
from typing import Final

import numpy as np
from attrs import define

from flowrig.clock import Clock
from flowrig.emulation import SpectrometerBody
from flowrig_ocean.emulator.ooi_variant import USB2000PLUS, OoiVariant
from flowrig_ocean.emulator.pixels import onto_pixels

__all__ = ["OoiInstrument", "OoiProtocol", "OoiState"]

SET_INTEGRATION_TIME: Final = 0x02
SET_LAMP_ENABLE: Final = 0x03
SET_POWER: Final = 0x04
QUERY_INFORMATION: Final = 0x05
WRITE_INFORMATION: Final = 0x06
REQUEST_SPECTRUM: Final = 0x09
SET_TRIGGER_MODE: Final = 0x0A
WRITE_REGISTER: Final = 0x6A
READ_REGISTER: Final = 0x6B
READ_TEMPERATURE: Final = 0x6C
QUERY_STATUS: Final = 0xFE

ARGUMENT_BYTES: Final = {
    0x01: 0,  # initialize
    SET_INTEGRATION_TIME: 4,
    SET_LAMP_ENABLE: 2,
    SET_POWER: 2,
    QUERY_INFORMATION: 1,
    WRITE_INFORMATION: 16,
    REQUEST_SPECTRUM: 0,
    SET_TRIGGER_MODE: 2,
    WRITE_REGISTER: 3,
    READ_REGISTER: 1,
    READ_TEMPERATURE: 0,
    QUERY_STATUS: 0,
}
"""Number of bytes that follow each command."""

FREE_RUNNING: Final = 0
TRIGGER_MODES: Final = range(5)
WAITING_MODES: Final = (2, 3)
"""Trigger modes in which a spectrum waits for a pulse from outside."""

END_OF_SPECTRUM: Final = b"\x69"
HIGH_SPEED: Final = 0x80
HIGH_SPEED_PACKET_BYTES: Final = 512
SLOT_BYTES: Final = 15
SATURATION_SLOT: Final = 17
VERSION_REGISTER: Final = 0x04
BOARD_C: Final = 31.5
"""Temperature [°C] of the board."""
STEP_C: Final = 0.003906
"""Step [°C] of its reading."""


@define
class OoiState:
    """The settings of an instrument.

    Attributes:
        integration_time_us: integration time [µs].
        trigger_mode: 0 runs freely.
        lamp_enable: whether the lamp-enable line is high.
        powered: whether the circuit is powered up.
    """

    integration_time_us: int
    trigger_mode: int = FREE_RUNNING
    lamp_enable: bool = False
    powered: bool = True


class OoiInstrument:
    """The state of one spectrometer, which all programs that use it in turn find.

    Args:
        body: the detector and the light source on its lamp-enable line.
        clock: an exposure takes its integration time on this clock.
        serial_number: serial number that the instrument reports; it is cut after 14 characters.
        variant: model to emulate.

    Attributes:
        state: its settings.
        variant: as above.
        ignores_sets: whether settings are ignored.
        spectrum_bytes_lost: number of bytes missing at the end of a spectrum.
    """

    def __init__(
        self,
        body: SpectrometerBody,
        clock: Clock,
        serial_number: str,
        variant: OoiVariant = USB2000PLUS,
    ) -> None:
        self.variant = variant
        self.state = OoiState(variant.integration_time_min_us)
        self.ignores_sets = False
        self.spectrum_bytes_lost = 0
        self._exposing_us = self.state.integration_time_us
        self._begin_s = clock.now_s()
        self._body = onto_pixels(body, variant.pixels)
        self._clock = clock
        self._registers = {VERSION_REGISTER: variant.firmware << 12}
        self._slots = self._eeprom(serial_number)
        self._lock = threading.Lock()

    def power_cycle(self) -> None:
        """Unplug and plug in again: all settings as delivered, the light unchanged."""
        with self._lock:
            self.state = OoiState(
                self.variant.integration_time_min_us, lamp_enable=self.state.lamp_enable
            )
            self._exposing_us = self.state.integration_time_us
            self._begin_s = self._clock.now_s()

    def answer(self, command: int, arguments: bytes) -> bytes:
        """Carry out one command; returns its answer, empty for most."""
        with self._lock:
            if command == QUERY_INFORMATION:
                slot = arguments[0]
                return bytes([command, slot]) + self._slots.get(slot, bytes(SLOT_BYTES))
            if command == REQUEST_SPECTRUM:
                return b"" if self.state.trigger_mode in WAITING_MODES else self._spectrum()
            if command == READ_REGISTER:
                return struct.pack("<BH", arguments[0], self._registers.get(arguments[0], 0))
            if command == READ_TEMPERATURE:
                return struct.pack("<Bh", 0x08, round(BOARD_C / STEP_C))
            if command == QUERY_STATUS:
                return self._status()
            if not self.ignores_sets:
                self._set(command, arguments)
            return b""

    def _set(self, command: int, arguments: bytes) -> None:
        variant, state = self.variant, self.state
        if command == SET_INTEGRATION_TIME:
            (time_us,) = struct.unpack("<I", arguments)
            if variant.integration_time_min_us <= time_us <= variant.integration_time_max_us:
                state.integration_time_us = time_us
        elif command == SET_LAMP_ENABLE:
            state.lamp_enable = bool(struct.unpack("<H", arguments)[0])
            self._body.light(state.lamp_enable)
        elif command == SET_TRIGGER_MODE:
            (mode,) = struct.unpack("<H", arguments)
            state.trigger_mode = mode if mode in TRIGGER_MODES else state.trigger_mode
        elif command == SET_POWER:
            state.powered = bool(struct.unpack("<H", arguments)[0])
        elif command == WRITE_INFORMATION:
            self._slots[arguments[0]] = arguments[1:]
        elif command == WRITE_REGISTER:
            register, value = struct.unpack("<BH", arguments)
            if register != VERSION_REGISTER:
                self._registers[register] = value

    def _status(self) -> bytes:
        packet_bytes = self.variant.packet_bytes
        packets = math.ceil((2 * self.variant.pixels + 1) / packet_bytes)
        return struct.pack(
            "<HI10B",
            self.variant.pixels,
            self.state.integration_time_us,
            self.state.lamp_enable,
            self.state.trigger_mode,
            0,
            packets % 256,
            self.state.powered,
            *(0, 0, 0),
            HIGH_SPEED if packet_bytes >= HIGH_SPEED_PACKET_BYTES else 0,
            0,
        )

    def _spectrum(self) -> bytes:
        variant = self.variant
        counts = self._body.expose(self._expose()).astype(float)
        # What a program stretches from saturation to full scale are the counts of the detector.
        counts = np.minimum(counts, variant.counts_max)
        counts = np.rint(counts * variant.saturation_counts / variant.counts_max)
        pixels: bytes = (counts.astype("<u2") ^ variant.flipped_bits).tobytes()
        data = pixels + END_OF_SPECTRUM
        return data[: len(data) - self.spectrum_bytes_lost]

    def _expose(self) -> int:
        """Wait for the end of an exposure; returns its integration time [µs]."""
        exposed_us, self._exposing_us = self._exposing_us, self.state.integration_time_us
        if not self.variant.runs_freely or self.state.trigger_mode != FREE_RUNNING:
            exposed_us = self.state.integration_time_us
            self._clock.emulate_delay(exposed_us * 1e-6)
            return exposed_us
        exposure_s, now_s = exposed_us * 1e-6, self._clock.now_s()
        self._begin_s += (math.floor((now_s - self._begin_s) / exposure_s) + 1) * exposure_s
        self._clock.emulate_delay(self._begin_s - now_s)
        return exposed_us

    def _eeprom(self, serial_number: str) -> dict[int, bytes]:
        """What the maker has stored, as text but for the saturation, by slot."""
        variant = self.variant
        texts = {
            0: serial_number,
            **{slot: _short(c) for slot, c in enumerate(self._body.wavelength_coefficients, 1)},
            5: "0.0",
            **{slot: _short(c) for slot, c in enumerate(variant.nonlinearity, 6)},
            14: str(len(variant.nonlinearity) - 1),
            15: "2 2 25",
            16: "1",
        }
        slots = {slot: text.encode()[: SLOT_BYTES - 1] for slot, text in texts.items()}
        slots[SATURATION_SLOT] = struct.pack("<4xH", variant.saturation_counts)
        return {slot: text.ljust(SLOT_BYTES, b"\0") for slot, text in slots.items()}


class OoiProtocol:
    """One program at the instrument: bytes in, answers out.

    Args:
        instrument: the instrument that answers.
    """

    def __init__(self, instrument: OoiInstrument) -> None:
        self._instrument = instrument
        self._buffer = b""

    def feed(self, data: bytes) -> bytes:
        """Take bytes as they arrive, in pieces of any size; return the answers."""
        self._buffer += data
        answers = b""
        while self._buffer:
            # An unknown command has no arguments that could be skipped.
            length = 1 + ARGUMENT_BYTES.get(self._buffer[0], 0)
            if len(self._buffer) < length:
                break
            command, self._buffer = self._buffer[:length], self._buffer[length:]
            answers += self._instrument.answer(command[0], command[1:])
        return answers


def _short(value: float) -> str:
    """A number in at most 14 characters."""
    return f"{value:.7e}"
