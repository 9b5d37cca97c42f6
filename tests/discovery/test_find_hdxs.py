"""Spectrometers are found on the USB unopened, and HDXs among the hosts that a person names."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import usb.backend
from patience import LONG_S

from flowrig.errors import MissingDependencyError
from flowrig.interfaces import Identity
from flowrig.rig.discovery import Discovery, Found, NoAnswer
from flowrig.testing import Mute, SpectrometerBench
from flowrig_ocean.discovery import find_hdxs, find_others
from flowrig_ocean.driver import OceanHdx
from flowrig_ocean.emulator.emulator import HdxEmulator
from flowrig_ocean.settings import HdxSettings, OceanSettings
from flowrig_ocean.wire.obp_frame import FrameReader, Message

SOON_S = 0.05
HDX, STS = 0x2003, 0x4000


@pytest.fixture
def hdx() -> Iterator[SpectrometerBench]:
    settings = HdxSettings(address="127.0.0.1", deadline_s=LONG_S)
    with SpectrometerBench(OceanHdx, HdxEmulator, settings) as bench:
        yield bench


class LookOnly(usb.backend.IBackend):
    """A bus whose devices can be seen; whatever else is tried with them raises."""

    def __init__(self, *products: int) -> None:
        self.products = products

    def enumerate_devices(self) -> Iterator[int]:
        return iter(range(len(self.products)))

    def get_device_descriptor(self, dev: int) -> object:
        return SimpleNamespace(
            bLength=18, bDescriptorType=1, bcdUSB=0x200, bDeviceClass=0, bDeviceSubClass=0,
            bDeviceProtocol=0, bMaxPacketSize0=64, idVendor=0x2457, idProduct=self.products[dev],
            bcdDevice=1, iManufacturer=0, iProduct=0, iSerialNumber=0, bNumConfigurations=1,
            address=dev, bus=1, port_number=dev, port_numbers=(dev,), speed=3,
        )  # fmt: skip


def plug_in(monkeypatch: pytest.MonkeyPatch, bus: LookOnly | None) -> None:
    for name in ("libusb1", "libusb0", "openusb"):
        monkeypatch.setattr(f"usb.backend.{name}.get_backend", lambda *_, **__: bus)


@pytest.fixture
def no_usb(monkeypatch: pytest.MonkeyPatch) -> None:
    plug_in(monkeypatch, LookOnly())


def test_an_hdx_is_asked_for_its_serial_number_and_nothing_else(
    hdx: SpectrometerBench, no_usb: None
) -> None:
    """No integration time is set, and no frame is taken."""
    address = hdx.driver.settings.address
    (found,) = find_hdxs(Discovery(hosts=[address], deadline_s=LONG_S, is_narrowed=True))
    assert isinstance(found, Found)
    assert (found.address, found.identity.model) == (address, "HDX")
    assert found.identity.serial_number
    asked = {request.message for request in FrameReader().feed(hdx.tap.sent)}
    assert asked <= {Message.GET_SERIAL_NUMBER, Message.GET_SERIAL_NUMBER_LENGTH}
    assert not hdx.detector.exposures_us


def test_hosts_that_are_no_hdx_are_told(
    hdx: SpectrometerBench, free_address: str, no_usb: None
) -> None:
    """Silence, a closed port, a host name and a USB address each have their reason."""
    hosts = [hdx.driver.settings.address, free_address, "spectrometer.local", "usb:1"]
    ask = Discovery(hosts=hosts, deadline_s=SOON_S, is_narrowed=True)
    with hdx.tap.through(Mute()):
        seen = list(find_hdxs(ask))
    assert {one.address for one in seen if isinstance(one, NoAnswer)} == set(hosts)
    assert all(one.reason for one in seen)


def test_spectrometers_on_the_usb_are_seen_without_being_opened(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An HDX is for one driver, any other for another; what is no spectrometer is for none."""
    plug_in(monkeypatch, LookOnly(STS, HDX, 0x0001))
    (found,) = find_hdxs(Discovery())
    assert (found.address, found.identity) == ("usb", Identity("Ocean Insight", "HDX"))
    assert found.note == "USB bus 1, device 1"
    (other,) = find_others(Discovery())
    assert (other.driver, other.identity) == ("ocean", Identity("Ocean Insight", "STS"))
    assert OceanSettings(address=other.address, **other.settings).model == "STS"


def test_of_several_a_person_has_to_choose(monkeypatch: pytest.MonkeyPatch) -> None:
    """Serial numbers cannot be read without opening; only twins need one."""
    plug_in(monkeypatch, LookOnly(HDX, STS, HDX))
    notes = [one.note for one in find_hdxs(Discovery())]
    assert len(notes) == 2
    assert all("serial number on its label" in note for note in notes)
    (other,) = find_others(Discovery())
    assert "label" not in other.note


def test_without_libusb_hosts_are_asked_all_the_same(
    hdx: SpectrometerBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is missing is told after what was found."""
    plug_in(monkeypatch, None)
    hosts = [hdx.driver.settings.address]
    looks = find_hdxs(Discovery(hosts=hosts, deadline_s=LONG_S, is_narrowed=True))
    assert isinstance(next(looks), Found)
    with pytest.raises(MissingDependencyError, match="libusb"):
        next(looks)
