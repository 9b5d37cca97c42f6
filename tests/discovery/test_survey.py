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
            for _ in range(50):
                with ask.turn("COM3"):
                    inside[0] += 1
                    most[0] = max(most[0], inside[0])
                    inside[0] -= 1
            with ask.turn(f"COM of {name}"):
                met.wait()
            yield NoAnswer(driver=name, address="COM3", reason="silent")

        return look_for

    result = survey([offering(name, asks(name)) for name in ("one", "two")], Discovery(ports=[ALL]))
    assert [answer.driver for answer in result.unanswered] == ["one", "two"]
    assert most == [1]


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
