"""A fault of an emulated instrument, or of the body behind it."""

from collections.abc import Callable

from attrs import frozen

__all__ = ["DeviceFault"]


@frozen
class DeviceFault:
    """A fault of an instrument, or of what it moves, heats or measures, with its switch.

    Attributes:
        summary: the fault in one line.
        switch: called with True to begin the fault and with False to end it. The end of a momentary
            fault, such as a power cycle, does nothing.
    """

    summary: str
    switch: Callable[[bool], None]
