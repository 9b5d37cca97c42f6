"""A kind of device: its interface, and what an emulated one does. The core names none of it."""

from collections.abc import Mapping

from flowrig.emulation import DeviceFault, Place
from flowrig.interfaces import Device, Quantity, Readable, Settable


class DropletGenerator(Device, Settable, Readable):
    """Makes droplets at a frequency [Hz].

    A driver adds `_do_open`, `_do_close`, `_do_identify`, `_do_set`, `_do_setting` and `_do_read`;
    its settings class says `limits`.
    """

    unit = "Hz"
    quantities = (Quantity("frequency", "Hz"), Quantity("droplets"))


class DropletBody:
    """What an emulated generator does: the emulator speaks the protocol and calls it."""

    def __init__(self, place: Place) -> None:
        self._place = place
        self._since_s = place.clock.now_s()
        self._count = 0.0
        self._told_hz = 0.0
        self._is_deaf = self._is_clogged = False
        self.faults: Mapping[str, DeviceFault] = {
            "clogged": DeviceFault("the nozzle is clogged, and no droplet forms", self._clog),
            "stuck-setting": DeviceFault(
                "it keeps its frequency, whatever it is told", self._deafen
            ),
        }

    @property
    def told_hz(self) -> float:
        """The frequency [Hz] that it keeps."""
        return self._told_hz

    @property
    def frequency_hz(self) -> float:
        """The frequency [Hz] at which droplets form."""
        return 0.0 if self._is_clogged else self._told_hz

    @property
    def droplets(self) -> int:
        """Droplets so far."""
        self._go_on()
        return int(self._count)

    def tell(self, frequency_hz: float) -> None:
        """Tell it a frequency [Hz]."""
        if not self._is_deaf:
            self._go_on()
            self._told_hz = frequency_hz
            self._place.act("droplets_hz", frequency_hz)

    def _go_on(self) -> None:
        now_s = self._place.clock.now_s()
        self._count += self.frequency_hz * (now_s - self._since_s)
        self._since_s = now_s

    def _clog(self, on: bool) -> None:
        self._go_on()
        self._is_clogged = on

    def _deafen(self, on: bool) -> None:
        self._is_deaf = on
