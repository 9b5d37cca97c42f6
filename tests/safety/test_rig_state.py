"""The state of a rig: the same from the commands of a process and from its journal."""

import pytest

from flowrig import open_rig
from flowrig.errors import FlowrigError, InputError
from flowrig.journal.events import (
    CutEvent,
    CutLiquid,
    EventData,
    HeaterValues,
    Intent,
    Outcome,
    Reading,
    Resumed,
    SafeStateSought,
)
from flowrig.safety.actuation import Actuation
from flowrig.safety.rig_state import Flow, RigState
from flowrig.safety.syringes import SyringeLedger

START = Intent(command="start", flow_rates_ul_min={"CuI": 100.0, "PFO": 50.0})
STOP = Intent(command="stop", streams=("CuI",))


def done(command: str) -> Outcome:
    """A command took effect."""
    return Outcome(intent=0, command=command, outcome="done")


def state_after(*events: EventData) -> RigState:
    """The state after events at 0 s, 1 s, 2 s, …"""
    state = RigState()
    for time_s, data in enumerate(events):
        state.follow(float(time_s), data)
    return state


def test_a_journal_gives_the_state_that_its_process_had() -> None:
    """Streams, heaters and volumes are the same when every event is read again."""
    written: list[tuple[float, EventData]] = []
    with open_rig("cs3cu2i5-heatup-chem3", simulate=True) as rig:

        def write_event(data: EventData) -> int:
            written.append((rig.clock.now_s(), data))
            return len(written)

        ledger = SyringeLedger(rig.profile)
        actuation = Actuation(rig, write_event, ledger)
        actuation.set_temperatures({"plate": 80.0})
        actuation.set_flow_rates({"CuI": 100.0, "PFO": 60.0})
        actuation.start(["CuI", "PFO"])
        rig.clock.sleep(30.0)
        actuation.stop(["CuI"])
        replayed = SyringeLedger(rig.profile)
        for time_s, data in written:
            replayed.follow(time_s, data)
    assert replayed.rig_state.streams == ledger.rig_state.streams
    assert replayed.rig_state.heaters == ledger.rig_state.heaters
    assert replayed.left_ul == ledger.left_ul
    assert ledger.rig_state.flowing == ("PFO",)
    assert ledger.rig_state.heated == ("plate",)


def test_a_stream_counts_as_flowing_once_its_pump_confirmed_the_start() -> None:
    """The account counts it from the command on: the pump may run although no answer came."""
    state = state_after(START)
    assert state.flows["CuI"] == Flow(rate_ul_min=100.0, since_s=0.0)
    assert state.flowing == ()
    assert state_after(START, done("start")).flowing == ("CuI", "PFO")
    failed = Outcome(intent=0, command="start", outcome="unknown", error="no answer")
    assert state_after(START, failed).flowing == ()
    assert "CuI" in state_after(START, failed).flows


def test_a_stop_ends_a_flow_when_it_worked_and_hides_it_at_once() -> None:
    """Until its outcome is known, a stopped stream is shown as stopped and counted as flowing."""
    state = state_after(START, done("start"), STOP)
    assert state.commanded_rates_ul_min == {"PFO": 50.0}
    assert state.flows["CuI"].stops_s == (2.0,)
    assert state.flowing == ("CuI", "PFO")
    stopped = state_after(START, done("start"), STOP, done("stop"))
    assert stopped.flowing == ("PFO",)


def test_streams_that_stopped_are_known_though_the_command_failed() -> None:
    """One pump did not answer: the volume of the other was charged."""
    both = Intent(command="stop", streams=("CuI", "PFO"))
    failed = Outcome(
        intent=0, command="stop", outcome="unknown", dispensed_ul={"CuI": 40.0}, estimated=()
    )
    state = state_after(START, done("start"), both, failed)
    assert (state.flowing, state.stream("CuI").reported_ul) == (("PFO",), 40.0)


def test_an_estimate_is_no_report() -> None:
    """What the pump reports next is compared with nothing."""
    estimated = Outcome(
        intent=0, command="stop", outcome="done", dispensed_ul={"CuI": 40.0}, estimated=("CuI",)
    )
    assert state_after(START, done("start"), STOP, estimated).stream("CuI").reported_ul is None


def test_a_reading_is_kept_beside_the_commands() -> None:
    """State of the pump, temperature and set point."""
    reads = HeaterValues(temperature_c=79.0, set_point_c=80.0)
    state = state_after(START, Reading(heaters={"plate": reads}, pumps={"CuI": "stalled"}))
    assert (state.stream("CuI").pump, state.heater("plate").reads) == ("stalled", reads)
    assert state.commanded_rates_ul_min["CuI"] == 100.0


def test_another_process_takes_no_setting_for_granted() -> None:
    """Flow rates and set points are forgotten; a flow is not, as its liquid has to be charged."""
    rates = Intent(command="set-flow-rates", flow_rates_ul_min={"CuI": 100.0})
    heat = Intent(command="set-temperatures", set_points_c={"plate": 80.0})
    before = (rates, done("set-flow-rates"), heat, done("set-temperatures"), START, done("start"))
    assert state_after(*before).stream("CuI").set_rate_ul_min == 100.0
    state = state_after(*before, resumed())
    assert (state.stream("CuI").set_rate_ul_min, state.heated) == (None, ())
    assert "CuI" in state.flows


def resumed() -> Resumed:
    """Another process goes on with the run."""
    return Resumed.from_json(
        {
            "refilled": [], "versions": {}, "objective": {"name": "", "unit": ""}, "units": {},
            "planned": 1, "profile": "", "simulated": True, "skipped": 0, "done": 0, "best": None,
        }
    )  # fmt: skip


def test_a_safe_state_commands_every_stream_to_stop() -> None:
    """None is shown as flowing, whatever became of the pumps."""
    state = state_after(START, SafeStateSought(reached=False, steps=(), text=""))
    assert state.commanded_rates_ul_min == {}
    assert set(state.flows) == {"CuI", "PFO"}


def test_events_that_were_cut_off_count_as_well() -> None:
    """A start in the damaged end of a journal is known; emptied syringes flow no more."""
    cut = CutLiquid(cut=1, text="", events=(CutEvent(5.0, START),), emptied_ul={})
    assert state_after(cut).flows["CuI"].since_s == 5.0
    emptied = CutLiquid(cut=1, text="", events=(CutEvent(5.0, START),), emptied_ul={"CuI": 1.0})
    assert set(state_after(emptied).flows) == {"PFO"}


def test_a_stream_without_a_flow_rate_is_not_started() -> None:
    """The message names the stream, and nothing is written or sent."""
    written: list[EventData] = []
    with open_rig("cs3cu2i5-heatup-chem3", simulate=True) as rig:

        def write_event(data: EventData) -> int:
            written.append(data)
            return len(written)

        actuation = Actuation(rig, write_event, SyringeLedger(rig.profile))
        with pytest.raises(InputError, match="CuI has no flow rate yet"):
            actuation.start(["CuI"])
    assert not written


def test_a_command_that_cannot_be_written_is_not_given() -> None:
    """Neither the rig nor its state knows of it."""

    def full_disk(data: EventData) -> int:
        raise FlowrigError("the disk is full")

    with open_rig("cs3cu2i5-heatup-chem3", simulate=True) as rig:
        actuation = Actuation(rig, full_disk, SyringeLedger(rig.profile))
        with pytest.raises(FlowrigError, match="full"):
            actuation.set_flow_rates({"CuI": 100.0})
        assert actuation.ledger.rig_state.stream("CuI").set_rate_ul_min is None
