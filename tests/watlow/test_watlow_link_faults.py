"""Faults of the links to an F4T, and the error that the driver raises for each."""

import contextlib
import gc
import itertools
import math
import select
import socket
import threading
import time
import warnings

import pytest
from patience import patient

from flowrig.clock import VirtualClock
from flowrig.emulation import Cut, Mute
from flowrig.errors import ConnectionLostError, ProtocolError, UnknownOutcomeError
from flowrig.interfaces import WireLog
from flowrig.interfaces.device import Quality
from flowrig_watlow.modbus.link import ModbusLink
from flowrig_watlow.scpi import link

PVALUE, ERROR, SPOINT = (f":SOURCE:CLOOP1:{name}?" for name in ("PVALUE", "ERROR", "SPOINT"))
SANE = {PVALUE: b"25.00\n", ERROR: b"NONE\n", SPOINT: b"20.00\n"}


def closed_port() -> int:
    """A port without a server."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_closed_port_is_reported_at_open(driver_at):
    """Opening fails where no server listens, and the message names the address."""
    port = closed_port()
    driver = driver_at(f"127.0.0.1:{port}", deadline_s=60.0)

    with pytest.raises(ConnectionLostError, match=f"127.0.0.1:{port}: no server listens"):
        driver.open()

    assert not driver.is_open


def test_unknown_host_is_reported_at_open(driver_at):
    """A host that has no address is a lost connection like any other."""
    with pytest.raises(ConnectionLostError, match="no connection to"):
        driver_at("no-such-host.invalid").open()


def test_other_instrument_is_not_taken_for_an_f4t(peer, driver_at):
    """An instrument of another maker is refused before the driver asks for a temperature."""
    driver = driver_at(peer({"*IDN?": b"ACME,Scope,1,2\n"}))

    with pytest.raises(ProtocolError, match="another instrument") as caught:
        driver.open()

    assert caught.value.reply == "ACME,Scope,1,2"
    assert not driver.is_open


@patient(0.1)
def test_silent_instrument_is_lost_at_open(peer, driver_at, deadline_s):
    """A host that accepts the connection and never answers is a lost connection."""
    with pytest.raises(ConnectionLostError, match=f"no answer within {deadline_s:g} s"):
        driver_at(peer({"*IDN?": None}), deadline_s=deadline_s).open()


@pytest.mark.parametrize("fragment", [b"", b"25."])
def test_hang_up_while_reading_is_reported_before_the_deadline(peer, driver_at, fragment):
    """A peer that hangs up, even in the middle of a reply, is reported at once as a hang-up."""
    driver = driver_at(peer({**SANE, PVALUE: (fragment,)}), deadline_s=60.0)
    driver.open()

    with pytest.raises(ConnectionLostError, match="hung up") as caught:
        driver.read()

    assert isinstance(caught.value.__cause__, ConnectionResetError)


def test_next_call_reconnects(rig):
    """After a hang-up the next call opens a new connection."""
    rig.wire("scpi").plan(Cut())
    with pytest.raises(ConnectionLostError):
        rig.driver.read()

    assert rig.driver.read().temperature_c == 25.0


@patient(0.1)
def test_silence_is_a_lost_link_until_it_ends(plate_rig, deadline_s):
    """A controller that stops answering is lost, and found again when it answers."""
    with plate_rig(deadline_s=deadline_s) as emulated:
        emulated.driver.open()
        emulated.wire("scpi").plan(Mute())
        with pytest.raises(ConnectionLostError, match=f"no answer within {deadline_s:g} s"):
            emulated.driver.read()
        emulated.emulator.heal()

        assert emulated.driver.read().temperature_c == 25.0


def test_controller_that_stays_away_keeps_being_lost(rig):
    """While no server runs at the address, every call raises the same error."""
    rig.emulator.stop()

    for _ in range(3):
        with pytest.raises(ConnectionLostError):
            rig.driver.read()


@patient(0.2)
def test_late_reply_is_never_the_next_answer(peer, driver_at, deadline_s):
    """The late answer to a query that timed out is not taken for the answer to the next query."""
    given_up = threading.Event()
    temperatures = iter([b"99.00\n", b"30.00\n"])

    def answer_late():
        given_up.wait(60.0)
        yield next(temperatures)

    driver = driver_at(peer({**SANE, PVALUE: answer_late}), deadline_s=deadline_s)
    driver.open()
    with pytest.raises(ConnectionLostError, match="no answer"):
        driver.read()
    given_up.set()

    assert driver.read().temperature_c == 30.0


def test_interrupted_question_leaves_no_answer_behind(peer, driver_at, monkeypatch):
    """After Ctrl-C in the middle of a query, its answer is not taken for that of the next query."""
    never = threading.Event()

    def answer_slowly():
        never.wait(0.2)
        yield b"99.00\n"

    driver = driver_at(peer({**SANE, PVALUE: answer_slowly}))
    driver.open()
    with monkeypatch.context() as patch:
        patch.setattr("flowrig_watlow.scpi.link._raw", _press_ctrl_c)
        with pytest.raises(KeyboardInterrupt):
            driver.read()

    assert driver.identify().vendor == "Watlow Electric"


def _press_ctrl_c(_resource: object) -> None:
    raise KeyboardInterrupt


def test_stray_line_is_never_an_answer(peer, driver_at):
    """A line that arrived before the query was sent is not taken for its answer."""
    driver = driver_at(peer({**SANE, ERROR: b"NONE\n777.0\n", SPOINT: b"\n\r\n  20.00 \r\n"}))
    driver.open()

    for _ in range(3):
        reading = driver.read()
        assert (reading.temperature_c, reading.set_point_c) == (25.0, 20.0)


def test_answer_to_a_write_is_not_the_read_back(peer, driver_at):
    """An answer to a write that arrives while the set point settles is discarded."""
    sent = threading.Event()

    def answer_write():
        yield b"777.0\n"
        sent.set()

    class UntilSent(VirtualClock):
        def sleep(self, duration_s: float) -> None:
            assert sent.wait(60.0)

    address = peer({":SOURCE:CLOOP1:SPOINT 90.00": answer_write, SPOINT: b"90.00\n"})
    driver = driver_at(address, UntilSent())
    driver.open()

    driver.set_temperature(90.0)


def test_set_point_is_written_again_where_the_first_did_not_take(peer, driver_at):
    """The driver writes a set point a second time if the read-backs show the old value."""
    read_backs = iter([b"20.00\n", b"90.00\n"])
    address = peer({":SOURCE:CLOOP1:SPOINT 90.00": None, SPOINT: lambda: [next(read_backs)]})
    driver = driver_at(address, patience_s=0.0)
    driver.open()

    driver.set_temperature(90.0)

    assert next(read_backs, None) is None


def test_an_answer_in_time_is_read_by_a_driver_that_was_held_up(plate_rig, monkeypatch):
    """A thread that gets no processor until its deadline has passed finds the answer there."""
    send = link._DeadlineConnection.send

    def send_and_be_held_up(connection, data):
        sent = send(connection, data)
        select.select([connection], [], [], 60.0)
        connection.deadline_s = time.monotonic() - 1.0
        return sent

    with plate_rig() as emulated:
        emulated.driver.open()
        monkeypatch.setattr(link._DeadlineConnection, "send", send_and_be_held_up)

        assert emulated.driver.read().temperature_c == 25.0


@patient(0.1)
def test_endless_line_does_not_hold_the_driver_forever(peer, driver_at, deadline_s):
    """A peer that sends without end and never ends a line runs into the deadline."""
    babble = {"*IDN?": lambda: itertools.repeat(b"x" * 100)}
    driver = driver_at(peer(babble), deadline_s=deadline_s)

    with pytest.raises(ConnectionLostError, match="no answer"):
        driver.open()


@pytest.mark.parametrize("drip", [b"x" * 100, b"\x00"], ids=["noise", "zeros"])
@patient(0.2)
def test_endless_modbus_frame_does_not_hold_the_driver_forever(drip, deadline_s):
    """A peer that sends without end and never ends a frame runs into the deadline, or its bytes
    are reported as no Modbus."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def babble():
            connection, _ = listener.accept()
            with connection, contextlib.suppress(OSError):
                while True:
                    connection.sendall(drip)

        thread = threading.Thread(target=babble, daemon=True)
        thread.start()
        link = ModbusLink("127.0.0.1", listener.getsockname()[1], deadline_s, WireLog())
        with pytest.raises(OSError, match=r"no answer|not Modbus"):
            link.read(2820, 2)
        link.close()
        thread.join(5.0)


