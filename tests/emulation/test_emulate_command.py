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

import attrs
import pytest
from click.testing import CliRunner

from flowrig.cli import main
from flowrig.cli.instruments import emulate
from flowrig.plugins.registry import Plugins
from flowrig_ocean.emulator.variant import STS
from flowrig_ocean.settings import HdxSettings

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


@needs_serial
def test_a_fusion_is_served_in_a_dialect():
    """A dialect of a Fusion is served by its name, with two channels where it has them."""
    import serial

    words = ("chemyx", "--port", str(free_port()), "--variant", "4000-x", "--variant", "echo=false")
    with (
        emulated(*words) as (at, _),
        serial.serial_for_url(at["address"], timeout=60.0) as line,
    ):
        line.write(b"2 set units uL/min\r")
        assert line.read_until(b">") == b"units = 2 \n\r>"
        line.write(b"view parameter 1\r")
        assert b"Pump 2: \n\runit = 2 \n\r" in line.read_until(b">")


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


@needs_visa
@needs_pymodbus
@pytest.mark.parametrize("words", [(), ("--set", "modbus=127.0.0.1")])
def test_every_address_of_an_instrument_takes_a_port(words):
    """Both ports of an F4T can be chosen; a port for Modbus opens it without a setting."""
    scpi, modbus = free_port(), free_port()
    ports = ("--port", str(scpi), "--port", f"modbus={modbus}")
    with emulated("watlow-f4t", *ports, *words) as (at, _):
        assert at == {"address": f"127.0.0.1:{scpi}", "modbus": f"127.0.0.1:{modbus}"}


def test_a_setting_on_this_computer_names_its_port():
    """An address on this computer in the settings is the one that is served."""
    modbus = free_port()
    with emulated("watlow-f4t", "--set", f"modbus=127.0.0.1:{modbus}") as (at, _):
        assert at["modbus"] == f"127.0.0.1:{modbus}"


@needs_serial
def test_a_pump_is_emulated_in_a_dialect():
    """Options of a variant change what the pump sends."""
    import serial

    port = str(free_port())
    words = ("--variant", "echo=false", "--variant", r"separator=\n")
    with (
        emulated("chemyx", "--port", port, *words) as (at, _),
        serial.serial_for_url(at["address"], timeout=60.0) as line,
    ):
        line.write(b"status\r")
        assert line.read_until(b">") == b"0\n>"


def test_an_emulator_lists_its_variants():
    """The list has the named variants, and each option with its description and default."""
    result = CliRunner().invoke(main, ["emulate", "ocean-hdx", "--list-variants"])
    assert result.exit_code == 0
    for text in ("STS", "product_id=16384", "USB product id", "default: 8195", "lamp"):
        assert text in result.output


def test_options_change_a_named_variant():
    """Options on top of a name replace single values of that variant."""
    variant = emulate._variant(
        Plugins.discover(strict=False).drivers()["ocean-hdx"],
        HdxSettings(address="127.0.0.1"),
        ["STS", "lamp=silent", "integration_time_min=1 ms"],
    )
    assert variant == attrs.evolve(STS, lamp="silent", integration_time_min_us=1000)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["ocean-hdx", "--variant", "STT"], "did you mean 'STS'"),
        (["ocean-hdx", "--variant", "STS", "--variant", "HDX"], "one variant"),
        (["chemyx", "--variant", "ecko=false"], "did you mean 'echo'"),
        (["chemyx", "--variant", "echo=off"], "true or false"),
        (["watlow-f4t", "--variant", "unit=K"], 'one of "C", "F"'),
        (["chemyx", "--port", "x"], "expected a TCP port"),
        (["chemyx", "--port", "65536"], "expected a TCP port"),
        (["chemyx", "--port", "modbus=5999"], "takes no --port modbus="),
        (["watlow-f4t", "--port", "5998", "--port", "modbas=5999"], "takes no --port modbas="),
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
