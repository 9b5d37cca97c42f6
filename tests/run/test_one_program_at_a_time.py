"""Two programs, one rig: the second is told who has it, and nothing of the first is touched."""

import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from left_rig import Left, leave, profile_of, served

from flowrig.claims import places
from flowrig.clock import RealClock
from flowrig.errors import InputError, InUseError
from flowrig.interfaces import Identity
from flowrig.journal.journal import FILE_NAME, Journal
from flowrig.plugins.registry import Plugins
from flowrig.profile import check_profile, load_profile
from flowrig.rig.claimed import claimed, require_distinct
from flowrig.rig.rig import open_rig
from flowrig.rig.simulated import EmulatedRig
from flowrig.run.options import RunOptions
from flowrig.run.start import resume_run, start_run
from flowrig.safety import safe_state
from flowrig_ocean.emulator.emulator import HdxEmulator

HOLD = """\
import sys
from flowrig.claims import claim
for place in sys.argv[2:]:
    claim([place], "an instrument", run=sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""
Hold = Callable[..., None]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[EmulatedRig]:
    """Emulated instruments in real time."""
    with served(tmp_path) as rig:
        yield rig


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not answer is tried once more, at once."""
    monkeypatch.setattr(safe_state, "PAUSES_S", (0.0,))


@pytest.fixture
def hold(rig: EmulatedRig) -> Iterator[Hold]:
    """Another program, with the run `runs/first`, has some instruments of the rig, or all."""
    others: list[subprocess.Popen[bytes]] = []

    def start(*devices: str) -> None:
        entries = rig.profile.devices
        where = [
            place
            for name in devices or entries
            for place in places(entries[name].settings.connects_to(look=True))
        ]
        other = subprocess.Popen(
            [sys.executable, "-c", HOLD, "runs/first", *where],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )
        others.append(other)
        assert other.stdout is not None
        assert other.stdout.readline().strip() == b"held"

    yield start
    for other in others:
        other.kill()
        other.communicate()


def events(left: Left) -> int:
    """Number of events in the journal of the run."""
    with Journal(left.folder / FILE_NAME, read_only=True) as journal:
        newest = journal.last()
    return newest.sequence if newest else 0


def test_a_second_run_on_a_rig_is_refused(rig: EmulatedRig, hold: Hold, tmp_path: Path) -> None:
    """One line names the first, all its instruments, and what to do; no folder is made."""
    hold()
    profile, folder = profile_of(tmp_path, rig), tmp_path / "second"
    with pytest.raises(InputError) as caught:
        start_run(profile, RunOptions(folder=folder))
    (line,) = str(caught.value).splitlines()
    first = Path("runs/first").absolute()
    assert f"in use by the run in {first} (process" in line
    assert f"flowrig stop {first}" in line
    assert all(name in line for name in rig.profile.devices)
    assert not folder.exists()


def test_one_shared_instrument_is_enough(rig: EmulatedRig, hold: Hold, tmp_path: Path) -> None:
    """A run needs every instrument for itself."""
    hold("hdx_pl")
    with pytest.raises(InUseError, match=r"^hdx_pl: in use by the run in"):
        start_run(profile_of(tmp_path, rig), RunOptions(folder=tmp_path / "second"))


def test_safe_of_an_old_run_leaves_the_run_of_today_alone(
    flowrig: Any, rig: EmulatedRig, hold: Hold, tmp_path: Path
) -> None:
    """Exit code 2; the set point stays, and nothing is written."""
    left = leave(tmp_path, rig)
    before = events(left)
    hold()
    done = flowrig("safe", left.folder, code=2)
    assert "in use by the run in" in done.stderr
    assert left.set_point_c == 150.0
    assert events(left) == before
    with pytest.raises(InputError, match="in use by the run in"):
        resume_run(left.folder)
    assert events(left) == before


