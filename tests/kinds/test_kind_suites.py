"""The suites of valves and sensors, on the drivers that `flowrig plugin new` writes."""

from collections.abc import Iterator
from typing import Any

import pytest

from flowrig.interfaces import Identity
from flowrig.testing import KindBench
from flowrig.testing.punctuality import Punctuality
from flowrig.testing.templates.flowrig_template import (
    sensor_emulator,
    sensor_settings,
    stirrer_emulator,
    stirrer_settings,
    valve_emulator,
    valve_settings,
)
from flowrig.testing.templates.flowrig_template.sensor import TemplateSensor
from flowrig.testing.templates.flowrig_template.stirrer import TemplateStirrer
from flowrig.testing.templates.flowrig_template.valve import TemplateValve
from flowrig_kinds.bodies import SensorBody, StirrerBody, ValveBody
from flowrig_kinds.conformance import SensorConformance, StirrerConformance, ValveConformance


def valve_bench(driver: type = TemplateValve, safe: str | None = None) -> KindBench:
    """A bench with a valve of two positions; with `safe` one of a kind that is safe there."""
    settings = valve_settings.TemplateSettings(
        address="", deadline_s=0.3, positions={"run": 1, "fill": 2}
    )
    return KindBench(driver, valve_emulator.TemplateEmulator, settings, body=ValveBody, safe=safe)


def sensor_bench(driver: type = TemplateSensor) -> KindBench:
    """A bench with a sensor of pressure and temperature."""
    settings = sensor_settings.TemplateSettings(address="", deadline_s=0.3)
    return KindBench(driver, sensor_emulator.TemplateEmulator, settings, body=SensorBody)


def stirrer_bench(driver: type = TemplateStirrer) -> KindBench:
    """A bench with a stirrer."""
    settings = stirrer_settings.TemplateSettings(address="", deadline_s=0.3)
    emulator = stirrer_emulator.TemplateEmulator
    return KindBench(driver, emulator, settings, body=StirrerBody, safe=0.0)


class TestValve(ValveConformance):
    """A valve on a serial line."""

    @pytest.fixture
    def bench(self) -> Iterator[KindBench]:
        with valve_bench() as bench:
            yield bench

    @pytest.mark.slow
    def test_a_cut_at_any_byte(self, bench: KindBench) -> None:
        super().test_a_cut_at_any_byte(bench)


class TestSensor(SensorConformance):
    """A sensor on a serial line."""

    @pytest.fixture
    def bench(self) -> Iterator[KindBench]:
        with sensor_bench() as bench:
            yield bench

    @pytest.mark.slow
    def test_a_cut_at_any_byte(self, bench: KindBench) -> None:
        super().test_a_cut_at_any_byte(bench)


class TestStirrer(StirrerConformance):
    """A stirrer on a serial line."""

    @pytest.fixture
    def bench(self) -> Iterator[KindBench]:
        with stirrer_bench() as bench:
            yield bench

    @pytest.mark.slow
    def test_a_cut_at_any_byte(self, bench: KindBench) -> None:
        super().test_a_cut_at_any_byte(bench)


class TenfoldStirrer(TemplateStirrer):
    def _do_set(self, value: float) -> None:
        super()._do_set(value / 10)

    def _do_setting(self) -> float:
        return super()._do_setting() * 10


class ForgetsToAsk(TemplateStirrer):
    wanted = 0.0

    def _do_set(self, value: float) -> None:
        self.wanted = value
        super()._do_set(value)

    def _do_setting(self) -> float:
        return self.wanted or super()._do_setting()


class WaitsForAnAnswer(TemplateStirrer):
    """Its off goes out only after an answer to something else."""

    def _do_set(self, value: float) -> None:
        self._query("SPEED?")
        super()._do_set(value)


class AsksBeforeItTurns(TemplateValve):
    """Its way to the safe position begins with a question."""

    def _do_select(self, position: str) -> None:
        self._number("POSITION?")
        super()._do_select(position)


class KeepsASend(TemplateStirrer):
    def _do_send_safe_action(self) -> None:
        if self._line is None:
            self._do_open()


class OffByOne(TemplateValve):
    def number_of(self, position: str) -> int:
        return super().number_of(position) % 2 + 1

    def name_of(self, number: int) -> str:
        return super().name_of(number % 2 + 1)


class Trusts(TemplateValve):
    wanted = ""

    def _do_select(self, position: str) -> None:
        self.wanted = position
        super()._do_select(position)

    def _do_position(self) -> str:
        return self.wanted or super()._do_position()


class ReadsItsModel(TemplateSensor):
    @property
    def quantities(self) -> Any:  # type: ignore[override]
        return (*super().quantities, *super().quantities)


@pytest.mark.parametrize(
    ("suite", "bench", "check"),
    [
        (ValveConformance, valve_bench(OffByOne), "test_every_position_is_reached"),
        (ValveConformance, valve_bench(Trusts), "test_a_position_that_is_not_reached_is_told"),
        (
            ValveConformance,
            valve_bench(AsksBeforeItTurns),
            "test_the_safe_action_waits_for_no_answer",
        ),
        (SensorConformance, sensor_bench(ReadsItsModel), "test_it_reads_what_it_declares"),
        (
            StirrerConformance,
            stirrer_bench(TenfoldStirrer),
            "test_the_number_reaches_the_instrument",
        ),
        (StirrerConformance, stirrer_bench(ForgetsToAsk), "test_a_number_that_is_not_kept_is_told"),
        (
            StirrerConformance,
            stirrer_bench(WaitsForAnAnswer),
            "test_the_safe_action_waits_for_no_answer",
        ),
        (
            StirrerConformance,
            stirrer_bench(KeepsASend),
            "test_the_safe_action_needs_no_open_device",
        ),
    ],
)
def test_a_check_fails_on_what_it_is_for(
    suite: Any, bench: KindBench, check: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A driver with one fault fails, and the message gives advice."""
    monkeypatch.setattr(Punctuality, "is_late", False)

    class Suite(suite):  # type: ignore[misc]
        def stands(self, bench: KindBench) -> str:
            return TemplateValve.name_of(bench.driver, bench.body.number)

    with pytest.raises(AssertionError) as failure, bench:
        getattr(Suite(), check)(bench)
    assert len(str(failure.value)) > 40


@pytest.mark.parametrize("safe", ["run", "fill", None])
def test_a_safe_position_is_sent_at_once(safe: str | None) -> None:
    """Of a kind that is safe at a position, and of one whose profiles name it."""
    with valve_bench(safe=safe) as bench:
        ValveConformance().test_the_safe_action_waits_for_no_answer(bench)


def test_a_valve_that_turns_when_opened_is_found() -> None:
    """Opening moves nothing."""

    class Turns(TemplateValve):
        def _do_identify(self) -> Identity:
            self._do_select("fill")
            return super()._do_identify()

    with pytest.raises(AssertionError, match="moves"), valve_bench(Turns) as bench:
        ValveConformance().test_opening_moves_nothing(bench)
