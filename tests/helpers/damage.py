"""Damage to the bytes that pass over a wire, for tests of drivers."""

from collections.abc import Sequence
from random import Random

__all__ = ["damaged"]


def damaged(
    frame: bytes, draw: Random, hostile: Sequence[bytes], reach: int | None = None
) -> bytes:
    """Damage one to three places of a frame.

    A place is flipped in one bit, lost, doubled, replaced by hostile bytes, or the end.

    Args:
        frame: the intact bytes.
        draw: source of the random choices.
        hostile: byte strings that a parser may mistake for something else.
        reach: number of leading bytes in which the damage begins; None for the whole frame.

    Returns:
        the damaged bytes.
    """
    bad = bytearray(frame)
    for _ in range(draw.randint(1, 3)):
        place = draw.randrange(min(len(bad), len(bad) if reach is None else reach) + 1)
        kind = draw.randrange(5)
        if kind == 0 and place < len(bad):
            bad[place] ^= 1 << draw.randrange(8)
        elif kind == 1:
            del bad[place : place + draw.randint(1, 6)]
        elif kind == 2:
            bad[place:place] = bad[place : place + 8]
        elif kind == 3:
            nasty = draw.choice(hostile)
            bad[place : place + draw.choice((0, draw.randint(1, 6), len(nasty)))] = nasty
        else:
            del bad[place:]
    return bytes(bad)
