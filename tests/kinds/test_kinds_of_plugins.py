"""Kinds of devices come from plugins, and drivers of any plugin can be of them."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from flowrig.clock import VirtualClock
from flowrig.emulation import StillPlace
from flowrig.errors import PluginError, PluginWarning
from flowrig.interfaces import Device, DeviceSettings
from flowrig.plugins import DriverOffer, KindOffer, hookimpl
from flowrig.plugins.offers import import_target
from flowrig.plugins.registry import Plugins
from flowrig.profile import check_profile
from flowrig.testing import DeviceConformance


class Kinds:
    """A plugin with kinds of devices."""

    def __init__(self, *names: str) -> None:
        self.names = names

    @hookimpl
    def flowrig_kinds(self) -> Sequence[KindOffer]:
        return [
            KindOffer(name=name, interface="flowrig_kinds.valve:Valve", safe="off")
            for name in self.names
        ]


class Drivers:
    """A plugin with a driver."""

    def __init__(self, kind: str) -> None:
        self.kind = kind

    @hookimpl
    def flowrig_drivers(self) -> Sequence[DriverOffer]:
        return [DriverOffer(kind=self.kind, name="acme", target="a:B", settings=DeviceSettings)]


class Forgetful:
    """A plugin whose kind lacks an argument."""

    @hookimpl
    def flowrig_kinds(self) -> Sequence[KindOffer]:
        return [KindOffer(name="bath")]  # type: ignore[call-arg]


def test_a_missing_argument_is_named_with_its_plugin() -> None:
    """As any mistake of a hook, and the other plugins stay."""
    plugins = Plugins.discover(extra={"acme": Forgetful()}, warn=False)
    said = plugins.broken["acme"]
    assert "the plugin 'acme'" in said
    assert "KindOffer" in said
    assert "'interface'" in said


WORD = """
extends = "cspbbr3-larp"
[{table}]
ultrasonic_bath = "bath"
"""


@pytest.mark.parametrize("table", ["path.outlet", "streams.Toluene"])
def test_the_word_of_no_kind_is_told_with_what_there_is(table: str, tmp_path: Path) -> None:
    """Its place, the kinds that are installed, the key `device`, and where a kind comes from."""
    path = tmp_path / "rig.toml"
    path.write_text(WORD.format(table=table), encoding="utf-8")
    (problem,) = check_profile(path, Plugins.discover())
    assert (problem.place.line, problem.message) == (4, "unknown key 'ultrasonic_bath'")
    for part in ("stirrer", "valve", "`device`", "comes with a plugin"):
        assert part in problem.expected


def test_shipped_kinds_come_through_the_hook() -> None:
    """Valve and sensor are offered as a third party offers its kinds, and their classes load."""
    kinds = Plugins.discover().kinds()
    assert {"valve", "sensor"} <= {*kinds}
    for kind in kinds.values():
        assert isinstance(kind.load(), type)


def test_a_kind_and_a_driver_of_it_may_come_from_two_plugins() -> None:
    """The order in which plugins are found does not matter."""
    for extra in (
        {"a": Kinds("shaker"), "b": Drivers("shaker")},
        {"a": Drivers("shaker"), "b": Kinds("shaker")},
    ):
        plugins = Plugins.discover(extra=extra, strict=True)
        assert plugins.drivers()["acme"].kind == "shaker"
        assert plugins.kinds()["shaker"].safe == "off"


def test_a_driver_of_an_unknown_kind_is_told_once_and_left_out() -> None:
    """The other drivers stay; who asks for this one is told the kind."""
    with pytest.warns(PluginWarning, match="'acme'.* kind of device 'centrifuge'"):
        plugins = Plugins.discover(extra={"odd": Drivers("centrifuge")})
    assert "acme" not in plugins.drivers()
    assert "chemyx-fusion" in plugins.drivers()
    with pytest.raises(PluginError, match="'centrifuge', which no installed plugin offers"):
        plugins.offer("driver", "acme")


@pytest.mark.parametrize("word", ["pump", "optimizer", "driver", "Stirrer", "a b", "", "kind"])
def test_a_kind_has_a_word_of_its_own(word: str) -> None:
    """No plugin can replace a kind of the core, or take the word of another offer."""
    with pytest.raises(PluginError, match="kind"):
        Plugins.discover(extra={"odd": Kinds(word)}, strict=True)


def test_a_driver_cannot_be_of_the_kind_of_a_model() -> None:
    """A driver whose kind is "optimizer" is refused with its plugin."""
    with pytest.raises(PluginError, match="'optimizer'"):
        Plugins.discover(extra={"odd": Drivers("optimizer")}, strict=True)


def test_two_plugins_with_one_kind_are_told() -> None:
    """Neither of them gets the word."""
    with pytest.raises(PluginError, match="kind 'shaker' is offered by 2 plugins"):
        Plugins.discover(extra={"a": Kinds("shaker"), "b": Kinds("shaker")}, strict=True)


def test_what_a_shipped_kind_names_is_there() -> None:
    """Interface, body and suite of each kind load, and they fit together."""
    for kind in Plugins.discover().kinds().values():
        assert issubclass(kind.load(), Device)
        body = import_target(kind.body, kind.name)(StillPlace(VirtualClock()))
        assert body.faults
        assert issubclass(import_target(kind.conformance, kind.name), DeviceConformance)
