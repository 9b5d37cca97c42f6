"""Drivers look for their instruments side by side, and none spoils it for the others."""

import sys
import threading
from collections.abc import Callable, Iterator
from types import ModuleType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from patience import patient

from flowrig.interfaces import DeviceSettings, Identity
from flowrig.plugins import DriverOffer
from flowrig.rig.discovery import ALL, Discovery, Found, NoAnswer, survey

Offering = Callable[..., DriverOffer]
names = st.text("abc:1", min_size=1, max_size=6)


@pytest.fixture
def offering(monkeypatch: pytest.MonkeyPatch) -> Offering:
    """Makes the offer of a driver that looks around with a function of the test's."""
    module = ModuleType("looks")
    monkeypatch.setitem(sys.modules, "looks", module)

    def offer(name: str, look_for: Callable[..., object] | None, **more: object) -> DriverOffer:
        setattr(module, name, look_for)
        where = "" if look_for is None else f"looks:{name}"
        return DriverOffer(
            kind="pump", name=name, target="", settings=DeviceSettings, discover=where, **more
        )

    return offer


def one(driver: str) -> Found:
    return Found(driver=driver, address=f"at {driver}", identity=Identity("ACME", driver))


@patient(0.2)
def test_one_that_hangs_holds_nobody_up(offering: Offering, deadline_s: float) -> None:
    """All that the others found counts, and what it found itself before it hung."""
    release = threading.Event()

    def hangs(ask: Discovery) -> Iterator[Found]:
        yield one("hangs")
        release.wait()

    result = survey([offering("hangs", hangs), offering("works", lambda ask: [one("works")])],
                    Discovery(), patience_s=deadline_s)  # fmt: skip
    release.set()
    assert result.found == (one("hangs"), one("works"))
    assert list(result.skipped) == ["hangs"]
    assert "still looking" in result.skipped["hangs"]


def test_one_that_fails_is_told(offering: Offering) -> None:
    """Whatever it raises becomes one line, and what it found before counts."""

    def fails(ask: Discovery) -> Iterator[Found]:
        yield one("fails")
        raise KeyError("gone")

    result = survey([offering("fails", fails), offering("works", lambda ask: [one("works")])],
                    Discovery())  # fmt: skip
    assert result.found == (one("fails"), one("works"))
    assert result.skipped == {"fails": "KeyError: 'gone'"}


def test_what_is_missing_is_one_line(offering: Offering) -> None:
    """A driver whose package is missing says what to install, and is not imported."""
    offer = offering("lacks", None, needs=("no_such_package",), install="flowrig[lacks]")
    lacking = DriverOffer(**{**_fields(offer), "discover": "no_such_module:look"})
    (reason,) = survey([lacking], Discovery()).skipped.values()
    assert "pip install 'flowrig[lacks]'" in reason
    assert "\n" not in reason


def test_a_function_that_is_not_there_is_told(offering: Offering) -> None:
    """An offer that points nowhere is no reason for others not to look."""
    lost = DriverOffer(**{**_fields(offering("lost", None)), "discover": "no_such_module:look"})
    result = survey([lost, offering("works", lambda ask: [one("works")])], Discovery())
    assert "no_such_module:look" in result.skipped["lost"]
    assert result.found == (one("works"),)


def test_a_driver_need_not_take_part(offering: Offering) -> None:
    """One that names no function is left out without a word."""
    result = survey([offering("mute", None)], Discovery())
    assert (result.found, result.unanswered, result.skipped) == ((), (), {})


