"""One program of a computer has an instrument, as long as it lives and no longer."""

import gc
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowrig.claims import claim
from flowrig.claims.claim import FOLDER_VARIABLE, _file_name, _folder
from flowrig.errors import FlowrigWarning, InUseError
from flowrig.interfaces import Device, DeviceSettings, Identity

HOLD = """\
import sys
from flowrig.claims import claim
claim([sys.argv[1]], "plate", run=sys.argv[2])
print("held", flush=True)
sys.stdin.read()
"""


class Silent(Device):
    """A driver that counts what it is asked."""

    def __init__(self, settings: DeviceSettings, *, fails: bool = False) -> None:
        super().__init__("plate", settings)
        self.settings = settings
        self.calls = 0
        self.fails = fails

    def _do_open(self) -> None:
        self.calls += 1
        if self.fails:
            raise KeyError("colour")

    def _do_close(self) -> None:
        self.calls += 1

    def _do_identify(self) -> Identity:
        return Identity("ACME", "Silent")


class Other:
    """Another program, which has a place."""

    def __init__(self, place: str, run: str = "") -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLD, place, run],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        assert self.process.stdout is not None
        assert self.process.stdout.readline().strip() == b"held"

    def end(self) -> None:
        self.process.communicate(b"")

    def kill(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def other() -> Iterator[Other]:
    """Another program has the place "here"."""
    program = Other("here", "runs/first")
    yield program
    program.kill()


def test_the_program_that_has_an_instrument_is_named(other: Other) -> None:
    """With its run, process and time, and what to do."""
    with pytest.raises(InUseError) as caught:
        claim(["somewhere", "here"], "plate at 10.0.0.7")
    text = str(caught.value)
    run = Path("runs/first").absolute()
    assert text.startswith(f"plate at 10.0.0.7: in use by the run in {run} (process ")
    assert f"process {other.process.pid}, since 2" in text
    assert f"flowrig stop {run}" in text
    claim(["somewhere"], "pump").release()  # nothing is kept of a claim that failed


@pytest.mark.parametrize("way", ["end", "kill"])
def test_a_claim_ends_with_its_program(other: Other, way: str) -> None:
    """In whatever way it ends; kill -9 leaves nothing behind that keeps the next one out."""
    getattr(other, way)()
    claim(["here"], "plate").release()
    assert not (_folder() / _file_name("here")).exists()


def test_a_program_that_is_about_to_end_is_waited_for(other: Other) -> None:
    """The watchdog of a run that has just died gets the instruments."""
    other.process.terminate()
    claim(["here"], "plate", patience_s=60.0).release()


def test_one_process_can_claim_a_place_twice() -> None:
    """It is free when both claims are given back; giving back twice does no harm."""
    first, second = claim(["twice"], "a"), claim(["twice"], "b")
    first.release()
    first.release()
    assert (_folder() / _file_name("twice")).exists()
    with pytest.raises(subprocess.CalledProcessError):
        _in_another_process("twice")
    second.release()
    _in_another_process("twice")


def _in_another_process(place: str) -> None:
    program = f"from flowrig.claims import claim; claim([{place!r}], 'x')"
    subprocess.run([sys.executable, "-c", program], check=True, stderr=subprocess.PIPE)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="POSIX processes")
def test_a_forked_process_has_no_claim_of_its_parent() -> None:
    """And it does not keep the place when its parent has given it back."""
    held = claim(["forked"], "a")
    child = os.fork()
    if child == 0:
        try:
            claim(["forked"], "b")
        except InUseError:
            os._exit(7)
        os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    held.release()
    _in_another_process("forked")


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe", b"[1]", b'{"process": "x"}', b'{"process": 1}', b"{" * 20_000, b"[" * 9_000,
     json.dumps({"process": 1, "program": "\x1b[2J" * 999, "run": "", "since": 5}).encode()],
)  # fmt: skip
def test_whatever_is_in_the_file_the_message_is_one_line(other: Other, content: bytes) -> None:
    """Another user's program may have written it."""
    (_folder() / _file_name("here")).write_bytes(content)
    with pytest.raises(InUseError) as caught:
        claim(["here"], "plate")
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 1000


def test_without_a_folder_for_locks_it_goes_on_with_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk keeps nobody from switching the heat off."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    monkeypatch.setenv(FOLDER_VARIABLE, str(tmp_path / "file" / "claims"))
    with pytest.warns(FlowrigWarning, match="plate at 10"):
        claim(["nowhere"], "plate at 10.0.0.7").release()


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX links")
def test_a_link_in_the_place_of_a_lock_file_is_not_followed(tmp_path: Path) -> None:
    """Another user could have it lead to a file of this one."""
    mine = tmp_path / "mine"
    mine.write_text("precious", encoding="utf-8")
    (_folder() / _file_name("linked")).symlink_to(mine)
    with pytest.warns(FlowrigWarning):
        claim(["linked"], "plate").release()
    assert mine.read_text(encoding="utf-8") == "precious"
    (_folder() / _file_name("linked")).unlink()


def test_every_device_claims_its_instrument(other: Other) -> None:
    """Of a third party too, and without a rig: nothing is sent, and a closed one gives it back."""
    device = Silent(DeviceSettings(address="here"))
    assert device.settings.connects_to() == ("here",)
    other.end()
    gone = Other("host here")
    with pytest.raises(InUseError, match="plate at here: in use by"):
        device.open()
    assert not device.calls
    gone.end()
    assert device.open() == Identity("ACME", "Silent")
    assert (_folder() / _file_name("host here")).exists()
    device.close()
    assert not (_folder() / _file_name("host here")).exists()
    device.open()
    del device
    gc.collect()
    assert not (_folder() / _file_name("host here")).exists()


def test_a_device_that_does_not_open_gives_its_instrument_back() -> None:
    """Whatever its driver raises."""
    device = Silent(DeviceSettings(address="shut"), fails=True)
    with pytest.raises(KeyError):
        device.open()
    assert not (_folder() / _file_name("host shut")).exists()
