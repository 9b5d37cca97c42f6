"""The account of liquid follows flow rates that change while liquid flows, also unknown ones."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_control_loops import RIG, of

from flowrig.journal.events import Intent, Measured, Outcome
from flowrig.plugins.registry import Plugins
from flowrig.run.options import ResumeOptions
from flowrig.run.start import resume_run
from flowrig.run_record.reader import RunRecord
from flowrig.safety.rig_state import RigState

RATES = st.floats(1.0, 1000.0)
CHANGES = st.lists(st.tuples(st.floats(0.1, 500.0), RATES, st.booleans()), max_size=6)


def told(state: RigState, time_s: float, command: str, rate: float, outcome: str | None) -> None:
    """A command of one stream with its outcome; None for none."""
    state.follow(time_s, Intent(command=command, flow_rates_ul_min={"PFO": rate}))
    if outcome is not None:
        state.follow(time_s, Outcome(intent=1, command=command, outcome=outcome))


@given(first=RATES, changes=CHANGES, last_s=st.floats(0.1, 500.0))
def test_each_flow_rate_counts_for_its_time(
    first: float, changes: list[tuple[float, float, bool]], last_s: float
) -> None:
    """Of a change whose outcome is not known the higher flow rate counts from then on."""
    state, now_s, rate, volume_ul = RigState(), 10.0, first, 0.0
    told(state, 0.0, "set-flow-rates", first, "done")
    told(state, now_s, "start", first, "done")
    for after_s, new, is_known in changes:
        now_s += after_s
        volume_ul += rate * after_s / 60
        told(state, now_s, "set-flow-rates", new, "done" if is_known else "unknown")
        rate = new if is_known else max(rate, new)
    flow = state.flows["PFO"]
    assert flow.rate_ul_min == rate
    assert flow.since_s == 10.0
    total_ul = volume_ul + rate * last_s / 60
    assert flow.moved_ul(now_s + last_s) == pytest.approx(total_ul)


def test_a_change_that_was_sent_without_an_outcome_counts_as_the_higher_rate() -> None:
    """As where the program dies in between, or a pump that was told to stop is told a rate."""
    state = RigState()
    told(state, 0.0, "set-flow-rates", 100.0, "done")
    told(state, 0.0, "start", 100.0, "done")
    told(state, 60.0, "set-flow-rates", 300.0, None)
    assert state.flows["PFO"].moved_ul(120.0) == pytest.approx(400.0)
    told(state, 120.0, "set-flow-rates", 50.0, None)
    assert state.flows["PFO"].moved_ul(180.0) == pytest.approx(700.0)
    state.follow(180.0, Intent(command="stop", streams=("PFO",)))
    told(state, 200.0, "set-flow-rates", 900.0, "done")
    assert state.flows["PFO"].rate_ul_min == 300.0


KILLED = """
import os, sys
from flowrig.plugins.registry import Plugins
from flowrig.run.options import RunOptions
from flowrig.run.start import start_run

left = [3]  # the first sets all streams

def die(event):
    is_change = getattr(event.data, "command", "") == "set-flow-rates"
    left[0] -= is_change and event.kind == sys.argv[3]
    if left[0] == 0:
        os._exit(9)

options = RunOptions(
    folder=sys.argv[2], simulate=True, plugins=Plugins.discover(), listeners=[die]
)
start_run(sys.argv[1], options)
"""


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["intent", "outcome"])
def test_a_run_that_is_killed_at_a_correction_goes_on(tmp_path: Path, kind: str) -> None:
    """The correction is not sent again; every experiment is measured once."""
    profile, folder = tmp_path / "rig.toml", tmp_path / "run"
    # A gain that is half the true one needs several corrections.
    text = RIG.format(equilibrium=4.0, experiments=2)
    more = '[control.velocity]\ngain = "0.2 mm/s per 10 uL/min"\n'
    profile.write_text(text + more, encoding="utf-8")
    command = [sys.executable, "-c", KILLED, str(profile), str(folder), kind]
    assert subprocess.run(command, timeout=300, check=False).returncode == 9
    with RunRecord(folder) as record:
        before = list(record.journal.events(Intent, Outcome))
        assert (type(before[-1].data) is Outcome) == (kind == "outcome")
    outcome = resume_run(folder, ResumeOptions(plugins=Plugins.discover()))
    assert outcome.state == "finished", outcome.reason
    with RunRecord(folder) as record:
        events = list(record.journal.events())
    assert [one.index for one in of(events, Measured)] == [1, 2]
    after = [one for one in events if one.sequence > before[-1].sequence]
    (first, *_) = of(after, Intent)
    assert first.command == "stop"