def test_drivers_wait_for_their_turn_at_a_port(offering: Offering) -> None:
    """Two drivers never ask at one port at the same time; at another port they may."""
    inside, most = [0], [0]
    met = threading.Barrier(2)

    def asks(name: str) -> Callable[[Discovery], Iterator[NoAnswer]]:
        def look_for(ask: Discovery) -> Iterator[NoAnswer]:
            met.wait()
            return ask.each(["COM3", f"COM of {name}"], lambda port: at(ask, name, port))

        return look_for

    def at(ask: Discovery, name: str, port: str) -> Iterator[NoAnswer]:
        if port != "COM3":
            with ask.turn(port):
                met.wait()
            return
        for _ in range(50):
            with ask.turn("COM3"):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                inside[0] -= 1
        yield NoAnswer(driver=name, address="COM3", reason="silent")

    result = survey([offering(name, asks(name)) for name in ("one", "two")], Discovery(ports=[ALL]))
    assert [answer.driver for answer in result.unanswered] == ["one", "two"]
    assert most == [1]


def test_who_can_do_least_harm_asks_first(offering: Offering) -> None:
    """By the order of the offers, however long it takes; nobody asks a port that is known."""
    asked: list[str] = []

    def asks(name: str, port: str) -> Callable[[Discovery], Iterator[Found | NoAnswer]]:
        def at(ask: Discovery, where: str) -> Iterator[Found | NoAnswer]:
            with ask.turn(where) as is_unknown:
                if not is_unknown:
                    return
                asked.append(f"{name} at {where}")
                if where == port:
                    identity = Identity("ACME", name)
                    yield Found(driver=name, address=where, identity=identity)

        return lambda ask: ask.each(["COM3", "COM4"], lambda where: at(ask, where))

    offers = [
        offering("risky", asks("risky", "COM4"), discover_order=90),
        offering("usual", asks("usual", "COM3")),
        offering("tame", asks("tame", ""), discover_order=10),
    ]
    result = survey(offers, Discovery(ports=[ALL]))
    assert {one.address: one.driver for one in result.found} == {"COM3": "usual", "COM4": "risky"}
    for port, order in (("COM3", ["tame", "usual"]), ("COM4", ["tame", "usual", "risky"])):
        assert [one for one in asked if port in one] == [f"{name} at {port}" for name in order]


def test_several_are_asked_at_once() -> None:
    """Each is asked in a thread of its own; an error of one is raised."""
    met = threading.Barrier(3)

    def ask(address: str) -> list[str]:
        met.wait()
        return [address, address.upper()]

    assert sorted(Discovery().each(["a", "b", "c"], ask)) == ["A", "B", "C", "a", "b", "c"]
    assert not list(Discovery().each([], ask))
    with pytest.raises(ZeroDivisionError):
        list(Discovery().each(["a"], lambda address: [1 / 0]))


@given(named=st.lists(names), attached=st.lists(names))
def test_only_named_ports_are_asked(named: list[str], attached: list[str]) -> None:
    """A port is asked if one of its names was named, and all are if `all` was."""
    ask = Discovery(ports=named)
    assert [name for name in attached if ask.may_ask(name)] == [
        name for name in attached if name in named
    ]
    assert set(ask.ports_besides(attached)) == set(named) - set(attached)
    assert all(Discovery(ports=[*named, ALL]).may_ask(name) for name in attached)
    assert ALL not in Discovery(ports=[*named, ALL]).ports_besides(attached)


@given(hosts=st.lists(st.tuples(st.sampled_from(["a", "b"]), st.sampled_from([None, 502, 5025]))))
def test_a_host_on_another_port_is_asked_by_the_driver_that_was_named(
    hosts: list[tuple[str, int | None]],
) -> None:
    """Who listens there is not known to speak any other driver's protocol."""
    written = [host if port is None else f"{host}:{port}" for host, port in hosts]
    assert list(Discovery(hosts=written, is_narrowed=True).endpoints(5025)) == written
    assert list(Discovery(hosts=written).endpoints(5025)) == [
        text for text, (_, port) in zip(written, hosts, strict=True) if port in (None, 5025)
    ]


def _fields(offer: DriverOffer) -> dict[str, object]:
    return {"kind": offer.kind, "name": offer.name, "target": offer.target,
            "settings": offer.settings, "needs": offer.needs, "install": offer.install}  # fmt: skip