def test_name_that_is_not_resolved_runs_into_the_deadline(driver_at, monkeypatch):
    """A name server that does not answer delays `open` by one deadline at most."""
    never = threading.Event()
    monkeypatch.setattr("socket.gethostbyname", lambda _: never.wait(60.0))

    with pytest.raises(ConnectionLostError, match="no address of plate was found within"):
        driver_at("plate", deadline_s=0.1).open()

    never.set()


@pytest.mark.parametrize(
    "reply", [b"nan", b"inf", b"1_0", b"25,0", b"0x10", b"1e999", b"\xff", b"--"]
)
def test_reply_that_is_no_number_is_an_error(peer, driver_at, reply):
    """Only a finite decimal number is accepted as a temperature."""
    driver = driver_at(peer({**SANE, SPOINT: reply + b"\n"}))
    driver.open()

    with pytest.raises(ProtocolError, match="not a number"):
        driver.read()


def test_broken_sensor_may_show_no_number(peer, driver_at):
    """With an input error, a process value that is no number gives a BAD reading."""
    driver = driver_at(peer({**SANE, PVALUE: b"-----\n", ERROR: b"ERROR\n"}))
    driver.open()

    reading = driver.read()

    assert reading.quality is Quality.BAD
    assert math.isnan(reading.temperature_c)


