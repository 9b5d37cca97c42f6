"""The USB on which the driver looks for spectrometers: the computer's own, or an emulated one.

The emulator announces its bus here, so that the driver imports nothing from the emulator.
"""

from typing import Any, Final

from attrs import define

__all__ = ["USB_BUS", "UsbBus"]


@define
class UsbBus:
    """A choice of one USB for the whole process.

    Attributes:
        backend: pyusb backend of the bus in use; None for the computer's own USB.
    """

    backend: Any = None


USB_BUS: Final = UsbBus()
"""The USB of this process."""
