"""Emulated spectrometers as programs without flowrig see them."""

import socket
import subprocess
import sys
from contextlib import contextmanager

import numpy as np
import pytest
import usb.core
from ocean_bench import Detector, DetectorWorld, bench_with_hdx
from patience import LONG_S

from flowrig.clock import RealClock, VirtualClock
from flowrig.emulation import BenchWorld, EmulatorContext, Plate, Plunger
from flowrig.emulation import Detector as SlopedDetector
from flowrig_ocean.emulator.emulator import HdxEmulator, HdxProtocol
from flowrig_ocean.emulator.multicast import GROUP
from flowrig_ocean.emulator.ocean_emulator import MODELS, OceanEmulator
from flowrig_ocean.emulator.variant import NONLINEARITY
from flowrig_ocean.emulator.virtual_usb import VIRTUAL_USB
from flowrig_ocean.settings import ETHERNET_PORT, HdxSettings, OceanSettings
from flowrig_ocean.wire.obp_frame import Flag, Frame, FrameReader, Message


@contextmanager
def plugged_in(model):
    """An emulated model on the virtual USB, and its detector."""
    settings = OceanSettings(address="usb", model=model)
    clock, detector = VirtualClock(), SlopedDetector(OceanEmulator.num_pixels(settings))
    world = BenchWorld(Plunger(clock), Plate(clock), detector)
    with OceanEmulator(EmulatorContext("eye", settings, world, clock)) as emulator:
        emulator.start()
        yield detector


@pytest.mark.parametrize("model", MODELS)
def test_the_vendors_own_client_reads_every_model(model, monkeypatch):
    """Python-seabreeze, unchanged but for its choice of backend, lists, opens, sets and reads."""
    from seabreeze.pyseabreeze.devices import SeaBreezeDevice
    from seabreeze.pyseabreeze.transport import USBTransport
    from seabreeze.spectrometers import Spectrometer

    backends = USBTransport.list_devices.__func__.__globals__["_pyusb_backend_instances"]
    monkeypatch.setitem(backends, "virtual", VIRTUAL_USB)
    with plugged_in(model) as detector:
        (handle,) = USBTransport.list_devices(pyusb_backend="virtual")
        vendors = Spectrometer(SeaBreezeDevice(handle))
        vendors.trigger_mode(0)
        vendors.integration_time_micros(30_000)
        vendors.intensities()
        np.testing.assert_array_equal(vendors.intensities(), detector.counts(30_000))
        np.testing.assert_allclose(vendors.wavelengths(), detector.wavelengths_nm(), atol=0.01)
        assert vendors.model == model
        vendors.close()


def test_plain_pyusb_reads_a_spectrum_packet_by_packet():
    """Eight packets of 512 bytes and one byte come from the endpoint of spectra, as from a real
    USB2000+, and answers from another one."""
    with plugged_in("USB2000PLUS") as detector:
        device = usb.core.find(idVendor=0x2457, idProduct=0x101E, backend=VIRTUAL_USB)
        device.set_configuration()
        device.write(0x01, b"\x05\x00")
        assert device.read(0x81, 64).tobytes()[:5] == b"\x05\x00EMU"
        device.write(0x01, b"\x09")
        packets = [device.read(0x82, 512).tobytes() for _ in range(9)]
        with pytest.raises(usb.core.USBTimeoutError):
            device.read(0x82, 512)
        assert [len(packet) for packet in packets] == [512] * 8 + [1]
        assert packets[-1] == b"\x69"
        counts = np.frombuffer(b"".join(packets[:-1]), "<u2")
        np.testing.assert_array_equal(counts, detector.counts(1_000))


def ask(bench, *requests):
    """The answers of the emulated HDX, in one connection."""
    core = HdxProtocol(bench.instrument)
    return [
        FrameReader().feed(core.feed(Frame(message, payload).encode()))
        for message, payload in requests
    ]


def test_an_external_trigger_leaves_a_spectrum_unanswered(bench):
    """Without a pulse there is no spectrum; the simulated pulse brings it."""
    answers = ask(
        bench,
        (Message.SET_TRIGGER_MODE, b"\x01"),
        (Message.GET_SPECTRUM, b""),
        (Message.GET_TRIGGER_MODE, b""),
        (Message.SIMULATE_TRIGGER, b""),
        (Message.SET_TRIGGER_MODE, b"\x02"),
    )
    assert answers[0] == answers[1] == []
    assert answers[2][0].payload == b"\x01"
    assert [len(one.payload) for one in answers[3]] == [4136]
    assert answers[4][0].flags & Flag.NACK


