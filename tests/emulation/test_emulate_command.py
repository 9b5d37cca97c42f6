"""`flowrig emulate`, used by programs without flowrig: pyserial, pyvisa and pymodbus."""

import contextlib
import itertools
import os
import signal
import socket
import subprocess
import sys
import tomllib
from importlib.util import find_spec

import pytest
from click.testing import CliRunner

from flowrig.cli import main

needs_serial = pytest.mark.skipif(find_spec("serial") is None, reason="no pyserial")
needs_visa = pytest.mark.skipif(find_spec("pyvisa") is None, reason="no pyvisa")
needs_pymodbus = pytest.mark.skipif(find_spec("pymodbus") is None, reason="no pymodbus")
not_on_windows = pytest.mark.skipif(sys.platform == "win32", reason="no signals, no terminals")


@contextlib.contextmanager
def emulated(*words):
    """A process that serves an instrument; yields its addresses by key, and the process."""
    command = [sys.executable, "-m", "flowrig", "emulate", *words]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield addresses(process.stdout), process
        finally:
            process.terminate()


def addresses(lines):
    """The addresses that the process prints before the line that it answers."""
    text = "".join(itertools.takewhile(lambda line: "answers" not in line, lines))
    return tomllib.loads(text)


def free_port():
    """A port that is not in use."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


@needs_serial
def test_pyserial_talks_to_a_pump_over_tcp():
    """Plain pyserial finds a Fusion at the given port, with its fault."""
    import serial

    port = free_port()
    with emulated("chemyx", "--port", str(port), "--fault", "nack after=1 times=1") as (at, _):
        assert at == {"address": f"socket://127.0.0.1:{port}"}
        with serial.serial_for_url(at["address"], timeout=60.0) as line:
            answers = []
            for _ in range(3):
                line.write(b"status\r")
                answers.append(line.read_until(b">"))
    assert answers == [
        b"status\r\n0\r\n>",
        b"status\r\nInvalid Command!\r\n>",
        b"status\r\n0\r\n>",
    ]


@needs_serial
@not_on_windows
def test_pyserial_talks_to_a_pump_on_a_terminal_until_sigterm():
    """Without a port a serial instrument serves at a terminal; SIGTERM ends it with code 0."""
    import serial

    with emulated("chemyx-fusion", "--set", "baud=9600", "--set", "model=6000") as (at, process):
        with serial.Serial(at["address"], 9600, timeout=60.0) as line:
            line.write(b"set units 2\r")
            assert line.read_until(b">").endswith(b"units = 2\r\n>")
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(120) == 0


@needs_visa
@needs_pymodbus
def test_pyvisa_and_pymodbus_talk_to_one_controller():
    """Plain pymodbus reads the set point that plain pyvisa has set."""
    import pyvisa
    from pymodbus.client import ModbusTcpClient

    with emulated("watlow-f4t", "--set", "modbus=127.0.0.1") as (at, _):
        host, _, port = at["address"].partition(":")
        manager = pyvisa.ResourceManager("@py")
        with manager.open_resource(
            f"TCPIP0::{host}::{port}::SOCKET", read_termination="\n", write_termination="\n"
        ) as visa:
            visa.write(":SOURCE:CLOOP1:SPOINT 90")
            assert visa.query(":SOURCE:CLOOP1:SPOINT?") == "90.00"
        manager.close()
        with ModbusTcpClient(host, port=int(at["modbus"].partition(":")[2])) as client:
            words = client.read_holding_registers(2782, count=2).registers
            kind = client.DATATYPE.FLOAT32
            assert client.convert_from_registers(words, kind, word_order="little") == 90.0


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["chemix"], "did you mean 'chemyx'"),
        (["chemyx", "--set", "bod=9600"], "did you mean 'baud'"),
        (["chemyx", "--set", "baud"], "expected key=value"),
        (["chemyx", "--set", "baud=9601"], "9600"),
        (["chemyx", "--set", "channel=one"], "a whole number"),
        (["watlow-f4t", "--set", "set_point_max=300"], 'such as "120 degC"'),
        (["watlow-f4t", "--set", "idle=300 degC"], "outside the set points"),
        (["chemyx", "--fault", "stal"], "did you mean 'stall'"),
        (["ocean-hdx", "--set", "address=usb", "--port", "5999"], "takes no --port"),
    ],
)
def test_wrong_arguments_are_refused(words, message):
    """A wrong name, key, value or fault gives exit code 2 and a line that names the right one."""
    result = CliRunner().invoke(main, ["emulate", *words])
    assert result.exit_code == 2
    assert message in result.output


def test_a_port_in_use_is_refused():
    """A port that another program uses gives exit code 2."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = str(server.getsockname()[1])
        result = CliRunner().invoke(main, ["emulate", "watlow", "--port", port])
    assert result.exit_code == 2
    assert port in result.output


@pytest.mark.parametrize("name", ["chemyx", "watlow", "ocean-hdx"])
def test_the_faults_of_an_instrument_are_listed(name):
    """The list has the faults of the body, of the instrument and of the wire."""
    result = CliRunner().invoke(main, ["emulate", name, "--list-faults"])
    assert result.exit_code == 0
    assert {"power-cycle", "silent-refusal", "mute", "hang-up"} <= set(result.output.split())
