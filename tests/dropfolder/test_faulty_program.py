"""Drivers of a drop folder and a program that writes its files badly, late, twice or not at all."""

import threading
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from flowrig.clock import RealClock, VirtualClock
from flowrig.emulation import BenchWorld, Detector, EmulatorContext, Plate, Plunger
from flowrig.errors import (
    ConnectionLostError,
    DeviceError,
    FlowrigWarning,
    NotReadyError,
    ProtocolError,
    UnknownOutcomeError,
)
from flowrig.interfaces import PumpState, Syringe
from flowrig_dropfolder import HeaterSettings, PumpSettings, SpectrometerSettings, commands
from flowrig_dropfolder.emulator.cores import Machines
from flowrig_dropfolder.emulator.emulators import (
    HeaterEmulator,
    PumpEmulator,
    SpectrometerEmulator,
)
from flowrig_dropfolder.heater import DropFolderHeater
from flowrig_dropfolder.pump import DropFolderPump
from flowrig_dropfolder.spectrometer import DropFolderSpectrometer

SYRINGE = Syringe(volume_ul=10_000.0, inner_diameter_mm=14.567)
WAIT_S = 0.2


class Lab:
    """Two pumps, a heater and a spectrometer behind one folder, open.

    Args:
        clock: virtual or real.
        watchdog_s: of the pumps and the heater.
    """

    def __init__(self, clock: VirtualClock | RealClock, watchdog_s: float | None = None) -> None:
        self.clock = clock
        self.cui, self.ode = Plunger(clock), Plunger(clock)
        self.plate, self.detector = Plate(clock), Detector(20)
        common = {"address": "drop", "deadline_s": WAIT_S if clock.is_virtual else 5.0}
        moved = {**common, "watchdog_s": watchdog_s}
        made = {
            "cui": (PumpEmulator, PumpSettings(**moved, column="CuI"), self.cui),
            "ode": (PumpEmulator, PumpSettings(**moved, column="ODE"), self.ode),
            "plate": (HeaterEmulator, HeaterSettings(**moved), self.cui),
            "abs": (Spectra, SpectrometerSettings(**common, spectra="Abs"), self.cui),
        }
        self.emulators = {}
        for name, (emulator, settings, plunger) in made.items():
            world = BenchWorld(plunger, self.plate, self.detector)
            self.emulators[name] = emulator(EmulatorContext(name, settings, world, clock))
        served = {name: one.serve() for name, one in self.emulators.items()}
        self.folder = Path(served["cui"].address)
        self.pump = DropFolderPump("cui", served["cui"], clock)
        self.other = DropFolderPump("ode", served["ode"], clock)
        self.heater = DropFolderHeater("plate", served["plate"], clock)
        self.spectrometer = DropFolderSpectrometer("abs", served["abs"], clock)
        self.devices = (self.pump, self.other, self.heater, self.spectrometer)
        for device in self.devices:
            device.exclusive = False
            device.open()
        for pump in (self.pump, self.other):
            pump.set_syringe(SYRINGE)
            pump.set_rate(100.0)

    def close(self) -> None:
        for device in self.devices:
            device.close()
        for emulator in self.emulators.values():
            emulator.stop()

    def row(self) -> list[float]:
        """The row of FR.csv."""
        return [float(word) for word in (self.folder / "FR.csv").read_text().split(",")]


class Spectra(SpectrometerEmulator):
    """A spectrometer with few pixels."""

    @classmethod
    def num_pixels(cls, settings) -> int:
        return 20


@pytest.fixture
def lab() -> Iterator[Lab]:
    found = Lab(VirtualClock())
    yield found
    found.close()


@pytest.fixture
def watched() -> Iterator[Lab]:
    found = Lab(VirtualClock(), watchdog_s=60.0)
    yield found
    found.close()


def test_one_row_says_what_all_devices_do(lab: Lab) -> None:
    """Each row repeats what every device was told, in the published columns; its number rises."""
    lab.heater.set_temperature(150.0)
    lab.pump.start()
    lab.other.start()
    *state, first, _ = lab.row()
    assert state == [150.0, 100.0, 0.0, 0.0, 100.0, 0.0, 0.0, 0.0]
    lab.pump.stop()
    assert lab.row()[:-1] == [150.0, 0.0, 0.0, 0.0, 100.0, 0.0, 0.0, 0.0, first + 1]
    assert (lab.cui.rate_ul_min, lab.ode.rate_ul_min) == (0.0, 100.0)


