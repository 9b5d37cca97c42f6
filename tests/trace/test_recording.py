"""Recording: it is complete, it leaves the driver as it was, and it never breaks a run."""

import errno
import json
from pathlib import Path

import pytest
from attrs import evolve

from flowrig import open_rig
from flowrig.journal.events import Measured, Notice
from flowrig.journal.journal import AnyEvent, Journal
from flowrig.operator.requests import OperatorRequests, Request
from flowrig.plugins.registry import Plugins
from flowrig.run.options import ResumeOptions, RunOptions
from flowrig.run.start import resume_run, start_run
from flowrig.testing.templates.flowrig_template.pump import TemplatePump
from flowrig.testing.templates.flowrig_template.settings import TemplateSettings
from flowrig.trace.file import BytesEntry, CallEntry, EndEntry, TraceHeader, TraceWriter, read_trace
from flowrig.trace.recorder import Recording, recorded

PROFILE = "cs3cu2i5-heatup-chem3"


def test_every_device_of_a_run_has_a_trace(run_folder: Path) -> None:
    """Each has its device's name, says what it is of, begins with open and ends with close."""
    paths = sorted((run_folder / "traces").iterdir())
    assert [path.stem for path in paths] == [
        "hdx_absorbance", "hdx_pl", "plate", "pump_csoa", "pump_cui", "pump_ode", "pump_pfo",
        "pump_zni2",
    ]  # fmt: skip
    for path in paths:
        trace = read_trace(path)
        calls = [entry.method for entry in trace.entries if isinstance(entry, CallEntry)]
        assert trace.header.device == path.stem
        assert "address" not in trace.header.settings
        assert trace.header.simulated
        assert (calls[0], calls[-1]) == ("open", "close")
        assert not trace.cut


@pytest.mark.slow
def test_the_same_seed_gives_the_same_traces(
    run_folder: Path, tmp_path: Path, plugins: Plugins
) -> None:
    """A second run with the same seed is recorded byte for byte the same, recorded or not."""
    profile = run_folder.parent / "short.toml"
    start_run(
        profile,
        RunOptions(folder=tmp_path / "again", simulate=True, record_traces=True, plugins=plugins),
    )
    start_run(profile, RunOptions(folder=tmp_path / "bare", simulate=True, plugins=plugins))
    for path in (run_folder / "traces").iterdir():
        again = tmp_path / "again" / "traces" / path.name
        assert again.read_bytes() == path.read_bytes()
    assert not (tmp_path / "bare" / "traces").exists()
    with (
        Journal(run_folder / "journal.sqlite", read_only=True) as recorded,
        Journal(tmp_path / "bare" / "journal.sqlite", read_only=True) as bare,
    ):
        assert recorded.digest() == bare.digest()


@pytest.mark.slow
def test_a_resumed_run_keeps_both_traces(
    run_folder: Path, tmp_path: Path, plugins: Plugins
) -> None:
    """What goes on is recorded in files with numbers; those before are left as they are."""
    profile, folder = run_folder.parent / "short.toml", tmp_path / "run"
    requests = OperatorRequests()

    def stop(event: AnyEvent) -> None:
        if isinstance(event.data, Measured):
            requests.ask(Request.STOP)

    options = RunOptions(folder=folder, simulate=True, record_traces=True, plugins=plugins)
    start_run(profile, evolve(options, requests=requests, listeners=[stop]))
    before = (folder / "traces" / "plate.jsonl").read_bytes()
    resume_run(folder, ResumeOptions(record_traces=True, plugins=plugins))
    assert (folder / "traces" / "plate.jsonl").read_bytes() == before
    assert read_trace(folder / "traces" / "plate-2.jsonl").header.device == "plate"


