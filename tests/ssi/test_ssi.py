"""The SSI driver: the conformance kit with every dialect, and what is its own."""

from contextlib import contextmanager
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrig.errors import OutOfRangeError, RefusedError
from flowrig.testing import KindBench
from flowrig_kinds.bodies import FlowSourceBody
from flowrig_kinds.conformance import FlowSourceConformance
from flowrig_ssi.driver import SSIPump
from flowrig_ssi.emulator import DIALECTS, SSIEmulator
from flowrig_ssi.protocol import BAR, conditions, fastest, set_flow_rate, state, version
from flowrig_ssi.settings import SSISettings, step_ul_min


@contextmanager
def bench(variant=None, **settings):
    settings = SSISettings(
        address="", **{"flow_rate_max_ul_min": 10_000.0, "deadline_s": 0.3, **settings}
    )
    emulator = partial(SSIEmulator, variant=variant)
    with KindBench(SSIPump, emulator, settings, body=FlowSourceBody) as kit:
        yield kit


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"variant": DIALECTS["mpa"]}, id="mpa"),
        *(
            pytest.param(
                {"variant": one, "flow_rate_max_ul_min": 100_000.0},
                id=f"{name}-fast",
                marks=pytest.mark.slow,
            )
            for name, one in DIALECTS.items()
        ),
    ],
)
class TestDialects(FlowSourceConformance):
    @pytest.fixture
    def bench(self, options):
        with bench(**options) as kit:
            yield kit

    def truth(self, bench):
        """The pressure, as the display rounds it."""
        unit = bench._emulator.core._variant.unit
        decimals = {"psi": 0, "bar": 1, "MPa": 2}[unit]
        return {"pressure": round(bench.place.pressure_bar / BAR[unit], decimals) * BAR[unit]}

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
def test_a_flow_rate_changes_while_the_pump_runs(name):
    with bench(DIALECTS[name]) as kit, kit.driver as pump:
        for rate in (1000.0, 250.0, 10_000.0, 1.0, 0.0):
            pump.dispense(rate)
            assert kit.body.told == rate
            assert pump.rate_ul_min() == rate


def test_a_pump_that_gives_up_is_seen_to_stand_still():
    with bench() as kit, kit.driver as pump:
        pump.dispense(500.0)
        kit._emulator.switch("over-pressure")
        assert pump.rate_ul_min() == 0.0


def test_a_pump_with_another_head_is_found_out():
    """Its flow rates would be other ones than the profile allows."""
    with bench(flow_rate_max_ul_min=10_000.0) as kit:
        kit._emulator.core._fastest_ul_min = 5000.0
        with pytest.raises(RefusedError, match="fastest flow rate is 5 mL/min, not the 10 mL/min"):
            kit.driver.open()


@given(rate=st.floats(1.0, 10_000.0))
def test_a_flow_rate_is_rounded_to_a_step(rate):
    assert abs(int(set_flow_rate(rate, 1.0)[2:]) - rate) <= 0.5
    assert abs(10 * int(set_flow_rate(rate, 10.0)[2:]) - rate) <= 5.0


def test_nothing_beyond_the_limits_is_sent():
    with bench() as kit, kit.driver as pump:
        for rate in (0.5, 10_001.0):
            with pytest.raises(OutOfRangeError):
                pump.dispense(rate)
        assert kit.body.told == 0.0


@given(line=st.text(alphabet="OK,.:0159 psiMFVerons/Er", max_size=40))
def test_no_line_is_taken_for_two_replies(line):
    """Each reply has a form of its own, so that a late one is never taken for another."""
    taken = [one for one in (state(), conditions(), fastest(), version()) if one.parse(line)]
    assert len(taken) <= 1


def test_replies_of_the_public_driver():
    """As its documentation and its source give them."""
    found = state().parse("OK,5.000,6000,0,psi,0,1,0")
    assert (found.rate_ul_min, found.step_ul_min, found.unit, found.runs) == (
        5000.0, 1.0, "psi", True,
    )  # fmt: skip
    assert state().parse("OK,10.00,400.0,0.0,bar,0,0,0").step_ul_min == 10.0
    assert conditions().parse("OK,0000,10.00").pressure == 0.0
    assert version().parse("OK,191017 Version 2.0.8") == "191017 Version 2.0.8"
    assert fastest().parse("OK,MF:10.00") == 10_000.0
    assert step_ul_min(10_000.0) == 1.0