def test_another_session_repeats_what_the_program_reports(lab: Lab) -> None:
    """A rig that runs goes on when another program opens the folder and moves one device."""
    lab.heater.set_temperature(150.0)
    lab.pump.start()
    for device in lab.devices:
        device.close()
    for device in lab.devices:
        device.open()
    assert lab.pump.status().state is PumpState.RUNNING
    lab.other.start()
    assert lab.row()[:5] == [150.0, 100.0, 0.0, 0.0, 100.0]


@pytest.mark.parametrize(
    ("fault", "error", "says"),
    [
        ("half-written", ConnectionLostError, "not written to its end"),
        ("missing", ConnectionLostError, "the program does not answer"),
        ("late-files", ConnectionLostError, "the program does not answer"),
        ("share-gone", ConnectionLostError, "is not there"),
    ],
)
def test_a_bad_status_is_told_and_a_good_one_works_again(
    lab: Lab, fault: str, error: type[DeviceError], says: str
) -> None:
    """A command whose answer is bad has an unknown outcome, and the reason is told."""
    lab.emulators["cui"].switch(fault)
    with pytest.raises(error, match=says):
        lab.pump.status()
    with pytest.raises(UnknownOutcomeError, match=says):
        lab.pump.start()
    lab.emulators["cui"].switch(fault, False)
    state = lab.pump.status().state  # the same device, without opening it again
    assert (state is PumpState.RUNNING) == lab.cui.moves
    lab.pump.stop()
    assert not lab.cui.moves


def test_a_command_that_failed_is_not_carried_out_by_a_later_row(lab: Lab) -> None:
    """A pump whose start did not arrive stays at rest when another device is told something."""
    lab.emulators["cui"].switch("share-gone")
    with pytest.raises(UnknownOutcomeError):
        lab.pump.start()
    with pytest.raises(UnknownOutcomeError):
        lab.heater.set_temperature(150.0)
    lab.emulators["cui"].switch("share-gone", False)
    lab.other.start()
    assert (lab.cui.starts, lab.plate.set_points_c) == (0, [])
    assert lab.row()[:5] == [20.0, 0.0, 0.0, 0.0, 100.0]


def test_a_pump_that_was_stopped_at_the_program_is_not_started_again(lab: Lab) -> None:
    """What the program reports counts for the next row, not what flowrig said earlier."""
    lab.pump.start()
    machines = lab.emulators["cui"]._program._machines
    machines._carry_out({"CuI": 0.0})
    assert lab.pump.status().state is PumpState.STOPPED
    lab.other.start()
    assert not lab.cui.moves


