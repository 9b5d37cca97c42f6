"""The smallest pump driver: how small it is, and that it is a pump."""

import ast
import importlib.util
import io
import tokenize
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from patience import LONG_S

from flowrig.emulation import SocketFront
from flowrig.errors import ConnectionLostError, OutOfRangeError, UnknownOutcomeError
from flowrig.interfaces import DeviceSettings, Pump, PumpState, Syringe

SOURCE = Path(__file__).parents[2] / "examples" / "minimal_pump.py"
NOT_CODE = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
    tokenize.ENCODING, tokenize.ENDMARKER,
}  # fmt: skip
SYRINGE = Syringe(volume_ul=50_000.0, inner_diameter_mm=28.6)


class EchoingPump:
    """The other side of the line: repeats what it obeys and adds what was asked for."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.mute = False
        self._rest = b""
        self._state = "stopped"

    def feed(self, data: bytes) -> bytes:
        *lines, self._rest = (self._rest + data).split(b"\n")
        answers = [self._answer(line.decode("ascii")) for line in lines]
        return b"" if self.mute else "".join(f"{one}\n" for one in answers).encode("ascii")

    def _answer(self, line: str) -> str:
        self.lines.append(line)
        self._state = {"START": "running", "STOP": "stopped"}.get(line, self._state)
        told = {"WHO?": "echo pump", "STATE?": self._state, "BORE": "30000"}
        word = line.partition(" ")[0]
        return f"{line} {told.get(word, '')}".strip()


@pytest.fixture
def line() -> EchoingPump:
    return EchoingPump()


@pytest.fixture
def pump(line: EchoingPump) -> Iterator[Pump]:
    front = SocketFront(lambda: line)
    settings = DeviceSettings(address=f"socket://{front.start()}", deadline_s=LONG_S)
    with example().MinimalPump("pump", settings) as device:
        yield device
    front.stop()


def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("minimal_pump", SOURCE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def code_lines(source: str) -> set[int]:
    """Numbers of the lines that hold code: no blank lines, comments or docstrings."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    lines = {
        number
        for token in tokens
        if token.type not in NOT_CODE
        for number in range(token.start[0], token.end[0] + 1)
    }
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(
            node
        ):
            text = node.body[0]
            lines -= set(range(text.lineno, (text.end_lineno or text.lineno) + 1))
    return lines


def test_a_pump_driver_takes_less_than_25_lines() -> None:
    """Imports included; blank lines, comments and docstrings are not counted."""
    assert len(code_lines(SOURCE.read_text(encoding="utf-8"))) < 25


def test_it_pumps(pump: Pump, line: EchoingPump) -> None:
    """Syringe, rate, start and stop arrive as the protocol has them, and the state is asked."""
    assert pump.set_syringe(SYRINGE).rate_max_ul_min == 30_000.0
    pump.set_rate(100.0)
    pump.start()
    assert pump.status().state is PumpState.RUNNING
    pump.stop()
    assert pump.status().state is PumpState.STOPPED
    assert line.lines == [
        "WHO?", "BORE 28.600", "RATE 100.000", "START", "STATE?", "STOP", "STATE?",
    ]  # fmt: skip


def test_nothing_is_sent_outside_the_limits(pump: Pump, line: EchoingPump) -> None:
    """A rate that the pump cannot do raises before a byte is written."""
    pump.set_syringe(SYRINGE)
    before = list(line.lines)
    with pytest.raises(OutOfRangeError):
        pump.set_rate(30_001.0)
    assert line.lines == before


def test_silence_is_told(pump: Pump, line: EchoingPump) -> None:
    """A question without an answer is a lost connection, a command without one is unknown."""
    line.mute = True
    pump._port.timeout = 0.05  # nothing comes, however late
    with pytest.raises(ConnectionLostError):
        pump.status()
    with pytest.raises(UnknownOutcomeError, match="START"):
        pump.start()
    with pytest.raises(UnknownOutcomeError, match="STOP"):
        pump.stop()


def test_it_closes_twice(pump: Pump) -> None:
    """Closing is harmless when the port is closed, or was never opened."""
    pump.close()
    pump.close()
    example().MinimalPump("unopened", DeviceSettings(address="COM9")).close()
