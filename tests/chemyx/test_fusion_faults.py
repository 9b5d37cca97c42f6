"""What the driver says when the wire or the pump lets it down."""

import threading

import pytest
from fusion_bench import bench, ready_bench
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from flowrig.emulation import Deaf, Garbled, Late, Mute, SocketFront
from flowrig.errors import (
    ConnectionLostError,
    DeviceError,
    ProtocolError,
    RefusedError,
    UnknownOutcomeError,
)
from flowrig.interfaces import PumpState, Syringe
from flowrig_chemyx.driver import ChemyxFusion
from flowrig_chemyx.settings import FusionSettings

SOON_S = 0.1


def test_a_silent_refusal_is_noticed():
    """A pump that keeps its old value without a word is caught by its echo."""
    with ready_bench() as b:
        b.emulator.switch("silent-refusal")
        with pytest.raises(RefusedError, match="kept"):
            b.pump.set_rate(10.0)
        with pytest.raises(RefusedError, match="kept"):
            b.pump.set_syringe(Syringe(1000.0, 4.61))


def test_a_rate_outside_the_pumps_own_limits_is_refused():
    """A rate that the pump itself does not take is refused with the limits in the message."""
    with ready_bench() as b:
        b.emulator.switch("silent-refusal")
        with pytest.raises(RefusedError, match="limits as"):
            b.pump.set_rate(10.0)


def test_a_mute_pump_loses_queries_and_leaves_commands_unknown():
    """No answer to a question is a lost connection, no answer to a command an unknown outcome."""
    with ready_bench() as b:
        b.pump.set_rate(10.0)
        b.emulator.wire.plan(Mute())
        with pytest.raises(ConnectionLostError, match="no answer"):
            b.pump.status()
        with pytest.raises(ConnectionLostError):
            b.pump.dispensed()
        with pytest.raises(UnknownOutcomeError, match="stands still"):
            b.pump.stop()


@pytest.mark.parametrize("fault", [Mute, Deaf])
def test_a_start_without_answer_is_unknown_and_can_be_looked_up(fault):
    """After a start whose answer was lost, the pump's status says what became of it."""

    class AtTheStart(fault):
        def carry(self, line, data):
            is_start = data.startswith(b"start")
            return super().carry(line, data) if is_start else line.feed(data)

    with ready_bench() as b:
        b.pump.set_rate(10.0)
        b.emulator.wire.plan(AtTheStart())
        with pytest.raises(UnknownOutcomeError, match="no answer"):
            b.pump.start()
        running = b.pump.status().state is PumpState.RUNNING
        assert running == (b.plunger.rate_ul_min > 0) == (fault is Mute)


def test_a_mute_pump_is_stopped_all_the_same():
    """A stop is sent even on a line that is out of step."""
    with ready_bench() as b:
        b.pump.set_rate(10.0)
        b.pump.start()
        b.emulator.wire.plan(Mute())
        with pytest.raises(ConnectionLostError):
            b.pump.status()
        with pytest.raises(UnknownOutcomeError):
            b.pump.stop()
        assert b.plunger.rate_ul_min == 0.0


@pytest.mark.parametrize("late", [1, 2, 3])
def test_late_replies_are_never_taken_for_others(late):
    """Replies that come after their deadline are dropped, and the next answer is the right one."""
    with ready_bench() as b:
        b.pump.set_rate(60.0)
        b.pump.start()
        b.clock.sleep(60)
        b.emulator.wire.plan(Late(late))
        with pytest.raises(ConnectionLostError):
            b.pump.dispensed()
        for _ in range(late):
            try:
                state = b.pump.status().state
            except ConnectionLostError:
                continue
            assert state is PumpState.RUNNING
        assert b.pump.status().state is PumpState.RUNNING
        assert b.pump.dispensed().volume_ul == pytest.approx(60.0)


def test_a_stop_with_a_late_answer_is_confirmed():
    """A stop whose answer is late still ends with a confirmed standstill."""
    with ready_bench() as b:
        b.pump.set_rate(60.0)
        b.pump.start()
        b.emulator.wire.plan(Late())
        b.pump.stop()
        assert b.plunger.rate_ul_min == 0.0