@pytest.mark.parametrize(
    ("device", "code"), [pytest.param("hdx_pl", 0, marks=pytest.mark.slow), ("pump_cui", 4)]
)
@pytest.mark.slow
def test_safe_brings_to_rest_what_nobody_uses(  # noqa: PLR0917 - fixtures
    flowrig: Any, rig: EmulatedRig, hold: Hold, tmp_path: Path, device: str, code: int
) -> None:
    """A program that has one instrument keeps no heater hot; the instrument is named."""
    left = leave(tmp_path, rig)
    hold(device)
    done = flowrig("safe", left.folder, code=code)
    assert left.set_point_c <= 20.0
    assert code == 0 or "in use by the run in" in done.stderr


@pytest.mark.parametrize(
    "words", [["check", "PROFILE", "--connect"], ["commission", "PROFILE", "--yes"]]
)
def test_every_command_that_opens_a_rig_is_refused(
    flowrig: Any, rig: EmulatedRig, hold: Hold, tmp_path: Path, words: list[str]
) -> None:
    """With exit code 2, before anything is sent."""
    hold()
    profile = profile_of(tmp_path, rig)
    done = flowrig(*(profile if word == "PROFILE" else word for word in words), code=2)
    assert "in use by the run in" in done.stderr


def test_discovery_does_not_ask_an_instrument_in_use(
    flowrig: Any, rig: EmulatedRig, hold: Hold
) -> None:
    """It lists the address, and who has it."""
    hold("plate")
    address = rig.profile.devices["plate"].settings.address
    host = address.replace("127.0.0.1", "localhost")
    done = flowrig("discover", "--host", host, "--driver", "watlow-f4t")
    assert "not asked, because it is in use by the run in" in " ".join(done.stdout.split())


def test_a_check_of_a_driver_leaves_an_instrument_in_use_alone(
    flowrig: Any, rig: EmulatedRig, hold: Hold
) -> None:
    """`flowrig plugin check --live` is refused with the name of the other."""
    hold("plate")
    address = rig.profile.devices["plate"].settings.address
    words = ("plugin", "check", "watlow", "--live", "--yes", "--address", address)
    assert "in use by the run in" in flowrig(*words, code=2).stderr
    words = ("plugin", "check", "watlow", "--live", "--yes", "--address", "192.0.2.1")
    assert "put the address" in flowrig(*words, code=2).stderr


def test_an_open_rig_keeps_its_instruments_while_one_reconnects(
    rig: EmulatedRig, tmp_path: Path
) -> None:
    """No other program slips in between; afterwards all are free."""
    profile = load_profile(profile_of(tmp_path, rig), Plugins.discover())
    with open_rig(profile, clock=RealClock(), prepare=False) as opened:
        for name in profile.devices:
            opened[name].close()
        for entry in profile.devices.values():
            assert not _is_free(entry.settings.connects_to())
    for entry in profile.devices.values():
        assert _is_free(entry.settings.connects_to())


def test_a_program_opens_a_rig_once(rig: EmulatedRig, tmp_path: Path) -> None:
    """As two cells of a notebook could; after the first is closed, the second opens."""
    profile = load_profile(profile_of(tmp_path, rig), Plugins.discover())
    clock = RealClock()
    with (
        open_rig(profile, clock=clock, prepare=False),
        pytest.raises(InUseError, match="which this program has open"),
        open_rig(profile, clock=clock, prepare=False),
    ):
        pass
    with open_rig(profile, clock=clock, prepare=False):
        pass


def _is_free(addresses: tuple[str, ...]) -> bool:
    program = "import sys; from flowrig.claims import claim; claim(sys.argv[1:], 'x')"
    command = [sys.executable, "-c", program, *places(addresses)]
    return subprocess.run(command, stderr=subprocess.PIPE, check=False).returncode == 0


def test_emulated_instruments_are_nobody_elses(rig: EmulatedRig, hold: Hold) -> None:
    """A simulated rig claims nothing: its addresses are its own."""
    hold()
    with claimed(rig.profile), open_rig(rig.profile, clock=RealClock(), prepare=False):
        pass


@pytest.mark.parametrize("target", ["cs3cu2i5-heatup-chem3", "cs3cu2i5-heatup-chem1"])
def test_a_shipped_profile_reaches_nobody(
    flowrig: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, target: str
) -> None:
    """Its addresses are placeholders; each is named before anything is opened."""

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a connection was tried")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    out = tmp_path / "run"
    for words in (["check", target, "--connect"], ["run", target, "--out", out]):
        done = flowrig(*words, code=2)
        for name in ("plate", "pump_cui", "hdx_pl"):
            assert f"devices.{name}: put the address of your instrument" in done.stderr
    assert not out.exists()