def test_a_stop_is_written_again_until_it_is_confirmed(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that misses the first stop reads the next one; a start is written once only."""
    monkeypatch.setattr(commands, "AGAIN_S", 0.02)
    lab.pump.start()
    lab.emulators["cui"].inject("deaf times=1")
    lab.pump.stop()
    assert not lab.cui.moves
    lab.emulators["cui"].inject("deaf times=1")
    with pytest.raises(UnknownOutcomeError):
        lab.pump.start()
    assert lab.cui.starts == 1


def test_a_pump_that_does_not_stop_is_told(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that reads a stop and reports a flow rate is asked again, and then not believed."""
    monkeypatch.setattr(commands, "AGAIN_S", 0.05)
    lab.pump.start()
    monkeypatch.setattr(Machines, "_carry_out", lambda program, values: None)
    before = lab.row()[-2]
    with pytest.raises(UnknownOutcomeError, match="and reports something else"):
        lab.pump.stop()
    assert 1 <= lab.row()[-2] - before <= 6


def test_the_watchdog_stops_the_rig_without_news(watched: Lab) -> None:
    """After a time without questions the program stops, and no old row starts it again."""
    watched.heater.set_temperature(150.0)
    watched.pump.start()
    for _ in range(20):
        watched.clock.sleep(30.0)
        assert watched.pump.status().state is PumpState.RUNNING
    watched.clock.sleep(61.0)
    watched.other.stop()  # its row repeats what flowrig knows: pump and heater at work
    assert watched.row()[:5] == [150.0, 100.0, 0.0, 0.0, 0.0]
    assert not watched.cui.moves
    assert watched.heater.read().set_point_c == 20.0
    watched.other.start()
    assert watched.row()[:5] == [20.0, 0.0, 0.0, 0.0, 100.0]
    assert (watched.cui.moves, watched.ode.moves) == (False, True)


def test_a_program_without_the_watchdog_is_refused(
    lab: Lab, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A profile that counts on the watchdog does not run with a program that has none."""
    lab.pump.close()
    lab.other._folder.members["column ODE"].watchdog_s = 30.0
    ask = Machines._ask
    monkeypatch.setattr(Machines, "_ask", lambda program, values: ask(program, [values[0], 0.0]))
    with pytest.raises(ProtocolError, match="says that it stops everything after 0 s"):
        lab.pump.open()


def test_frames_of_a_series_come_in_one_file(lab: Lab) -> None:
    """A take is one order and one file, and the frames are an interval apart."""
    lab.spectrometer.wavelengths_nm()
    began_s = lab.clock.now_s()
    frames = lab.spectrometer.acquire(4, interval_s=0.5)
    assert (frames.times_s - began_s).tolist() == [0.0, 0.5, 1.0, 1.5]
    assert frames.counts.tolist() == [lab.detector.counts(8_000).tolist()] * 4
    assert (
        len(lab.detector.exposures_us) == 5
    )  # and the frame in which the integration time changed
    assert [one.name for one in lab.folder.glob("Abs_*")] == []


@pytest.mark.parametrize(
    ("fault", "says"),
    [
        ("half-written", r"Abs_\d+.csv: it is not written to its end"),
        ("missing", "there is no such file"),
        ("late-files", "there is no such file"),
        ("share-gone", "is not there"),
    ],
)
def test_bad_files_with_frames_are_told(lab: Lab, fault: str, says: str) -> None:
    """A bad file gives an error; a file that comes late is told, and never read."""
    lab.spectrometer.wavelengths_nm()
    lab.emulators["abs"].switch(fault)
    with pytest.raises(ConnectionLostError, match=says):
        lab.spectrometer.acquire(2, interval_s=0.1)
    lab.emulators["abs"].switch(fault, False)
    lab.detector.brightness *= 1.5
    if fault == "late-files":
        with pytest.warns(FlowrigWarning, match=r"answer no open question .*: Abs_\d+.csv"):
            frames = lab.spectrometer.acquire(2, interval_s=0.1)
    else:
        frames = lab.spectrometer.acquire(2, interval_s=0.1)
    assert (frames.counts == lab.detector.counts(8_000)).all()


def test_a_copy_of_a_file_is_told_and_not_read(lab: Lab) -> None:
    """The second of two files for one take is named once."""
    lab.emulators["abs"].switch("doubled")
    with pytest.warns(FlowrigWarning, match=r"not used: Abs_\d+ - Copy.csv"):
        frames = lab.spectrometer.acquire(2, interval_s=0.1)
    assert len(frames.counts) == 2


def test_pumps_that_start_together_share_a_row(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    """In real time the program never sees a row in which one pump runs and the other not yet."""
    both = threading.Barrier(2)
    monkeypatch.setattr(commands, "GATHER_S", -1.0)
    monkeypatch.setattr(
        commands.time, "sleep", lambda wait_s: both.wait(20.0) if wait_s < 0.0 else None
    )
    monkeypatch.setattr(VirtualClock, "is_virtual", False)
    before = lab.other._folder._row
    threads = [threading.Thread(target=pump.start) for pump in (lab.pump, lab.other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20.0)
    assert lab.other._folder._row == before + 1
    assert (lab.cui.rate_ul_min, lab.ode.rate_ul_min) == (100.0, 100.0)


def test_the_file_of_an_abandoned_series_is_no_surprise(lab: Lab) -> None:
    """Who abandons frames does not want their file, and the next series is a sound one."""
    lab.spectrometer.wavelengths_nm()
    wait_until = lab.spectrometer._wait_until

    def give_up(time_s: float) -> None:
        lab.spectrometer.abandon()
        wait_until(time_s)

    lab.spectrometer._wait_until = give_up
    with pytest.raises(NotReadyError, match="abandoned"):
        lab.spectrometer.acquire(2, interval_s=0.1)
    del lab.spectrometer._wait_until
    lab.clock.sleep(1.0)
    lab.spectrometer._share.look()
    assert [one.name for one in lab.folder.glob("Abs_*")] != []
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        lab.spectrometer.acquire(2, interval_s=0.1)
    assert lab.spectrometer._told == set()


def test_the_program_works_in_real_time_in_a_thread() -> None:
    """On the real clock the program polls its folder, and pumps that start together share a row."""
    lab = Lab(RealClock())
    try:
        lab.heater.set_temperature(60.0)
        lab.pump.start()
        assert lab.cui.moves
        lab.pump.stop()
        assert not lab.cui.moves
        with ThreadPoolExecutor(2) as threads:  # an order never replaces one that was not read yet
            who = threads.map(lambda _: lab.spectrometer.identify(), range(3))
            frames = lab.spectrometer.acquire(3, interval_s=0.05)
            assert {*who} == {lab.spectrometer.identify()}
        assert (frames.counts == lab.detector.counts(8_000)).all()
    finally:
        lab.close()
