"""`flowrig watch`: what it needs, and where it does not listen."""

import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest
from click.testing import Result
from shown_run import under_way

from flowrig.cli.runs.watch import OpensPage
from flowrig.errors import InputError
from flowrig.interfaces.live import ViewOptions
from flowrig.plugins import offers
from flowrig_watch.door import Access
from flowrig_watch.serve import WebView, _names


def test_without_the_extra_it_says_what_to_install(
    tmp_path: Path, flowrig: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offers, "_is_installed", lambda package: package != "starlette")
    done = flowrig("watch", tmp_path, code=2)
    assert "pip install 'flowrig[web]'" in done.output


@pytest.mark.parametrize("address", ["192.0.2.7", "0.0.0.0", "::", "rig.example"])
def test_it_does_not_listen_elsewhere_without_tls(
    tmp_path: Path, flowrig: Callable[..., Result], address: str
) -> None:
    done = flowrig("watch", tmp_path, "--bind", address, code=2)
    assert "--certificate" in done.output
    assert "--without-tls" in done.output


def test_by_default_only_this_computer_is_asked_for() -> None:
    names = _names(ViewOptions())
    assert set(names) == {"127.0.0.1", "localhost", "::1"}
    assert Access.at(names, 8765, tls=False).hosts == {
        "127.0.0.1:8765",
        "localhost:8765",
        "[::1]:8765",
    }


def test_an_address_for_everyone_needs_a_name() -> None:
    with pytest.raises(InputError, match="--host"):
        _names(ViewOptions(bind="0.0.0.0"))
    assert _names(ViewOptions(bind="0.0.0.0", hosts=("rig.example",)))[0] == "rig.example"
    assert _names(ViewOptions(bind="192.0.2.7", hosts=("rig",))) == ("rig", "192.0.2.7")


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    import socket

    with socket.socket() as other, under_way(tmp_path / "run"):
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(InputError, match=f"port {port}"):
            WebView().serve(tmp_path, ViewOptions(port=port), print)


def test_the_base_install_imports_no_server() -> None:
    words = "import sys, flowrig.cli, flowrig_watch\nfrom flowrig.plugins.registry import Plugins\n"
    words += "offer = Plugins.discover().offer('view', 'web')\n"
    words += "assert not {'starlette', 'uvicorn'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", words], check=True, timeout=120)


def test_speed_is_for_emulated_rigs(flowrig: Callable[..., Result], tmp_path: Path) -> None:
    words = ("run", "cs3cu2i5-heatup-chem3", "--speed", "60", "--out", tmp_path / "run")
    done = flowrig(*words, code=2)
    assert "--simulate" in done.output
    assert not (tmp_path / "run").exists()


def test_watching_a_run_without_the_extra_starts_none(
    tmp_path: Path, flowrig: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offers, "_is_installed", lambda package: package != "uvicorn")
    done = flowrig("demo", "--watch", "--out", tmp_path / "run", code=2)
    assert "pip install 'flowrig[web]'" in done.output
    assert not (tmp_path / "run").exists()


def test_the_page_of_a_run_opens_with_its_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once, when the run begins; what the page prints is said in the terminal of the run."""
    started: list[list[object]] = []
    said: list[str] = []
    done = threading.Event()

    class Page:
        stdout: ClassVar = ["shown at http://…\n"]

        def __init__(self, words: list[object], **_: object) -> None:
            started.append(words)

    def say(text: str) -> None:
        said.append(text)
        done.set()

    monkeypatch.setattr(subprocess, "Popen", Page)
    opens = OpensPage(tmp_path / "run", say)
    with under_way(tmp_path / "run") as journal:
        for event in journal.events():
            opens(event)
    assert done.wait(60.0)
    assert said == ["shown at http://…"]
    assert [words[3:] for words in started] == [
        ["watch", str(tmp_path / "run"), "--open", "--leaves"]
    ]