def test_calls_and_bytes_are_in_order(tmp_path: Path, plugins: Plugins) -> None:
    """A call, what it sent and received, and what it returned follow each other; errors too."""
    with open_rig(PROFILE, simulate=True, traces=Recording(tmp_path), plugins=plugins) as rig:
        plate = rig.heater("plate")
        plate.set_temperature(80.0)
        with pytest.raises(ValueError, match="outside"):
            plate.set_temperature(999.0)
    entries = read_trace(tmp_path / "plate.jsonl").entries
    begin = next(
        index for index, entry in enumerate(entries)
        if isinstance(entry, CallEntry) and entry.method == "set_temperature"
    )  # fmt: skip
    assert entries[begin].args == [80.0]
    end = next(i for i in range(begin, len(entries)) if isinstance(entries[i], EndEntry))
    inside = entries[begin + 1 : end]
    assert all(isinstance(entry, BytesEntry) and entry.channel == "scpi" for entry in inside)
    assert any("80.00" in entry.data.decode() for entry in inside)
    refused, told = entries[end + 1 : end + 3]
    assert refused.args == [999.0]
    assert (told.raised, told.returned) == ("OutOfRangeError", None)


def test_the_driver_is_left_as_it_was(tmp_path: Path, plugins: Plugins) -> None:
    """After recording nobody listens, and the methods are the driver's own."""
    with open_rig(PROFILE, simulate=True, traces=Recording(tmp_path), plugins=plugins) as rig:
        plate = rig.heater("plate")
        assert plate.wire.listener is not None
    assert plate.wire.listener is None
    assert "read" not in vars(plate)


def test_names_of_devices_are_no_paths(tmp_path: Path) -> None:
    """A device whose name looks like a path gets a file within the folder, with its true name."""
    name, folder = "../pump", tmp_path / "traces"
    header = TraceHeader(
        device=name, kind="pump", driver="template", plugin="", settings={}, simulated=False
    )
    pump = TemplatePump(name, TemplateSettings(address="nowhere"))
    with recorded({name: pump}, {name: header}, Recording(folder)):
        pump.close()
    (path,) = tmp_path.rglob("*.jsonl")
    assert path.parent == folder
    assert read_trace(path).header.device == name


@pytest.mark.slow
def test_a_full_disk_ends_the_recording_only(
    run_folder: Path, tmp_path: Path, plugins: Plugins, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The run finishes with the same measurements, and the journal has one notice."""
    append, room = TraceWriter.append, [200]

    def fill(writer: TraceWriter, entry: object) -> None:
        room[0] -= 1
        if room[0] < 0:
            raise OSError(errno.ENOSPC, "no space left on device")
        append(writer, entry)

    monkeypatch.setattr(TraceWriter, "append", fill)
    profile, folder = run_folder.parent / "short.toml", tmp_path / "run"
    outcome = start_run(
        profile, RunOptions(folder=folder, simulate=True, record_traces=True, plugins=plugins)
    )
    assert outcome.state == "finished"
    with (
        Journal(folder / "journal.sqlite", read_only=True) as journal,
        Journal(run_folder / "journal.sqlite", read_only=True) as recorded,
    ):
        notices = [event.data.text for event in journal.events(Notice)]
        measured = [[event.data for event in one.events(Measured)] for one in (journal, recorded)]
    assert len(notices) == 1
    assert "the recording of traces has ended" in notices[0]
    assert "no space left" in notices[0]
    assert measured[0] == measured[1]


def test_a_folder_that_cannot_be_made_is_told_once(tmp_path: Path, plugins: Plugins) -> None:
    """The rig opens and works; there is one notice and no trace."""
    in_the_way, notices = tmp_path / "traces", []
    in_the_way.write_text("a file", encoding="utf-8")
    record = Recording(in_the_way, notices.append)
    with open_rig(PROFILE, simulate=True, traces=record, plugins=plugins) as rig:
        assert rig.heater("plate").read().temperature_c > 0
    assert len(notices) == 1


def test_lines_are_there_at_once(tmp_path: Path, plugins: Plugins) -> None:
    """What a call did can be read while the rig is still open."""
    with open_rig(PROFILE, simulate=True, traces=Recording(tmp_path), plugins=plugins) as rig:
        rig.heater("plate").read()
        last = (tmp_path / "plate.jsonl").read_text(encoding="utf-8").splitlines()[-1]
        assert "temperature_c" in json.loads(last)["returned"]