@pytest.mark.parametrize("fault", [Mute, Garbled])
def test_nobody_understandable_at_the_port(fault):
    """A pump that is off, or at another line speed, is told apart from nothing by its speed."""
    with bench() as b:
        b.emulator.wire.plan(fault())
        with pytest.raises(ConnectionLostError, match="38400 baud"):
            b.pump.open()
        assert not b.pump.is_open


def test_a_port_that_does_not_exist(tmp_path):
    """A wrong address is named."""
    address = str(tmp_path / "ttyUSB7")
    with pytest.raises(ConnectionLostError, match="ttyUSB7"):
        ChemyxFusion("pump", FusionSettings(address=address)).open()


@pytest.mark.parametrize("babble", [b"$GPGGA,1,2,3*47\r\n", b">\r\n", b"elapsed time = nan\r\n>"])
@pytest.mark.parametrize("front", ["serial", "socket"])
def test_somebody_who_never_stops_talking(front, babble):
    """A port with another instrument that talks all the time is given up, not listened to."""
    with bench(front=front, deadline_s=SOON_S) as b:
        over = threading.Event()

        def talk():
            while not over.wait(0.001):
                b.emulator._front.send(babble)

        b.emulator.wire.plan(Deaf())
        talker = threading.Thread(target=talk)
        talker.start()
        try:
            with pytest.raises(DeviceError):
                b.pump.open()
        finally:
            over.set()
            talker.join()


def test_half_a_line_from_before_does_no_harm():
    """What somebody left unfinished on the line is flushed when the port is opened."""
    with bench() as b:
        b.core.feed(b"set ra")
        b.pump.open()
        assert b.pump.status().state is PumpState.STOPPED


@pytest.mark.parametrize("front", ["serial", "socket"])
def test_a_port_that_vanishes(front):
    """A vanished port is a lost connection, whichever call notices it, and nothing else."""
    with ready_bench(front=front) as b:
        b.pump.set_rate(10.0)
        b.emulator.stop()
        for call in (b.pump.status, b.pump.dispensed, b.pump.identify):
            with pytest.raises(ConnectionLostError):
                call()
        with pytest.raises(UnknownOutcomeError):
            b.pump.stop()


def test_a_pump_that_comes_back():
    """After the port was gone, close and open are all that it takes; the run went on meanwhile."""
    with ready_bench(front="socket") as b:
        b.pump.set_rate(60.0)
        b.pump.start()
        b.emulator.stop()
        with pytest.raises(ConnectionLostError):
            b.pump.status()
        b.clock.sleep(60)
        port = int(b.pump.settings.address.rpartition(":")[2])
        front = SocketFront(lambda: b.core, port)
        front.start()
        try:
            b.pump.close()
            b.pump.open()
            assert b.pump.dispensed().volume_ul == pytest.approx(60.0)
            b.pump.stop()
        finally:
            front.stop()
        assert b.plunger.rate_ul_min == 0.0


def test_a_pump_without_the_commands_is_no_fusion(monkeypatch):
    """Somebody who rejects the status query in every spelling is not a Fusion."""
    with bench() as b:
        monkeypatch.setattr(
            b.core.firmware, "_actions", {"elapsed time": lambda _: ["elapsed time = 0"]}
        )
        with pytest.raises(ProtocolError, match="does not know"):
            b.pump.open()


@pytest.fixture(scope="module")
def shared():
    """One bench for all examples of a property."""
    with ready_bench() as b:
        yield b


@example(position=7, bit=0)  # "stopped" read as "running"
@example(position=7, bit=1)  # "stopped" read as "paused"
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.too_slow])
@given(position=st.integers(0, 60), bit=st.integers(0, 7))
def test_a_flipped_bit_never_moves_a_pump(shared, position, bit):
    """With one bit of every reply wrong, a rate is set right or not at all, and nothing moves."""
    b = shared
    feed = type(b.core).feed

    def flip(data):
        reply = bytearray(feed(b.core, data))
        if position < len(reply):
            reply[position] ^= 1 << bit
        return bytes(reply)

    b.core.feed = flip
    try:
        b.pump.set_rate(12.0)
        assert b.core.firmware.drives[0].rates == ((12.0,),)
    except DeviceError:
        pass
    finally:
        del b.core.feed
    assert b.pump.status().state is PumpState.STOPPED
    assert b.plunger.rate_ul_min == 0.0
