"""Faults of python-seabreeze 2.11.0 and of the Ethernet link, and the error that each one gives."""

import socket
import threading
from ipaddress import IPv4Address

import pytest
from patience import LONG_S, patient
from seabreeze.pyseabreeze.protocol import OBPProtocol

from flowrig.emulation import Cut, Deaf, Garbled
from flowrig.errors import (
    ConnectionLostError,
    ProtocolError,
    RefusedError,
    UnknownOutcomeError,
)
from flowrig.interfaces import WireLog
from flowrig_ocean.emulator.emulator import HdxProtocol
from flowrig_ocean.settings import EthernetAddress
from flowrig_ocean.wire.ethernet_transport import SafeIPv4Transport, TimedHandle
from flowrig_ocean.wire.obp_frame import Message

SHORT_S = 0.2


def assert_opens_again(hdx):
    """The device is closed; open() connects again, and frames are those of the new connection."""
    assert not hdx.is_open
    with hdx:
        assert (hdx.acquire(2).counts == hdx.settings.integration_time_us // 100).all()


def test_a_peer_that_hangs_up_is_a_lost_connection(bench):
    """A connection that closes during a read ends it at once; the device can be opened again."""
    hdx = bench.spectrometer()
    hdx.open()
    with (
        bench.tap.through(Cut(0)),
        pytest.raises(ConnectionLostError, match="hdx: no answer: the spectrometer hung up"),
    ):
        hdx.acquire(1)
    assert_opens_again(hdx)


@patient(SHORT_S)
def test_a_silent_device_is_a_lost_connection_at_open(bench, deadline_s):
    """A device that accepts the connection and never answers delays open() by one deadline."""
    hdx = bench.spectrometer(deadline_s=deadline_s)
    with bench.tap.through(Deaf()), pytest.raises(ConnectionLostError):
        hdx.open()
    assert_opens_again(hdx)


@patient(SHORT_S)
def test_a_silent_device_is_a_lost_connection_at_a_frame(bench, deadline_s):
    """A spectrum that does not come within integration time and deadline is given up."""
    hdx = bench.spectrometer(deadline_s=deadline_s)
    hdx.open()
    with bench.tap.through(Deaf()), pytest.raises(ConnectionLostError):
        hdx.acquire(1)
    assert_opens_again(hdx)


def test_a_port_without_a_server():
    """A port without a server is a lost connection, and the error names the device."""
    from flowrig_ocean import HdxSettings
    from flowrig_ocean.driver import OceanHdx

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    hdx = OceanHdx("hdx_pl", HdxSettings(address=f"127.0.0.1:{port}"))
    with pytest.raises(ConnectionLostError, match="hdx_pl"):
        hdx.open()


@pytest.mark.parametrize("fault", [Deaf, Cut, Garbled])
@patient(SHORT_S)
def test_a_setting_without_acknowledgement_has_an_unknown_outcome(bench, fault, deadline_s):
    """A setting may have arrived although its acknowledgement did not."""
    hdx = bench.spectrometer(deadline_s=deadline_s, light_source="lamp-enable")
    for change in (lambda: hdx.set_light(True), lambda: hdx.set_integration_time(20_000)):
        hdx.open()
        with bench.tap.through(fault()), pytest.raises(UnknownOutcomeError):
            change()
        assert_opens_again(hdx)


def test_a_refused_setting_is_an_error_and_changes_nothing(bench):
    """A NACK to a setting raises RefusedError, the old value holds, and the link stays open."""
    with bench.spectrometer(light_source="lamp-enable") as hdx:
        bench.instrument.faults.refuses = {
            Message.SET_INTEGRATION_TIME_US,
            Message.SET_LAMP_ENABLE,
        }
        with pytest.raises(RefusedError, match="set integration time 20000"):
            hdx.set_integration_time(20_000)
        with pytest.raises(RefusedError, match="Unknown message type"):
            hdx.set_light(True)
        frames = hdx.acquire(2)
        assert frames.integration_time_us == 8_000
        assert (frames.counts == 80).all()


def test_a_refused_spectrum_keeps_the_connection_in_step(bench):
    """A NACK to a query raises at once, and the next answer fits its question."""
    with bench.spectrometer() as hdx:
        bench.instrument.faults.refuses = {Message.GET_SPECTRUM}
        with pytest.raises(RefusedError):
            hdx.acquire(1)
        bench.instrument.faults.refuses = set()
        assert (hdx.acquire(2).counts == 80).all()


def test_an_obp_instrument_that_is_no_hdx_is_not_opened(bench):
    """An OBP instrument that refuses the query for its wavelengths is not an HDX."""
    bench.instrument.faults.refuses = {Message.GET_WAVELENGTH_COEFFICIENT_COUNT}
    with pytest.raises(ProtocolError):
        bench.spectrometer().open()


def test_a_short_spectrum_is_a_protocol_error(bench):
    """A spectrum with one pixel too few is not returned."""
    hdx = bench.spectrometer()
    hdx.open()
    bench.instrument.faults.spectrum_bytes_lost = 2
    with pytest.raises(ProtocolError, match="4136 bytes"):
        hdx.acquire(1)
    bench.instrument.faults.spectrum_bytes_lost = 0
    assert_opens_again(hdx)


def test_garbage_is_a_protocol_error(bench):
    """Bytes that are no OBP frame are not taken for a spectrum."""
    hdx = bench.spectrometer()
    hdx.open()
    with bench.tap.through(Garbled()), pytest.raises(ProtocolError):
        hdx.acquire(1)
    assert_opens_again(hdx)


def test_timeouts_do_not_grow_with_every_spectrum(bench):
    """Python-seabreeze's own spectrum call leaves the deadline of the transport as it was."""
    with bench.spectrometer(integration_time_us=100_000) as hdx:
        transport = hdx._device._transport
        for _ in range(20):
            hdx._device.f.spectrometer.get_intensities()
        assert transport.default_timeout_ms == 1_000 * LONG_S


def test_close_hangs_up(bench):
    """The instrument sees the end of the connection when the device is closed."""
    hung_up = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve():
            connection, _ = server.accept()
            core = HdxProtocol(bench.instrument)
            with connection:
                while data := connection.recv(65536):
                    connection.sendall(core.feed(data))
            hung_up.set()

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        bench.address = f"127.0.0.1:{server.getsockname()[1]}"
        hdx = bench.spectrometer()
        hdx.open()
        held = hdx._device  # so that it is close(), not the garbage collector, that hangs up
        assert not hung_up.is_set()
        hdx.close()
        assert hung_up.wait(timeout=60)
        thread.join()
        assert not held.is_open


def test_a_dribbling_peer_does_not_stretch_the_deadline():
    """The deadline counts for the whole read; a byte that arrives does not restart it."""
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as server:

        def drip():
            connection, _ = server.accept()
            with connection:
                while not stop.wait(0.05):
                    connection.send(b"\0")

        thread = threading.Thread(target=drip)
        thread.start()
        transport = SafeIPv4Transport(OBPProtocol, SHORT_S, WireLog())
        host, port = server.getsockname()
        transport.open_device(TimedHandle(EthernetAddress(str(IPv4Address(host)), port), LONG_S))
        try:
            with pytest.raises(TimeoutError):
                transport.read()
        finally:
            stop.set()
            thread.join()
            transport.close_device()
