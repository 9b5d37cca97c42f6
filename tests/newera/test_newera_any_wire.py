"""Whatever a wire does, the New Era driver claims no more than is so."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from newera_bench import ready_bench

from flowrig.emulation import Cut, Deaf, Drop, Garbled, Late, Mute, Repeat, Stale
from flowrig.errors import FlowrigError
from flowrig.interfaces import PumpState

FAULTS = st.one_of(
    st.builds(Mute, st.integers(0, 8)),
    st.builds(Deaf),
    st.builds(Drop, st.integers(0, 6)),
    st.builds(Garbled, st.integers(0, 40)),
    st.builds(Late, st.integers(1, 3)),
    st.builds(Repeat),
    st.builds(Stale),
    st.builds(Cut, st.integers(0, 60)),
)
CALLS = st.sampled_from(["start", "stop", "slow", "fast", "status"])


@pytest.mark.slow
@pytest.mark.parametrize("safe_mode_s", [None, 200.0])
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(st.tuples(CALLS, FAULTS), min_size=1, max_size=3))
def test_what_a_call_returns_is_so(safe_mode_s, calls):
    """A call that returns over a bad wire has done its work; afterwards the pump can be stopped."""
    with ready_bench(safe_mode_s=safe_mode_s) as b:
        pump, plunger = b.pump, b.plunger
        pump.set_rate(100.0)
        rate_ul_min = 100.0
        for call, fault in calls:
            b.emulator.wire.plan(fault)
            try:
                if call in ("slow", "fast"):
                    wanted = {"slow": 0.5, "fast": 3000.0}[call]
                    pump.set_rate(wanted)
                    rate_ul_min = wanted
                    if plunger.moves:
                        assert plunger.rate_ul_min == pytest.approx(wanted, rel=1e-3)
                elif call == "status":
                    assert (pump.status().state is PumpState.RUNNING) == plunger.moves
                else:
                    getattr(pump, call)()
                    assert plunger.moves == (call == "start")
                    if call == "start":
                        assert plunger.rate_ul_min == pytest.approx(rate_ul_min, rel=1e-3)
            except FlowrigError:
                b.emulator.heal()
                pump.close()
                pump.open()
            b.emulator.heal()
        pump.stop()
        assert not plunger.moves
