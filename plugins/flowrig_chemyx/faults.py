"""What goes wrong between an emulated Fusion and whoever talks to it."""

import random
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import count
from typing import Final

from attrs import define

from flowrig.clock import Clock
from flowrig.emulation import Front, HangUp
from flowrig_chemyx.dialect import Uart
from flowrig_chemyx.firmware import FusionProtocol

__all__ = ["FaultScript", "Faults", "FaultyLine", "random_script"]

SPLIT_S: Final = 0.01
GARBLE: Final = 0x80


@define
class Faults:
    """Switches for what can go wrong; each holds until it is switched off.

    Attributes:
        mute: everything is done, nothing is answered.
        deaf: nothing arrives.
        stubborn: every `set` is answered with the old value.
        garbled: answers arrive as they would at another line speed.
        flip: the lowest bit of this byte of every answer is wrong, counted from 0.
        drop: this byte of every answer is lost.
        split: answers come in two bursts.
        stale: every answer has the one before in front of it.
        hold_replies: so many replies come late, in front of the first that does not.
        delay_s: answers come so much later [s]; at once on the virtual clock.
        hang_up_after: the cable is pulled after so many further bytes, both ways together; then
            the switch is off again.
    """

    mute: bool = False
    deaf: bool = False
    stubborn: bool = False
    garbled: bool = False
    flip: int | None = None
    drop: int | None = None
    split: bool = False
    stale: bool = False
    hold_replies: int = 0
    delay_s: float = 0.0
    hang_up_after: int | None = None


FaultScript = Mapping[int, Faults]
"""Which faults hold from which request on, counted from 0."""

RECOVERABLE: Final = {
    "mute": (True,),
    "deaf": (True,),
    "stubborn": (True,),
    "garbled": (True,),
    "flip": range(12),
    "drop": range(12),
    "split": (True,),
    "stale": (True,),
    "hold_replies": (1, 2),
    "hang_up_after": range(40),
}


def random_script(seed: int, requests: int, chance: float = 0.1) -> FaultScript:
    """One fault now and then, each for one request; the same ones for the same seed.

    Args:
        seed: what the script follows from.
        requests: its length.
        chance: the part of the requests that are disturbed.
    """
    draw = random.Random(seed)  # noqa: S311 - not for secrets
    script = {0: Faults()}
    for request in range(requests):
        if draw.random() < chance:
            name = draw.choice(sorted(RECOVERABLE))
            script[request] = Faults()
            setattr(script[request], name, draw.choice(RECOVERABLE[name]))
            script[request + 1] = Faults()
    return script


class FaultyLine:
    """The wire of an emulated pump, which is sound until somebody throws a switch.

    Args:
        firmware: the pump.
        uart: line speed and whether it matters.
        clock: delays go through it.
        front: finds the front that carries the bytes.

    Attributes:
        firmware: the pump.
        faults: the switches.
        script: which switches are thrown by themselves.
    """

    def __init__(
        self,
        firmware: FusionProtocol,
        uart: Uart,
        clock: Clock,
        front: Callable[[], Front],
    ) -> None:
        self.firmware = firmware
        self.faults = Faults()
        self.script: FaultScript = {}
        self._uart = uart
        self._clock = clock
        self._front = front
        self._requests = count()
        self._held = self._before = b""

    def feed(self, data: bytes) -> bytes:
        """Take bytes in pieces of any size; return what arrives of the replies to them.

        Raises:
            HangUp: the cable was pulled.
        """
        replies = b""
        for piece in _by_request(data):
            try:
                replies += self._carry(piece)
            except HangUp as end:
                raise HangUp(replies + end.last_words) from None
        return replies

    def _carry(self, piece: bytes) -> bytes:
        if piece.endswith(b"\r"):
            self.faults = self.script.get(next(self._requests), self.faults)
        faults = self.faults
        if not self._uart.hears(self._front()):
            return _garbled(piece)
        arrived = self._pulled(piece)
        self.firmware.is_stubborn = faults.stubborn
        reply = b"" if faults.deaf else self.firmware.feed(arrived)
        if len(arrived) < len(piece):
            raise HangUp
        self._clock.emulate_delay(
            self._uart.duration_s(len(piece) + len(reply)) + (faults.delay_s if reply else 0.0)
        )
        return self._answered(reply) if reply and not faults.mute else b""

    def _answered(self, reply: bytes) -> bytes:
        faults = self.faults
        damaged = _damaged(reply, faults)
        before, self._before = self._before, damaged
        self._held += (before if faults.stale else b"") + damaged
        if faults.hold_replies:
            faults.hold_replies -= 1
            return b""
        whole, self._held = self._held, b""
        sent = self._pulled(whole)
        if len(sent) < len(whole):
            raise HangUp(sent)
        if faults.split:
            self._front().send(whole[: len(whole) // 2])
            time.sleep(SPLIT_S)
            return whole[len(whole) // 2 :]
        return whole

    def _pulled(self, data: bytes) -> bytes:
        """What still gets through; the switch is off once the cable is pulled."""
        left = self.faults.hang_up_after
        if left is None:
            return data
        self.faults.hang_up_after = None if len(data) > left else left - len(data)
        return data[:left]


def _by_request(data: bytes) -> Iterator[bytes]:
    *whole, rest = data.split(b"\r")
    yield from (request + b"\r" for request in whole)
    if rest:
        yield rest


def _garbled(data: bytes) -> bytes:
    return bytes(byte | GARBLE for byte in data)


def _damaged(reply: bytes, faults: Faults) -> bytes:
    damaged = bytearray(_garbled(reply) if faults.garbled else reply)
    if faults.flip is not None and faults.flip < len(damaged):
        damaged[faults.flip] ^= 1
    if faults.drop is not None and faults.drop < len(damaged):
        del damaged[faults.drop]
    return bytes(damaged)
