"""The driver offers of the Ocean plugin, and the values that its settings accept."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrig_ocean import HdxSettings, flowrig_drivers
from flowrig_ocean.settings import EthernetAddress, UsbAddress, parse_address


def test_the_offer_loads_driver_and_emulator():
    """The offers name existing drivers and emulators."""
    from flowrig.emulation import Emulator
    from flowrig.interfaces import Spectrometer
    from flowrig.plugins.offers import import_target

    offer, other = flowrig_drivers()
    assert issubclass(other.load(), Spectrometer)
    assert issubclass(offer.load(), Spectrometer)
    for one in (offer, other):
        assert issubclass(import_target(one.emulator, one.name), Emulator)
    assert offer.limits["integration_time_us"] == (6_000, 9_999_999)


def test_listing_the_plugin_imports_nothing_heavy():
    """Neither the plugin's entry nor its emulator imports seabreeze or pyusb."""
    code = (
        "import sys, flowrig_ocean, flowrig_ocean.emulator.emulator;"
        "sys.exit(bool({'seabreeze', 'usb'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("192.168.254.254:57357", EthernetAddress("192.168.254.254", 57357)),
        ("192.168.254.254", EthernetAddress("192.168.254.254", 57357)),
        ("127.0.0.1:1", EthernetAddress("127.0.0.1", 1)),
        ("usb", UsbAddress()),
        ("usb:HDX00123", UsbAddress("HDX00123")),
    ],
)
def test_addresses(text, address):
    """Every documented form of an address is understood."""
    assert parse_address(text) == address


@pytest.mark.parametrize(
    "text", ["", "usb:", "COM3", "hdx.local:57357", "10.0.0.1:", "10.0.0.1:x", "10.0.0.1:70000"]
)
def test_malformed_addresses_are_refused(text):
    """Any other text is refused when the settings are made, with examples of valid addresses."""
    with pytest.raises(ValueError, match=r"192\.168\.254\.254:57357"):
        HdxSettings(address=text)


@given(time_ms=st.floats(6.0, 9_999.0))
def test_the_integration_time_is_a_whole_number_of_microseconds(time_ms):
    """A time that was converted from another unit is rounded, not truncated."""
    time_us = HdxSettings(address="usb", integration_time_us=time_ms * 1e3).integration_time_us
    assert isinstance(time_us, int)
    assert abs(time_us - time_ms * 1e3) <= 0.5


@pytest.mark.parametrize("time_us", [5_999, 10_000_000, float("nan"), float("inf")])
def test_an_integration_time_that_no_hdx_can_do_is_refused(time_us):
    """The settings refuse what the instrument cannot do."""
    with pytest.raises((ValueError, OverflowError)):
        HdxSettings(address="usb", integration_time_us=time_us)


def test_an_unknown_light_source_is_refused():
    """Only the light sources that the driver supports are accepted."""
    with pytest.raises(ValueError, match="light_source"):
        HdxSettings(address="usb", light_source="laser")
