"""The errors that the driver raises when the wire or the pump fails."""

import threading
from collections.abc import Callable
from functools import partial

import pytest
from at_random import AtRandom
from fusion_bench import SYRINGE, bench, ready_bench
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from flowrig.emulation import Cut, Deaf, Drop, Garbled, Late, Mute, SocketFront, Split, Stale, Wire
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

FAULTS: list[Callable[[], Wire]] = [
    Mute,
    Deaf,
    Garbled,
    Split,
    Stale,
    *(partial(Late, answers) for answers in (1, 2)),
    *(partial(Garbled, byte, 1) for byte in range(12)),
    *(partial(Drop, byte) for byte in range(12)),
    *(partial(Cut, byte) for byte in range(40)),
]


def test_a_silent_refusal_is_noticed():
    """A pump that ignores a setting is noticed, because its reply has the old value."""
    with ready_bench() as b:
        b.emulator.switch("silent-refusal")
        with pytest.raises(RefusedError, match="kept"):
            b.pump.set_rate(10.0)
        with pytest.raises(RefusedError, match="kept"):
            b.pump.set_syringe(Syringe(1000.0, 4.61))


def test_a_rate_outside_the_pumps_own_limits_is_refused():
    """The message about a rate that the pump did not take contains the pump's limits."""
    with ready_bench() as b:
        b.emulator.switch("silent-refusal")
        with pytest.raises(RefusedError, match="reported limits"):
            b.pump.set_rate(10.0)


def test_a_mute_pump_loses_queries_and_leaves_commands_unknown():
    """A query without reply is a lost connection; a command without reply, an unknown outcome."""
    with ready_bench() as b:
        b.pump.set_rate(10.0)
        b.emulator.wire.plan(Mute())
        with pytest.raises(ConnectionLostError, match="no answer"):
            b.pump.status()
        with pytest.raises(ConnectionLostError):
            b.pump.dispensed()
        with pytest.raises(UnknownOutcomeError, match="did not confirm that it stopped"):
            b.pump.stop()


@pytest.mark.parametrize("fault", [Mute, Deaf])
def test_a_start_without_reply_is_unknown_until_the_status_is_read(fault):
    """After a start whose reply was lost, the status shows whether the pump runs."""

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


def test_a_mute_pump_is_stopped():
    """A stop is sent even on a line that is not synchronized."""
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
    """Replies after their deadline are dropped; later requests get their own replies."""
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


def test_a_stop_with_a_late_reply_is_confirmed():
    """A stop whose reply is late is confirmed by the status."""
    with ready_bench() as b:
        b.pump.set_rate(60.0)
        b.pump.start()
        b.emulator.wire.plan(Late())
        b.pump.stop()
        assert b.plunger.rate_ul_min == 0.0


@pytest.mark.parametrize("fault", [Mute, Garbled])
def test_no_readable_reply_at_the_port(fault):
    """If nothing readable comes at opening, the message names the baud rate to check."""
    with bench() as b:
        b.emulator.wire.plan(fault())
        with pytest.raises(ConnectionLostError, match="38400 baud"):
            b.pump.open()
        assert not b.pump.is_open


def test_a_port_that_does_not_exist(tmp_path):
    """The message contains the address that does not open."""
    address = str(tmp_path / "ttyUSB7")
    with pytest.raises(ConnectionLostError, match="ttyUSB7"):
        ChemyxFusion("pump", FusionSettings(address=address)).open()


@pytest.mark.parametrize("babble", [b"$GPGGA,1,2,3*47\r\n", b">\r\n", b"elapsed time = nan\r\n>"])
@pytest.mark.parametrize("front", ["serial", "socket"])
def test_an_instrument_that_never_stops_sending(front, babble):
    """Opening fails, and returns, if another instrument sends all the time."""
    with bench(front=front, deadline_s=0.5) as b:
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


def test_half_a_request_from_an_earlier_client_does_no_harm():
    """A request that another client left unfinished is flushed when the port is opened."""
    with bench() as b:
        b.core.feed(b"set ra")
        b.pump.open()
        assert b.pump.status().state is PumpState.STOPPED


@pytest.mark.parametrize("front", ["serial", "socket"])
def test_a_port_that_vanishes(front):
    """Every call on a vanished port raises a lost connection; stop, an unknown outcome."""
    with ready_bench(front=front) as b:
        b.pump.set_rate(10.0)
        b.emulator.stop()
        for call in (b.pump.status, b.pump.dispensed, b.pump.identify):
            with pytest.raises(ConnectionLostError):
                call()
        with pytest.raises(UnknownOutcomeError):
            b.pump.stop()


