"""An emulated HDX on loopback Ethernet or a virtual USB; python-seabreeze takes it for real."""

from collections.abc import Callable, Iterator, Mapping

from flowrig.emulation import (
    DeviceFault,
    EmulatorContext,
    Front,
    HangUp,
    ProtocolCore,
    SocketFront,
    Variants,
)
from flowrig_ocean.emulator.instrument import HdxInstrument
from flowrig_ocean.emulator.multicast import MulticastAnswer
from flowrig_ocean.emulator.spectrometer import SpectrometerEmulator
from flowrig_ocean.emulator.variant import HDX, STS, HdxVariant
from flowrig_ocean.settings import UsbAddress, parse_address
from flowrig_ocean.wire.obp_frame import Frame, FrameReader, Message

__all__ = ["HdxEmulator", "HdxProtocol", "serial_number_of"]


class HdxProtocol:
    """One connection to an instrument.

    A query for a spectrum that waits for a pulse at the trigger input waits for the message that
    simulates one; until then it has no answer.

    Args:
        instrument: the instrument that answers.
    """

    def __init__(self, instrument: HdxInstrument) -> None:
        self._instrument = instrument
        # Older programs write an older version; instruments answer them all the same.
        self._reader = FrameReader(version=None)
        self._waiting: Frame | None = None

    def feed(self, data: bytes) -> bytes:
        """Take bytes as they arrive, in pieces of any size; return the answers.

        Raises:
            HangUp: the instrument was reset.
        """
        variant = self._instrument.variant
        requests = self._reader.feed(data)
        answers = b"".join(
            answer.encode(immediate=variant.immediate, checksum=variant.checksums)
            for request in requests
            for answer in self._answers(request)
            if answer is not None
        )
        if any(request.message in (Message.RESET, Message.RESET_DEFAULTS) for request in requests):
            raise HangUp(answers)
        return answers

    def _answers(self, request: Frame) -> Iterator[Frame | None]:
        if self._instrument.waits_for_a_pulse(request):
            self._waiting = request
            return
        yield self._instrument.answer(request)
        if self._waiting is not None and request.message == Message.SIMULATE_TRIGGER:
            waiting, self._waiting = self._waiting, None
            yield self._instrument.answer(waiting)


class HdxEmulator(SpectrometerEmulator):
    """An HDX on loopback Ethernet, or on a virtual USB if the settings name a USB address.

    Args:
        context: the emulated device and its world.
        variant: behaviour to emulate.
        over_usb: whether it is on the virtual USB; by default as the settings say.
    """

    variants = Variants(HdxVariant, named={"HDX": HDX, "STS": STS})
    EXTERNAL_TRIGGER = 1
    instrument: HdxInstrument

    def __init__(
        self, context: EmulatorContext, variant: HdxVariant = HDX, *, over_usb: bool | None = None
    ) -> None:
        super().__init__(context)
        serial_number = serial_number_of(context)
        self.instrument = HdxInstrument(
            context.world.spectrometer(context.device), context.clock, serial_number, variant
        )

        def new_core() -> ProtocolCore:
            return context.tap(HdxProtocol(self.instrument))

        if over_usb is None:
            over_usb = isinstance(parse_address(context.settings.address), UsbAddress)
        self._multicast: MulticastAnswer | None = None
        self._over_usb = over_usb
        self._front: Front = (
            _usb_front(new_core, serial_number, variant)
            if over_usb
            else SocketFront(new_core, context.port, direct=context.is_direct)
        )

    def start(self) -> str:
        """Start to answer; returns "127.0.0.1:port" or "usb:SERIAL"."""
        address = self._front.start()
        # In a simulated rig nobody searches; there the sockets would only cost time.
        if not (self._over_usb or self.context.clock.is_virtual):
            port = int(address.rpartition(":")[2])
            multicast = MulticastAnswer(HdxProtocol(self.instrument).feed, port)
            self._multicast = multicast if multicast.start() else None
        return address

    @property
    def answers_multicast(self) -> bool:
        """Whether programs that search on loopback find this emulator."""
        return self._multicast is not None

    def stop(self) -> None:
        """Close all connections and free the port."""
        if self._multicast is not None:
            self._multicast.stop()
            self._multicast = None
        self._front.stop()

    def fault_switches(self) -> Mapping[str, DeviceFault]:
        """The faults of every spectrometer, and those of an HDX."""
        instrument = self.instrument
        return {
            **super().fault_switches(),
            "foreign-averaging": DeviceFault(
                "another program averages three scans",
                lambda on: self.leave("scans_averaged", 3, on),
            ),
            "foreign-lamp": DeviceFault(
                "another program switches the lamp-enable line", self._switch_lamp
            ),
            "silent-refusal": DeviceFault(
                "settings are acknowledged and ignored",
                lambda on: setattr(instrument.faults, "ignores_sets", on),
            ),
            "nack": DeviceFault(
                "every message is answered with a NACK",
                lambda on: setattr(instrument.faults, "refuses", set(Message) if on else ()),
            ),
            "short-spectrum": DeviceFault(
                "spectra lack their last pixel",
                lambda on: setattr(instrument.faults, "spectrum_bytes_lost", 2 if on else 0),
            ),
        }

    def _switch_lamp(self, on: bool) -> None:
        if on:
            level = bytes([not self.instrument.state.lamp_enable])
            self.instrument.answer(Frame(Message.SET_LAMP_ENABLE, level))


def serial_number_of(context: EmulatorContext) -> str:
    """A serial number of its own for each device of a rig, and for each port that is asked for."""
    port = f" {context.port}" if context.port else ""
    return f"emulated {context.device}{port}"


def _usb_front(
    new_core: Callable[[], ProtocolCore], serial_number: str, variant: HdxVariant
) -> Front:
    # Imported here because it needs pyusb, and an emulator on Ethernet does not.
    from flowrig_ocean.emulator.virtual_usb import UsbFront, VirtualDevice

    def route(_: bytes, answer: bytes) -> Iterator[tuple[int, bytes]]:
        yield variant.answers_endpoint, answer

    device = VirtualDevice(new_core, variant.product_id, variant.packet_bytes, route)
    return UsbFront(device, serial_number)