def test_an_averaged_spectrum_takes_its_exposures(bench):
    """N scans are N exposures, and one frame."""
    ((), (spectrum,)) = ask(
        bench, (Message.SET_SCANS_TO_AVERAGE, b"\x04\x00"), (Message.GET_SPECTRUM, b"")
    )
    assert len(bench.detector.exposures_us) == 4
    assert np.frombuffer(spectrum.payload, "<u2")[0] == 60


def test_the_raw_spectrum_is_corrected_with_the_stored_coefficients(bench):
    """The coefficients are not those of an ideal detector, and raw / polynomial(raw) is the
    corrected spectrum."""
    bench.detector.scene = np.linspace(1_000, 60_000, 2068).astype(np.uint16)
    (raw,), (corrected,) = ask(bench, (Message.GET_RAW_SPECTRUM, b""), (Message.GET_SPECTRUM, b""))
    raw = np.frombuffer(raw.payload, "<u2").astype(float)
    assert abs(raw - bench.detector.scene).max() > 100
    np.testing.assert_allclose(
        raw / np.polynomial.Polynomial(NONLINEARITY)(raw), bench.detector.scene, atol=1.0
    )
    np.testing.assert_array_equal(np.frombuffer(corrected.payload, "<u2"), bench.detector.scene)


@pytest.mark.parametrize("version", [0x0100, 0x1000, 0x1100])
def test_programs_with_an_older_protocol_version_are_answered(bench, version):
    """Programs for the first STS write version 0x1000 or 0x0100."""
    request = Frame(Message.GET_SERIAL_NUMBER).encode(version=version)
    (answer,) = FrameReader().feed(HdxProtocol(bench.instrument).feed(request))
    assert answer.payload == b"emulated hdx"


def test_multicast_queries_on_loopback_are_answered():
    """A program that asks the group hears from the port at which the emulator serves."""
    settings = HdxSettings(address="127.0.0.1")
    context = EmulatorContext("hdx", settings, DetectorWorld(Detector()), RealClock())
    with (
        HdxEmulator(context) as emulator,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client,
    ):
        port = int(emulator.start().rpartition(":")[2])
        if not emulator.answers_multicast:
            pytest.skip("this machine allows no multicast")
        client.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        client.settimeout(LONG_S)
        query = Frame(Message.GET_PRODUCT_ID, flags=Flag.REQUEST_ACK).encode()
        client.sendto(query, (GROUP, ETHERNET_PORT))
        # Other emulators on this computer may answer as well.
        server = ("", 0)
        while server != ("127.0.0.1", port):
            answer, server = client.recvfrom(90)
        (frame,) = FrameReader().feed(answer)
        assert frame.payload == b"\x03\x20"


def test_emulators_at_ports_of_their_own_have_serial_numbers_of_their_own():
    """Two emulators of one driver are not taken for one instrument."""
    settings, names = HdxSettings(address="127.0.0.1"), set()
    for port in (0, 5021, 5022):
        context = EmulatorContext(
            "ocean-hdx", settings, DetectorWorld(Detector()), VirtualClock(), port=port
        )
        names.add(HdxEmulator(context).instrument._serial_number)
    assert len(names) == 3


def test_any_program_runs_with_an_emulated_spectrometer(tmp_path):
    """A program that knows pyusb only finds the spectrometer on its USB, without libusb."""
    program = tmp_path / "program.py"
    program.write_text(
        "import sys, usb.core\n"
        "found = usb.core.find(find_all=True, idVendor=0x2457)\n"
        "print(sys.argv[1:], [hex(one.idProduct) for one in found])\n"
    )
    command = [sys.executable, "-m", "flowrig_ocean.emulator", "HR4000,HDX", str(program), "x"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['x'] ['0x1012', '0x2003']"


def test_a_reset_hangs_up_and_forgets_the_settings():
    """After a reset a program has to connect again, and finds the settings as delivered."""
    with bench_with_hdx("usb") as bench:
        bench.instrument.state.scans_averaged = 5
        device = usb.core.find(idVendor=0x2457, idProduct=0x2003, backend=VIRTUAL_USB)
        device.set_configuration()
        with pytest.raises(usb.core.USBError, match="No such device"):
            device.write(0x01, Frame(Message.RESET).encode())
        assert bench.instrument.state.scans_averaged == 1
        with bench.spectrometer() as hdx:
            assert len(hdx.acquire(1).counts) == 1
