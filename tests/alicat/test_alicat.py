"""The Alicat driver: the conformance kit with every dialect, and what is its own."""

import math
from contextlib import contextmanager
from functools import partial
from types import SimpleNamespace

import pytest

from flowrig.emulation import serial_front
from flowrig.errors import OutOfRangeError, RefusedError
from flowrig.interfaces import Quality
from flowrig.testing import KindBench
from flowrig_alicat.driver import AlicatController
from flowrig_alicat.emulator import DIALECTS, AlicatCore, AlicatEmulator
from flowrig_alicat.protocol import data, set_point, version
from flowrig_alicat.settings import AlicatSettings
from flowrig_kinds.bodies import FlowControllerBody
from flowrig_kinds.conformance import FlowControllerConformance

FRAME = "A +014.70 +025.00 +01.003 +01.000 01.000     N2"


@contextmanager
def bench(variant=None, **settings):
    settings = AlicatSettings(address="", **{"full_scale": 10.0, "deadline_s": 0.3, **settings})
    emulator = partial(AlicatEmulator, variant=variant)
    with KindBench(AlicatController, emulator, settings, body=FlowControllerBody, safe=0.0) as kit:
        yield kit


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"variant": DIALECTS["totalizer"]}, id="totalizer"),
        *(
            pytest.param({"variant": one, "controller": "K"}, id=name, marks=pytest.mark.slow)
            for name, one in DIALECTS.items()
        ),
    ],
)
class TestDialects(FlowControllerConformance):
    @pytest.fixture
    def bench(self, options):
        with bench(**options) as kit:
            yield kit

    @pytest.mark.slow
    def test_a_cut_at_any_byte(self, bench):
        super().test_a_cut_at_any_byte(bench)

    @pytest.mark.slow
    def test_a_wrong_byte_anywhere(self, bench):
        super().test_a_wrong_byte_anywhere(bench)

    @pytest.mark.slow
    def test_silence_after_a_command_is_an_unknown_outcome(self, bench):
        super().test_silence_after_a_command_is_an_unknown_outcome(bench)


@pytest.mark.parametrize("name", sorted(DIALECTS))
def test_a_set_point_is_asked_for_anew(name):
    """The answer to a set point may still show the old one; the driver asks again."""
    with bench(DIALECTS[name]) as kit, kit.driver as controller:
        for value in (2.5, 0.0, 10.0, 0.01):
            controller.set(value)
            assert kit.body.told == pytest.approx(value)
            assert controller.setting() == pytest.approx(value)
            assert controller.read().values["flow"] == pytest.approx(value)


def test_a_flow_beyond_its_sensor_is_no_value():
    with bench() as kit, kit.driver as controller:
        kit._emulator.switch("over-range")
        reading = controller.read()
        assert reading.quality is Quality.BAD
        assert math.isnan(reading.values["flow"])


@pytest.mark.parametrize("unit", ["psia", "bara", "kPaA", "torrA"])
def test_pressures_are_in_bar(unit):
    with bench(pressure_unit=unit) as kit, kit.driver as controller:
        kit.place.pressure_bar = 2.5
        assert controller.read().values["pressure"] == pytest.approx(2.5, rel=1e-3)


def test_limits_are_those_of_the_profile():
    """Nothing beyond the full scale is sent; a controller of a smaller one is found out."""
    with bench() as kit, kit.driver as controller, pytest.raises(OutOfRangeError):
        controller.set(10.1)
    with bench(full_scale=50.0) as kit, kit.driver as controller:
        kit._emulator.core._settings = AlicatSettings(address="", full_scale=20.0)
        with pytest.raises(RefusedError, match="told 40 SLPM and reports 20 SLPM"):
            controller.set(40.0)


def test_off_is_sent_to_a_closed_controller():
    with bench() as kit:
        with kit.driver as controller:
            controller.set(5.0)
        kit.driver.send_safe_action()
        kit.driver.close()
        with kit.driver as controller:
            assert controller.setting() == 0.0


def test_two_controllers_share_a_port():
    places = [
        SimpleNamespace(act=lambda name, value: None, pressure_bar=1.0, temperature_c=20.0)
        for _ in "AB"
    ]
    bodies = [FlowControllerBody(place) for place in places]
    settings = [AlicatSettings(address="", full_scale=10.0, controller=one) for one in "AB"]
    cores = [AlicatCore(*pair, DIALECTS["plain"]) for pair in zip(bodies, settings, strict=True)]
    front = serial_front(SimpleNamespace(feed=lambda sent: b"".join(c.feed(sent) for c in cores)))
    address = front.start()
    try:
        drivers = [
            AlicatController(one, AlicatSettings(address=address, full_scale=10.0, controller=one))
            for one in "AB"
        ]
        for driver in drivers:
            driver.exclusive = False
        with drivers[0], drivers[1]:
            drivers[1].set(3.0)
            assert [body.told for body in bodies] == [0.0, 3.0]
            assert drivers[0].setting() == 0.0
    finally:
        front.stop()


def test_a_data_frame():
    frame = data("A").parse(FRAME)
    assert frame is not None
    assert (frame.values["flow"], frame.set_point, frame.gas) == (1.0, 1.0, "N2")
    with_total = data("A").parse("A +014.70 +025.00 +01.003 +01.000 01.000 0012.5 Air LCK")
    assert with_total is not None
    assert (with_total.gas, with_total.codes) == ("Air", ("LCK",))


@pytest.mark.parametrize(
    "line",
    ["", "?", "A ?", "B" + FRAME[1:], FRAME[:30], FRAME.replace("14.70", "1e.70"), "A 8v17.0-R23"],
)
def test_what_is_no_data_frame(line):
    assert data("A").parse(line) is None


def test_versions():
    assert version("A").parse("A   8v17.0-R23 Mar 08 2018,15:01:29") is not None
    assert version("A").parse(FRAME) is None
    assert set_point("A", 1.5, 10.0) == "AS1.5000"
    assert float(set_point("A", 0.00123, 0.01).removeprefix("AS")) == 0.00123


@pytest.mark.parametrize(
    "settings", [{"controller": "AB"}, {"full_scale": 0.0}, {"baud": 300}, {"pressure_unit": "psi"}]
)
def test_wrong_settings_are_refused(settings):
    with pytest.raises(ValueError, match=r"controller|full_scale|baud|pressure_unit"):
        AlicatSettings(address="COM1", **{"full_scale": 10.0, **settings})
