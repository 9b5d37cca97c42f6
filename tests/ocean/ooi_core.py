"""An emulated USB2000+ or Flame-S with OOI, the older protocol, as python-seabreeze uses it.

Commands and replies: python-seabreeze 2.11 (`pyseabreeze/protocol.py` and `features`).
"""

import struct

from ocean_bench import Detector

PRODUCT_ID = 0x101E
HIGH_SPEED = 0x80
END_OF_SPECTRUM = b"\x69"


class OoiCore:
    """Answers commands, each one byte and its arguments.

    Args:
        detector: a detector with 2048 pixels.
        firmware: major version of the gate array; 3 and above is a Flame-S.
    """

    def __init__(self, detector: Detector, firmware: int) -> None:
        self.detector = detector
        self.integration_time_us = 1_000
        self.set_us: list[int] = []
        self._firmware = firmware
        numbers = map(repr, detector.wavelength_coefficients)
        self._slots = dict(enumerate(["FLMS01234", *numbers]))

    def feed(self, data: bytes) -> bytes:
        """Carry out one command, which is one transfer; returns its answer."""
        command, arguments = data[0], data[1:]
        if command == 0x02:
            (self.integration_time_us,) = struct.unpack("<I", arguments)
            self.set_us.append(self.integration_time_us)
        elif command == 0x03:
            self.detector.light(bool(struct.unpack("<H", arguments)[0]))
        elif command == 0x05:
            text = self._slots.get(arguments[0], "").encode()[:14]
            return data + text.ljust(15, b"\0")
        elif command == 0x09:
            counts = self.detector.expose(self.integration_time_us)
            return counts.astype("<u2").tobytes() + END_OF_SPECTRUM
        elif command == 0x6B:
            return struct.pack("<BH", arguments[0], self._firmware << 12)
        elif command == 0xFE:
            return struct.pack("<HI10B", 2048, self.integration_time_us, *[0] * 8, HIGH_SPEED, 0)
        return b""
