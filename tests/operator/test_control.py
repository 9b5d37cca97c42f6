"""A run under way, reached from another process: who may ask, what it tells, and what it obeys."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flowrig.errors import FlowrigError, PauseRequested
from flowrig.operator.requests import OperatorRequests, Request
from flowrig.run.control_socket import CONTROL_NAME, ControlServer, ask_run
from flowrig.run_record.lock import locked


def said(folder: Path, line: bytes) -> dict[str, Any]:
    """What the run in a folder answers to a line."""
    port = json.loads((folder / CONTROL_NAME).read_text(encoding="utf-8"))["port"]
    with socket.create_connection(("127.0.0.1", port), timeout=60.0) as connection:
        connection.sendall(line)
        answer: dict[str, Any] = json.loads(connection.makefile("rb").readline())
        return answer


@pytest.fixture
def board(tmp_path: Path) -> Iterator[OperatorRequests]:
    """Requests of a run that another process can reach."""
    requests = OperatorRequests()
    with ControlServer(tmp_path, requests, lambda: {"state": "running"}):
        yield requests
    assert not (tmp_path / CONTROL_NAME).exists()


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"halt\n",
        b"[]\n",
        b'{"request": "halt"}\n',
        b'{"token": "", "request": "halt"}\n',
        b'{"token": "\xc3\xa9", "request": "halt"}\n',
        b"\xff\xfe\n",
        b'{"token": null, "request": "halt"}\n',
        b"[" * 50_000 + b"\n",
        b"x" * 70_000 + b"\n",
        b'{"token": ' + b"9" * 5000 + b', "request": "halt"}\n',
        b'{"token": {"a": []}, "request": ["halt"]}\n',
        b"\0\n",
    ],
    ids=range(13),
)
def test_who_lacks_the_token_is_refused(
    board: OperatorRequests, tmp_path: Path, line: bytes
) -> None:
    """No request without the secret of the run's folder is obeyed, nor answered with a status."""
    assert set(said(tmp_path, line)) == {"refused"}
    assert not board.ending


@pytest.mark.parametrize(
    "content",
    [
        "", "[]", "3", "null", "[" * 50_000, '{"port": 99999999, "token": "x"}',
        '{"port": "x", "token": "x"}', '{"port": [], "token": "x"}', '{"port": 1}',
    ],
    ids=range(9),
)  # fmt: skip
def test_a_forged_announcement_is_told(tmp_path: Path, content: str) -> None:
    """Whatever stands in the place of port and secret: one line, and nobody is asked."""
    with locked(tmp_path):
        (tmp_path / CONTROL_NAME).write_text(content, encoding="utf-8")
        with pytest.raises(FlowrigError, match="does not answer"):
            ask_run(tmp_path, "halt")


def test_the_token_opens_the_door(board: OperatorRequests, tmp_path: Path) -> None:
    """With it a request is taken, nonsense is refused in words, and the status is told."""
    token = json.loads((tmp_path / CONTROL_NAME).read_text(encoding="utf-8"))["token"]

    def ask(request: str) -> dict[str, Any]:
        return said(tmp_path, json.dumps({"token": token, "request": request}).encode() + b"\n")

    assert ask("status") == {"state": "running"}
    assert "not paused" in ask("go-on")["refused"]
    assert "expected status" in ask("explode")["refused"]
    assert "Reagents stop" in ask("pause")["text"]
    with pytest.raises(PauseRequested):
        board.obey(may_pause=True, may_skip=True)
    board.ask(Request.GO_ON)


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
@pytest.mark.usefixtures("board")
def test_only_its_owner_reads_the_token(tmp_path: Path) -> None:
    """The file with the secret is closed to group and others, whatever the umask."""
    assert (tmp_path / CONTROL_NAME).stat().st_mode & 0o777 == 0o600


def test_a_run_is_asked_paused_and_stopped_from_another_shell(
    flowrig: Any, short: Any, tmp_path: Path
) -> None:
    """Its state follows; in the end it is stopped, safe, and can be asked no more."""
    folder = tmp_path / "run"
    process = subprocess.Popen(
        [sys.executable, "-m", "flowrig", "run", short(60, 1), "--simulate", "--out", folder],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        while not (folder / CONTROL_NAME).exists():
            assert process.poll() is None
            time.sleep(0.02)
        assert "Reagents stop" in flowrig("pause", folder).stdout
        while (told := json.loads(flowrig("status", folder, "--json").stdout))["state"] != "paused":
            assert process.poll() is None
        assert set(told["flow_rates_ul_min"]) <= {"PFO"}
        assert told["hold"]["text"] == "a person paused the run"
        assert "paused: " in flowrig("status", folder).stdout
        assert "paused already" in flowrig("pause", folder, code=2).stderr
        assert "safe state" in flowrig("stop", folder).stdout
        out, _ = process.communicate(timeout=200)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 3
    assert "stop, by command line" in out
    assert "stopped: " in flowrig("status", folder).stdout
    assert "no run is under way" in flowrig("pause", folder, code=2).stderr