def test_unknown_unit_is_an_error(peer, driver_at):
    """A unit that is neither °C nor °F is not guessed."""
    with pytest.raises(ProtocolError, match="neither C nor F"):
        driver_at(peer({":UNIT:TEMPERATURE?": b"K\n"})).open()


@pytest.mark.parametrize(
    "read_back", [pytest.param(None, id="silence"), pytest.param((b"",), id="hang-up"), b"??\n"]
)
@patient(0.2)
def test_set_point_without_read_back_is_an_unknown_outcome(peer, driver_at, read_back, deadline_s):
    """A set point that was sent and cannot be confirmed is reported as unknown."""
    command = ":SOURCE:CLOOP1:SPOINT 90.00"
    driver = driver_at(peer({command: None, SPOINT: read_back}), deadline_s=deadline_s)
    driver.open()

    with pytest.raises(UnknownOutcomeError) as caught:
        driver.set_temperature(90.0)

    assert caught.value.command == command


def test_link_lost_before_the_set_point_is_no_unknown_outcome(rig):
    """If the link breaks before the command is sent, the outcome is known: nothing was set."""
    rig.emulator.stop()

    with pytest.raises(ConnectionLostError):
        rig.driver.set_temperature(90.0)


def test_no_socket_is_left_open(plate_rig, driver_at):
    """Neither a good session nor a failed one leaves a socket to the garbage collector."""
    gc.collect()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        with plate_rig() as emulated:
            emulated.driver.open()
            emulated.driver.close()
            emulated.driver.close()
        with pytest.raises(ConnectionLostError):
            driver_at(f"127.0.0.1:{closed_port()}").open()
        del emulated
        gc.collect()

    assert [str(warning.message) for warning in caught] == []
