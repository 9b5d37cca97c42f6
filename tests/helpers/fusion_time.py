"""The time of a wire to an emulated Fusion: deadlines expire when no bytes are on the wire."""

import time
from contextlib import contextmanager
from functools import partial
from unittest.mock import patch

from patience import LONG_S

from flowrig.emulation import SocketFront, serial_front
from flowrig.testing import PumpBench
from flowrig_chemyx.driver import ChemyxFusion
from flowrig_chemyx.emulator.emulator import ChemyxEmulator
from flowrig_chemyx.settings import FusionSettings
from flowrig_chemyx.wire import serial_line

__all__ = [
    "FRONTS", "LONG_S", "Recorder", "WireTime", "conformance_bench", "leaping", "timed_driver",
]  # fmt: skip

PATIENCE_S = 120.0
FRONTS = {"serial": serial_front, "socket": lambda core: SocketFront(lambda: core)}


class Recorder:
    """Records the bytes that reach a protocol core, and counts the bytes of its replies."""

    def __init__(self, core):
        self.core = core
        self.received = b""
        self.answered = 0
        self.obeyed = 0

    @property
    def passed(self):
        """Bytes in both directions."""
        return len(self.received) + self.answered

    def feed(self, data):
        self.received += data
        answer = self.core.feed(
            data
        )  # a hang-up raises here: bytes that were not obeyed stay on the wire
        self.answered += len(answer)
        self.obeyed += len(data)
        return answer


class WireTime:
    """A clock for deadlines that jumps ahead while no bytes are on the wire.

    A deadline expires at once if no answer comes, and never because the machine is busy.
    """

    def __init__(self, recorder):
        self._recorder = recorder
        self._sent = self._received = 0
        self._leapt_s = 0.0

    def begin(self):
        """A port is opened: bytes that were on the wire before are lost."""
        self._sent, self._received = self._recorder.obeyed, self._recorder.answered

    def hear(self, direction, data, channel):
        """A driver has sent or received bytes."""
        if direction == "sent":
            self._sent += len(data)
        else:
            self._received += len(data)

    def monotonic(self):
        """Time [s] from an arbitrary start; see `time.monotonic`."""
        on_the_wire = (self._recorder.obeyed, self._recorder.answered) != (
            self._sent,
            self._received,
        )
        self._leapt_s += 0.0 if on_the_wire else LONG_S
        return time.monotonic() + self._leapt_s


def leaping(wire_time):
    """While entered, the deadlines of Fusion drivers use the time of a wire."""
    return patch.object(serial_line, "time", wire_time)


def timed_driver(wire_time):
    """A driver class whose deadlines use the time of the wire."""

    class Timed(ChemyxFusion):
        def _do_open(self):
            if self.wire.listener is None:
                self.wire.listener = wire_time.hear
            wire_time.begin()
            super()._do_open()

    return Timed


@contextmanager
def conformance_bench(variant=None, channel=None, front="serial", **options):
    """The conformance kit's bench with a driver whose deadlines use the time of the wire."""
    recorder = Recorder(None)
    wire_time = WireTime(recorder)

    def recording_front(core):
        recorder.core = core
        return FRONTS[front](recorder)

    emulator = partial(ChemyxEmulator, variant=variant, new_front=recording_front)
    settings = FusionSettings(address="", deadline_s=LONG_S, channel=channel)
    with (
        leaping(wire_time),
        PumpBench(
            timed_driver(wire_time),
            emulator,
            settings,
            withdraws=variant is None or variant.withdraws,
            patience_s=PATIENCE_S,
        ) as kit,
    ):
        yield kit
