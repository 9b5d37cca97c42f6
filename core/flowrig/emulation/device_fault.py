"""What an emulated instrument itself can suffer from, by name."""

from collections.abc import Callable

from attrs import frozen

__all__ = ["DeviceFault"]


@frozen
class DeviceFault:
    """A switch for something that is wrong with an instrument, or with what it moves and measures.

    Attributes:
        summary: what it is, in a line.
        switch: True lets it happen, False ends it. Of what only happens, as a power cycle, the end
            does nothing.
    """

    summary: str
    switch: Callable[[bool], None]