def test_a_pump_that_comes_back():
    """Close and open restore a lost connection; the pump ran meanwhile, and can be stopped."""
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


def test_a_pump_that_knows_no_status_query_is_no_fusion(monkeypatch):
    """An instrument that rejects every spelling of the status query does not open."""
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
    """With one wrong bit in every reply, the rate is set or an error is raised; nothing moves."""
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
        assert b.core.firmware.motors[0].rates == ((12.0,),)
    except DeviceError:
        pass
    finally:
        del b.core.feed
    assert b.pump.status().state is PumpState.STOPPED
    assert b.plunger.rate_ul_min == 0.0


def test_an_emergency_stop_reaches_both_channels():
    """A stop that its channel does not confirm is followed by a stop of both channels."""
    with ready_bench(channel=1) as b:
        b.pump.set_rate(60.0)
        b.pump.start()
        feed = b.core.firmware.feed
        b.core.firmware.feed = lambda data: b"" if data.startswith(b"1 stop") else feed(data)
        b.pump.stop()
        assert b.plunger.rate_ul_min == 0.0
        assert b"\rstop\r" in b.wire.received


def test_an_unconfirmed_stop_is_an_unknown_outcome():
    """If neither stop is confirmed, the outcome is unknown."""
    with ready_bench(channel=1) as b:
        b.emulator.wire.plan(Deaf())
        with pytest.raises(UnknownOutcomeError, match="did not confirm that it stopped"):
            b.pump.stop()


@pytest.mark.parametrize("fault", [Split, Stale])
@pytest.mark.parametrize("front", ["serial", "socket"])
def test_split_and_stale_replies_are_never_misread(front, fault):
    """Split replies are put together; a reply after an older one raises an error, if anything."""
    with ready_bench(front=front) as b:
        b.pump.set_rate(60.0)
        b.emulator.wire.plan(fault())
        for _ in range(3):
            try:
                b.pump.start()
                assert b.pump.status().state is PumpState.RUNNING
                b.clock.sleep(10.0)
                assert b.pump.dispensed().volume_ul == pytest.approx(10.0)
                b.pump.stop()
                assert b.plunger.rate_ul_min == 0.0
            except DeviceError:
                assert fault is Stale
        b.emulator.heal()
        b.pump.stop()
        assert b.plunger.rate_ul_min == 0.0


@pytest.mark.parametrize("seed", range(4))
def test_random_faults_end_in_a_known_state(seed):
    """After random faults of the wire, the status agrees with the plunger, and stop works."""
    with ready_bench() as b:
        b.emulator.wire.plan(AtRandom(0.2, FAULTS, seed))
        calls: list[Callable[[], object]] = [
            lambda: b.pump.set_rate(60.0),
            b.pump.start,
            b.pump.status,
            b.pump.dispensed,
            b.pump.stop,
        ]
        for turn in range(25):
            try:
                calls[turn % len(calls)]()
            except DeviceError:
                b.pump.close()
                try:
                    b.pump.open()
                    b.pump.stop()
                    b.pump.set_syringe(SYRINGE)
                except DeviceError:
                    continue
        b.emulator.heal()
        b.pump.close()
        b.pump.open()
        moves = b.plunger.rate_ul_min != 0.0
        assert (b.pump.status().state is PumpState.RUNNING) == moves
        b.pump.stop()
        assert b.plunger.rate_ul_min == 0.0


SETTINGS_AT_POWER_ON = {
    "nothing": b"",
    "other units": b"set units 0\rset volume 1\rset rate 60\r",
    "an older rate": b"set units 2\rset diameter 10\rset volume 100\rset rate 600\r",
}


@pytest.mark.parametrize("memory", SETTINGS_AT_POWER_ON.values(), ids=SETTINGS_AT_POWER_ON)
def test_a_power_cycle_before_the_start_does_not_change_the_rate(memory):
    """The pump runs at the rate that was set, whatever settings it has after a power cycle."""
    with ready_bench() as b:
        b.pump.set_rate(60.0)
        b.emulator.switch("power-cycle")
        b.core.feed(memory)
        b.pump.start()
        assert b.plunger.rate_ul_min == pytest.approx(60.0)
