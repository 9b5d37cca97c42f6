"""One instrument has one name, however its address is written."""

import os
import socket
import sys
from pathlib import Path

import pytest

from flowrig.claims import is_placeholder, places
from flowrig_chemyx import FusionSettings
from flowrig_ocean import HdxSettings, OceanSettings
from flowrig_watlow import F4TSettings

SAME = [
    ("127.0.0.1:5025", "localhost:5025"),
    ("127.0.0.1:5025", "[::1]:5025"),
    ("127.0.0.1:5025", "LOCALHOST.:05025"),
    ("127.0.0.1:5025", "127.1:5025"),
    ("127.0.0.1:5025", "[::ffff:127.0.0.1]:5025"),
    ("10.0.0.7:23", "socket://10.0.0.7:23"),
    ("10.0.0.7:23", "rfc2217://10.0.0.7:23?timeout=3"),
    ("10.0.0.7:23", "spy://socket://10.0.0.7:23"),
    ("10.0.0.7:23", "TCPIP0::10.0.0.7::23::SOCKET"),
    ("10.0.0.7:23", "tcpip::10.0.0.7::23::socket"),
    ("10.0.0.7", "10.0.7"),
    ("fe80::1", "FE80:0::1"),
    ("plate.lab:5025", "Plate.Lab.:5025"),
    ("COM3", r"\\.\COM3"),
    ("COM3", "//./com3"),
    ("COM3", "com03"),
    ("COM3", "ASRL3::INSTR"),
    ("/dev/ttyS9", "/dev/../dev/ttyS9"),
    ("/dev/ttyS9", "spy:///dev/ttyS9?file=log.txt"),
    ("/dev/ttyS9", "ASRL/dev/ttyS9::INSTR"),
    ("usb:A1", "USB:a1"),
    ("desk", " Desk "),
]
OTHER = [
    ("127.0.0.1:5025", "127.0.0.1:5026"),
    ("127.0.0.1:5025", "127.0.0.2:5025"),
    ("COM3", "COM33"),
    ("/dev/ttyS8", "/dev/ttyS9"),
    ("usb:A1", "usb:A2"),
    ("usb", "usb:A1"),
    ("plate.lab:5025", "bath.lab:5025"),
    ("TCPIP0::10.0.0.7::23::SOCKET", "TCPIP0::10.0.0.7::24::SOCKET"),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_spellings_of_one_place_are_equal(one: str, other: str) -> None:
    """Whether or not the computer is asked."""
    for look in (False, True):
        assert {*places([one], look=look)} & {*places([other], look=look)}


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_other_places_differ(one: str, other: str) -> None:
    """Neighbours of an instrument are not the instrument."""
    for look in (False, True):
        assert not {*places([one], look=look)} & {*places([other], look=look)}


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX devices")
def test_links_lead_to_the_device(tmp_path: Path) -> None:
    """A link is followed, and two files of one device are one place."""
    link = tmp_path / "usb-FTDI_A10KZP45-if00-port0"
    link.symlink_to("/dev/null")
    second = tmp_path / "chain"
    second.symlink_to(link)
    for path in (link, second):
        assert {*places([str(path)])} & {*places(["/dev/null"])}
        assert not {*places([str(path)], look=False)} & {*places(["/dev/null"])}


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX pseudo-terminals")
def test_the_number_of_a_pseudo_terminal_is_no_place(tmp_path: Path) -> None:
    """The system gives it to the next program; the link of an emulator is its place."""
    master, slave = os.openpty()
    try:
        link = tmp_path / "port"
        link.symlink_to(os.ttyname(slave))
        assert places([str(link)]) == (f"port {link}",)
    finally:
        os.close(master)
        os.close(slave)


def test_a_host_name_is_also_its_addresses(monkeypatch: pytest.MonkeyPatch) -> None:
    """And it is a place of its own if no name server answers."""
    monkeypatch.setattr(socket, "getaddrinfo", lambda host, port: [(2, 1, 6, "", ("10.9.8.7", 0))])
    assert {*places(["f4t.somewhere:5025"])} >= {*places(["10.9.8.7:5025"])}

    def fail(host: str, port: object) -> list[object]:
        raise socket.gaierror

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    assert places(["silent.somewhere:5025"]) == ("host silent.somewhere port 5025",)


def test_nothing_is_claimed_where_there_is_no_address() -> None:
    """An empty address and pyserial's loop are nobody's."""
    assert places(["", "  ", "loop://"]) == ()


@pytest.mark.parametrize(
    ("settings", "same"),
    [
        (F4TSettings(address="10.0.0.7"), "10.0.0.7:5025"),
        (F4TSettings(address="10.0.0.7", modbus="10.0.0.7"), "10.0.0.7:502"),
        (HdxSettings(address="10.0.0.7"), "10.0.0.7:57357"),
        (FusionSettings(address="COM3"), r"\\.\COM3"),
    ],
)
def test_default_ports_are_known(settings: object, same: str) -> None:
    """An address without a port is one with the usual port."""
    assert {*places(settings.connects_to())} & {*places([same])}  # type: ignore[attr-defined]


def test_the_first_free_spectrometer_is_one_of_its_model() -> None:
    """Two devices of one model at "usb" could be either; of two models they are two."""
    hdx, flame = HdxSettings(address="usb"), OceanSettings(address="usb", model="USB2000PLUS")
    assert places(hdx.connects_to()) == places(HdxSettings(address="usb").connects_to())
    assert not {*places(hdx.connects_to())} & {*places(flame.connects_to())}


@pytest.mark.parametrize(
    "address",
    [
        "usb:REPLACE-ME-CUI", "replace-me", "192.0.2.10:5025", "socket://192.0.2.1:23",
        "198.51.100.7", "203.0.113.9:1", "[2001:db8::5]:502", "plate.example", "a.example.com:5025",
        "f4t.invalid:5025", "/dev/serial/by-id/REPLACE-ME",
    ],
)  # fmt: skip
def test_a_placeholder_is_known(address: str) -> None:
    """Nobody has this address."""
    assert is_placeholder(address)


@pytest.mark.parametrize(
    "address",
    ["COM3", "usb:A1", "10.0.0.7:5025", "127.0.0.1", "192.0.3.1", "example-f4t.lab", "", "desk"],
)
def test_an_address_is_no_placeholder(address: str) -> None:
    """A person can have it."""
    assert not is_placeholder(address)


def test_the_name_server_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """For a while, the answer is kept."""
    asked: list[str] = []

    def answer(host: str, port: object) -> list[object]:
        asked.append(host)
        return [(2, 1, 6, "", ("10.1.1.1", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    for _ in range(3):
        places(["kept.somewhere:5025"])
    assert asked == ["kept.somewhere"]
