"""Direct wires: the driver finds the same bytes there as on a socket or a pseudo-terminal."""

import os
import select
import socket

import pytest
import serial
from hypothesis import given
from hypothesis import strategies as st
from patience import LONG_S

from flowrig.emulation import Burst, DirectFront, EmulatorContext, HangUp, SocketFront
from flowrig.interfaces import connect_tcp, emulated_connection


class Answering:
    """A core that answers each line with a number of copies, and hangs up at "bye"."""

    def __init__(self, copies=1):
        self._copies = copies
        self._line = b""

    def feed(self, data):
        answer = b""
        self._line += data
        while b"\n" in self._line:
            line, _, self._line = self._line.partition(b"\n")
            if line == b"bye":
                raise HangUp(answer + b"later\n")
            if line == b"slowly":
                return Burst((b"slow", b"ly\n"), 0.01)
            answer += self._copies * (line + b"\n")
        return answer


def received(connection, count):
    """Exactly this many bytes, or fewer if the connection ends."""
    data = b""
    while len(data) < count and (more := connection.recv(count - len(data))):
        data += more
    return data


@pytest.fixture
def fronts():
    """Makes a front for a core that is shared, and stops it after the test."""
    started = []

    def start(new_core=Answering, **options):
        front = SocketFront(new_core, **options)
        started.append(front)
        host, _, port = front.start().rpartition(":")
        return front, (host, int(port))

    yield start
    for front in started:
        front.stop()


@pytest.fixture
def port():
    """An open serial port in front of a core, and its front."""
    front = DirectFront(Answering())
    opened = serial.serial_for_url(front.start(), baudrate=9600, timeout=LONG_S)
    yield opened, front
    opened.close()
    front.stop()


@given(requests=st.lists(st.sampled_from([b"a\n", b"\n", b"slowly\n", b"bye\n"]), max_size=8))
def test_bytes_are_those_of_a_socket(requests):
    """The same bytes come back in the same order, and then the same end."""
    heard = []
    for direct in (False, True):
        front = SocketFront(Answering, direct=direct)
        host, _, port = front.start().rpartition(":")
        try:
            with connect_tcp(host, int(port), LONG_S) as connection:
                assert (type(connection) is socket.socket) is not direct
                answer = b""
                for request in [*requests, b"bye\n"]:
                    connection.sendall(request)
                    if request == b"bye\n":
                        break
                    answer += received(connection, len(request))
                while more := connection.recv(4096):
                    answer += more
                heard.append(answer)
        finally:
            front.stop()
    assert heard[0] == heard[1]


def test_only_a_direct_front_is_reached_within_the_process(fronts):
    """Other programs reach both; once stopped, a front is reached by nobody."""
    _, plain = fronts()
    front, direct = fronts(direct=True)

    assert emulated_connection(*plain) is None
    with connect_tcp(*direct, LONG_S) as own, socket.create_connection(direct) as other:
        for connection in (own, other):
            connection.sendall(b"who\n")
            assert received(connection, 4) == b"who\n"
        front.send(b"to all\n")
        assert received(own, 7) == received(other, 7) == b"to all\n"
        front.stop()
        assert own.recv(1) == b""

    assert emulated_connection(*direct) is None
    with pytest.raises(ConnectionRefusedError):
        connect_tcp(*direct, LONG_S)


def test_an_answer_waits_for_the_driver_as_on_a_socket(fronts):
    """`select` finds the answer once it is there; silence ends with the driver's own timeout."""
    _, address = fronts(direct=True)
    with connect_tcp(*address, LONG_S) as connection:
        assert not select.select([connection], [], [], 0.0)[0]
        connection.send(b"half a line")
        assert not select.select([connection], [], [], 0.0)[0]
        connection.send(b"\n")
        assert select.select([connection], [], [], 0.0)[0]
        assert received(connection, 12) == b"half a line\n"

        connection.settimeout(0.01)
        with pytest.raises(TimeoutError):
            connection.recv(1)


def test_a_long_answer_arrives_whole(fronts):
    """More bytes than a socket holds reach a driver that reads only after it has sent."""
    _, address = fronts(lambda: Answering(copies=300_000), direct=True)
    with connect_tcp(*address, LONG_S) as connection:
        connection.sendall(b"long\n")

        assert received(connection, 1_500_000) == 300_000 * b"long\n"


def test_a_closed_connection_is_forgotten(fronts):
    """What the front sends later goes to connections that are open, and to no other."""
    front, address = fronts(direct=True)
    first = connect_tcp(*address, LONG_S)
    first.close()
    with connect_tcp(*address, LONG_S) as second:
        front.send(b"x")
        assert second.recv(1) == b"x"
    with pytest.raises(OSError, match="hung up"):
        first.send(b"x")


def test_a_direct_port_is_a_serial_port(port):
    """Reads wait for what is there or comes in time; no other process has its address."""
    opened, front = port
    assert opened.port.startswith(f"emulated://{os.getpid()}/")
    assert front.baud == 9600
    opened.baudrate = 19200
    assert front.baud == 19200

    assert opened.write(b"one\ntwo\n") == 8
    assert opened.in_waiting == 8
    assert opened.readline() == b"one\n"
    opened.reset_input_buffer()
    opened.timeout = 0.01
    assert opened.read(1) == b""
    front.send(b"!")
    assert opened.read(1) == b"!"


def test_a_port_in_use_and_a_port_of_nobody_do_not_open(port):
    """Two drivers cannot share a port, and a number that nobody offers is no port."""
    opened, _ = port
    with pytest.raises(serial.SerialException, match="another driver"):
        serial.serial_for_url(opened.port)
    with pytest.raises(serial.SerialException, match="no emulated port"):
        serial.serial_for_url("emulated://0/0")


def test_a_port_that_hung_up_is_gone_until_it_is_opened_again(port):
    """As an adapter that was unplugged and plugged in."""
    opened, front = port
    opened.write(b"bye\n")
    assert opened.readline() == b"later\n"
    for use in (lambda: opened.read(1), lambda: opened.write(b"x"), lambda: opened.in_waiting):
        with pytest.raises(serial.SerialException, match="gone"):
            use()

    opened.close()
    opened.open()
    opened.write(b"again\n")
    assert opened.readline() == b"again\n"

    front.stop()
    with pytest.raises(serial.SerialException, match="gone"):
        opened.write(b"x")


def test_a_run_measures_the_same_on_both_ways_of_wiring(
    flowrig, short, summary, finished, monkeypatch
):
    """Sockets and pseudo-terminals give the digest of direct wires."""
    made = []

    def wired(*arguments, is_direct, **options):
        made.append(is_direct)
        return EmulatorContext(*arguments, **options)

    monkeypatch.setattr("flowrig.rig.simulated.EmulatorContext", wired)
    folder = short().with_name("run")
    flowrig("run", short(), "--simulate", "--seed", "1", "--out", folder)

    assert made
    assert all(made)
    assert summary(folder)["digest"] == summary(finished.folder)["digest"]