SAME = [
    ('hdx_pl', '[devices.hdx_pl]\naddress = "10.0.0.1"\n[devices.hdx_absorbance]\n'
     'address = "10.0.0.1:57357"\n'),
    ('hdx_pl', '[devices.hdx_pl]\naddress = "usb"\n[devices.hdx_absorbance]\naddress = "usb"\n'),
    ('pump_ode', '[devices.pump_cui]\naddress = "COM3"\n[devices.pump_ode]\n'
     'address = "\\\\\\\\.\\\\com3"\n'),
    ('pump_ode', '[devices.pump_cui]\naddress = "COM3"\nchannel = 1\n[devices.pump_ode]\n'
     'address = "com3"\nchannel = 1\n'),
    ('pump_ode', '[devices.pump_cui]\naddress = "COM3"\nchannel = 1\n[devices.pump_ode]\n'
     'address = "com3"\n'),
    ('plate', '[devices.plate]\naddress = "localhost:57357"\n[devices.hdx_absorbance]\n'
     'address = "127.0.0.1"\n'),
]  # fmt: skip


@pytest.mark.parametrize(("device", "tables"), SAME)
def test_two_devices_on_one_address_are_a_problem(tmp_path: Path, device: str, tables: str) -> None:
    """However the address is written: `flowrig check` names both."""
    profile = tmp_path / "same.toml"
    profile.write_text('extends = "cs3cu2i5-heatup-chem3"\n' + tables, encoding="utf-8")
    (problem,) = check_profile(profile, Plugins.discover())
    assert "has this address already" in problem.message
    assert problem.place.line > 1


def test_two_channels_of_one_pump_are_no_problem(tmp_path: Path) -> None:
    """Nor are two pumps behind two ports of one device server."""
    profile = tmp_path / "dual.toml"
    profile.write_text(
        'extends = "cs3cu2i5-heatup-chem3"\n'
        '[devices.pump_cui]\naddress = "COM3"\nchannel = 1\n'
        '[devices.pump_ode]\naddress = "com3"\nchannel = 2\n'
        '[devices.pump_pfo]\naddress = "socket://10.0.0.7:4001"\n'
        '[devices.pump_csoa]\naddress = "socket://10.0.0.7:4002"\n',
        encoding="utf-8",
    )
    assert check_profile(profile, Plugins.discover()) == []


@pytest.mark.parametrize("number", ["", "0", "0000-0000", "N/A", "unknown", None])
def test_unknown_serial_numbers_are_not_equal(
    rig: EmulatedRig, tmp_path: Path, number: Any
) -> None:
    """Most instruments do not know theirs."""
    profile = load_profile(profile_of(tmp_path, rig), Plugins.discover())
    who = Identity("Chemyx", "Fusion 6000", number)
    require_distinct(profile, {"pump_cui": who, "pump_ode": who})


def test_two_devices_with_one_serial_number_are_one_instrument(
    rig: EmulatedRig, tmp_path: Path
) -> None:
    """Two addresses can lead to one detector; the message has both, and nothing has moved."""
    profile = load_profile(profile_of(tmp_path, rig), Plugins.discover())
    who = Identity("Ocean Insight", "HDX", "HDX01234")
    with pytest.raises(InputError, match=r"devices\.hdx_absorbance and devices\.hdx_pl.*HDX01234"):
        require_distinct(profile, {"hdx_absorbance": who, "hdx_pl": who})
    require_distinct(profile, {"hdx_absorbance": who, "hdx_pl": evolve(who, model="STS")})
    for name in ("hdx_absorbance", "hdx_pl"):
        emulator = rig.emulators[name]
        assert isinstance(emulator, HdxEmulator)
        emulator.instrument._serial_number = b"HDX01234"
    with (
        pytest.raises(InputError, match="are one instrument"),
        open_rig(profile, clock=RealClock(), prepare=False),
    ):
        pass
