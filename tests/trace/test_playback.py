"""Playing back: what is the same passes, and what differs is shown."""

import base64
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import fixtures
import pytest
from attrs import evolve
from patience import LONG_S, patient

from flowrig.errors import InputError
from flowrig.interfaces import Identity, PumpState
from flowrig.plugins import DriverOffer, hookimpl
from flowrig.plugins.registry import Plugins
from flowrig.testing import Mute, PumpBench, SpectrometerBench, check_trace
from flowrig.testing.replay.playback import play_back
from flowrig.testing.templates.flowrig_template.pump import TemplatePump
from flowrig.testing.templates.flowrig_template.pump_emulator import TemplateEmulator
from flowrig.testing.templates.flowrig_template.settings import TemplateSettings
from flowrig.trace.file import BytesEntry, CallEntry, EndEntry, Trace, TraceHeader, read_trace
from flowrig.trace.recorder import Recording, recorded
from flowrig_ocean.driver import OceanHdx
from flowrig_ocean.emulator.emulator import HdxEmulator
from flowrig_ocean.settings import HdxSettings

TEMPLATE = "flowrig.testing.templates.flowrig_template"
Tampered = Callable[..., Path]
Line = dict[str, Any]


class Silent(TemplatePump):
    """A driver that tells nobody its bytes."""

    def _do_open(self) -> None:
        self.wire.sent = self.wire.received = lambda data: None  # type: ignore[method-assign]
        super()._do_open()


class Hasty(TemplatePump):
    """A driver that was changed: it no longer asks who answers."""

    def _do_identify(self) -> Identity:
        return Identity("Template", "TEMPLATE-1", "000001")


class Template:
    """A plugin with the pump of `flowrig plugin new`, and two that are not like it."""

    @hookimpl
    def flowrig_drivers(self) -> Sequence[DriverOffer]:
        """Three drivers, one emulator."""
        targets = {
            "template": f"{TEMPLATE}.pump:TemplatePump",
            "silent": f"{__name__}:Silent",
            "hasty": f"{__name__}:Hasty",
        }
        return [
            DriverOffer(
                kind="pump",
                name=name,
                target=target,
                settings=TemplateSettings,
                emulator=f"{TEMPLATE}.pump_emulator:TemplateEmulator",
            )
            for name, target in targets.items()
        ]


@pytest.fixture(scope="module")
def more() -> Plugins:
    """What is installed, and the template."""
    return Plugins.discover(extra={"template": Template()})


@pytest.fixture
def pump_trace(tmp_path: Path) -> Callable[..., Trace]:
    """Records a conversation with a template pump."""

    def write(
        talk: Callable[[PumpBench], object], driver: type[TemplatePump], deadline_s: float = LONG_S
    ) -> Trace:
        settings = TemplateSettings(address="", deadline_s=deadline_s)
        header = TraceHeader(
            device="pump", kind="pump", driver="template", plugin="template",
            settings={"deadline_s": deadline_s}, simulated=True,
        )  # fmt: skip
        with (
            PumpBench(driver, TemplateEmulator, settings) as bench,
            recorded({"pump": bench.driver}, {"pump": header}, Recording(tmp_path)),
        ):
            talk(bench)
        return read_trace(tmp_path / "pump.jsonl")

    return write


def run_a_pump(bench: PumpBench) -> None:
    """From the syringe to a stop."""
    pump = bench.driver
    pump.open()
    pump.set_syringe(bench.syringe)
    pump.set_rate(100.0)
    pump.start()
    bench.clock.sleep(10.0)
    assert pump.status().state is PumpState.RUNNING
    pump.dispensed()
    pump.stop()
    pump.close()


@pytest.mark.parametrize(
    "device",
    ["plate", "hdx_absorbance", "hdx_pl", "pump_cui", "pump_csoa", "pump_ode", "pump_pfo",
     "pump_zni2"],
)  # fmt: skip
def test_a_run_plays_back(run_folder: Path, plugins: Plugins, device: str) -> None:
    """Driver and emulator agree with every trace of a simulated run, to the last call."""
    trace = read_trace(run_folder / "traces" / f"{device}.jsonl")
    report = play_back(trace, plugins)
    assert (report.driver, report.emulator, report.notes) == (None, None, ())
    assert report.passed
    assert report.calls == sum(isinstance(entry, CallEntry) for entry in trace.entries)
    assert report.exchanges > 20


@pytest.mark.parametrize("name", fixtures.FIXTURES)
def test_the_fixtures_play_back(name: str, plugins: Plugins) -> None:
    """The conversations that are kept with the tests are still held in the same words."""
    report = play_back(read_trace(fixtures.DATA / f"{name}.jsonl"), plugins)
    hint = f"if this was changed on purpose: python tests/trace/fixtures.py {name}"
    assert report.passed, f"{report.driver or report.emulator}\n{hint}"


@pytest.mark.parametrize("name", fixtures.FIXTURES)
def test_the_fixtures_are_small(name: str) -> None:
    """A fixture does not weigh more than a photograph."""
    assert (fixtures.DATA / f"{name}.jsonl").stat().st_size < 60_000


def first(direction: str, part: str, change: Callable[[Line], Line]) -> Callable[[Line], Line]:
    """Changes the first line with bytes that hold a text."""
    done: list[bool] = []

    def changed(line: Line) -> Line:
        if not done and part in str(line.get(direction, "")):
            done.append(True)
            return change(line)
        return line

    return changed


def test_a_tampered_answer_is_shown(tampered: Tampered, plugins: Plugins) -> None:
    """Another temperature in an answer makes the driver return another one: time, call, values."""
    path = tampered(
        "plate", first("received", "20.00", lambda line: line | {"received": "21.50\n"})
    )
    with pytest.raises(AssertionError) as failure:
        check_trace(path, plugins)
    assert f"the driver differs from {path}: the driver returns something else" in str(
        failure.value
    )
    assert " s in read()" in str(failure.value)
    expected, got = (line for line in str(failure.value).splitlines() if "set_point_c" in line)
    assert "expected HeaterReading(" in expected
    assert "set_point_c=20.0" in expected
    assert "got      HeaterReading(" in got
    assert "set_point_c=21.5" in got


def test_a_tampered_request_is_shown(tampered: Tampered, plugins: Plugins) -> None:
    """A request that the driver does not send is shown beside the one that it does send."""
    path = tampered("pump_cui", first("sent", "set rate", lambda line: line | {"sent": "stop\r"}))
    report = play_back(read_trace(path), plugins)
    assert report.driver is not None
    assert report.driver.what == "the driver sends other bytes"
    assert report.driver.call.startswith("set_rate(")
    assert report.driver.expected == r"'stop\r'"
    assert "set rate" in report.driver.got


@pytest.mark.slow
def test_another_form_of_an_answer_is_shown(tampered: Tampered, plugins: Plugins) -> None:
    """An answer that the driver takes, and the emulator would not give, is shown with both."""
    path = tampered(
        "pump_cui",
        first(
            "received", "primerate",
            lambda line: {**line, "received": line["received"].replace("primerate", "prime")},
        ),
    )  # fmt: skip
    report = play_back(read_trace(path), plugins)
    assert report.driver is None
    assert report.emulator is not None
    assert report.emulator.what == "the emulator answers in another form"
    assert "prime = " in report.emulator.expected
    assert "primerate = " in report.emulator.got
    assert not report.passed


@pytest.mark.slow
def test_a_tampered_spectrum_is_shown(tampered: Tampered, plugins: Plugins) -> None:
    """One count of one pixel makes another digest; the form of the answer stays the same."""

    def brighten(line: Line) -> Line:
        data = bytearray(base64.b64decode(line["received"]["base64"]))
        data[1000] ^= 1
        return line | {"received": {"base64": base64.b64encode(data).decode()}}

    acquiring: list[bool] = []

    def change(line: Line) -> Line:
        acquiring.extend([True] if line.get("method") == "acquire" else [])
        whole = acquiring and isinstance(line.get("received"), dict)
        if whole and "base64" in line["received"] and len(str(line)) > 5000:
            acquiring.clear()
            return brighten(line)
        return line

    report = play_back(read_trace(tampered("hdx_pl", change)), plugins)
    assert report.driver is not None
    assert report.driver.what == "the driver returns something else than recorded"
    assert report.emulator is None


@pytest.mark.slow
def test_other_settings_are_shown(tampered: Tampered, plugins: Plugins) -> None:
    """A driver with other settings than in the trace sends other bytes; the difference is shown."""

    def change(line: Line) -> Line:
        if "settings" in line:
            line["settings"]["idle_c"] = 30.0
        return line

    report = play_back(read_trace(tampered("plate", change)), plugins)
    assert report.driver is not None
    assert report.driver.call == "off()"
    assert "20.00" in report.driver.expected
    assert "30.00" in report.driver.got


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda header: header | {"driver": "unheard-of"}, "no installed plugin offers the driver"),
        (lambda header: header | {"settings": {"voltage": 3}}, "does not accept the settings"),
        (lambda header: header | {"settings": {"loop": 9}}, "does not accept the settings"),
    ],
)
def test_what_cannot_be_played_back_is_told(
    tampered: Tampered, plugins: Plugins, change: Callable[[Line], Line], message: str
) -> None:
    """A driver that is not installed, or takes other settings, is an input error."""
    path = tampered("plate", lambda line: change(line) if "flowrig_trace" in line else line)
    with pytest.raises(InputError, match=message):
        check_trace(path, plugins)


@pytest.mark.slow
def test_a_changed_driver_is_shown(more: Plugins, pump_trace: Callable[..., Trace]) -> None:
    """A driver that leaves out a question is told what it did not send."""
    trace = pump_trace(run_a_pump, TemplatePump)
    changed = evolve(trace, header=evolve(trace.header, driver="hasty"))
    report = play_back(changed, more)
    assert report.driver is not None
    assert report.driver.what == "the driver does not send all recorded bytes"
    assert "SYNC" in report.driver.expected


def test_marks_may_differ(more: Plugins, pump_trace: Callable[..., Trace]) -> None:
    """A number that is another one each time, and that the pump repeats, is no difference."""
    trace = pump_trace(run_a_pump, TemplatePump)
    assert any(isinstance(e, BytesEntry) and b"SYNC" in e.data for e in trace.entries)
    report = play_back(trace, more)
    assert report.passed, (report.driver, report.emulator)
    assert report.calls == 8


@patient(0.4)
def test_silence_plays_back(
    more: Plugins, pump_trace: Callable[..., Trace], deadline_s: float
) -> None:
    """A question that nobody answered fails again, in the same way, and the pump is found again."""

    def talk(bench: PumpBench) -> None:
        bench.driver.open()
        with bench.tap.through(Mute()):
            bench.attempt(bench.driver.status)
        bench.driver.status()
        bench.driver.close()

    trace = pump_trace(talk, TemplatePump, deadline_s)
    assert "ConnectionLostError" in {e.raised for e in trace.entries if isinstance(e, EndEntry)}
    report = play_back(trace, more)
    assert report.passed, (report.driver, report.emulator)
    assert report.calls == 4


def test_an_abandoned_acquisition_plays_back(tmp_path: Path, plugins: Plugins) -> None:
    """An acquisition that another thread ended after some frames ends after the same again."""
    settings = HdxSettings(address="127.0.0.1", deadline_s=LONG_S)
    header = TraceHeader(
        device="hdx", kind="spectrometer", driver="ocean-hdx", plugin="", simulated=True,
        settings={"deadline_s": LONG_S},
    )  # fmt: skip
    with SpectrometerBench(OceanHdx, HdxEmulator, settings) as bench:
        hdx = bench.driver
        with recorded({"hdx": hdx}, {"hdx": header}, Recording(tmp_path)):
            hdx.open()

            def abandon() -> None:
                bench.clock.sleep(2.5)
                hdx.abandon()

            bench.attempt_together(lambda: hdx.acquire(9, interval_s=1.0), abandon)
            hdx.close()
    trace = read_trace(tmp_path / "hdx.jsonl")
    assert "NotReadyError" in {e.raised for e in trace.entries if isinstance(e, EndEntry)}
    report = play_back(trace, plugins)
    assert report.passed, (report.driver, report.emulator)


def test_a_driver_that_tells_nothing_is_told(
    more: Plugins, pump_trace: Callable[..., Trace]
) -> None:
    """A trace with calls only says which two lines the driver lacks."""
    trace = pump_trace(run_a_pump, Silent)
    with pytest.raises(InputError, match=r"self\.wire\.sent\(data\)"):
        play_back(trace, more)


def test_it_is_told_how_far_a_record_goes(more: Plugins, pump_trace: Callable[..., Trace]) -> None:
    """Late answers, stray bytes, calls at once and a record that ends in a call limit the check."""
    trace = pump_trace(run_a_pump, TemplatePump)
    ends = [n for n, entry in enumerate(trace.entries) if isinstance(entry, EndEntry)]
    before, after = trace.entries[: ends[2] + 1], trace.entries[ends[2] + 1 :]
    late = BytesEntry(1.0, "received", b"STATE stopped\n")
    call = CallEntry(1.0, 99, "status")
    for entries, note in (
        ((*before, call, late, *after), "checked up to 1.000 s: an answer that came late"),
        ((*before, late, *after), "checked up to 1.000 s: bytes outside of any call"),
        ((*before, call, *after), "two calls at once cannot be repeated"),
        ((*before, call), "the trace ends during status()"),
        (
            (*before, CallEntry(1.0, 99, "dance"), EndEntry(1.0, 99)),
            "dance() cannot be repeated: the driver has no such method",
        ),
        (
            (*before, CallEntry(1.0, 99, "stop"), EndEntry(1.0, 99, None, "ConnectionLostError")),
            "left out stop() at 1.000 s: the port did not open",
        ),
    ):
        report = play_back(evolve(trace, entries=entries), more)
        assert report.passed, (report.driver, report.emulator)
        assert any(note in one for one in report.notes), report.notes
        assert report.calls >= 3


def test_json_of_a_trace_is_plain(run_folder: Path) -> None:
    """Every line is JSON that any program reads: no NaN, no infinity."""
    for path in (run_folder / "traces").iterdir():
        for line in path.read_text(encoding="utf-8").splitlines():
            json.loads(line, parse_constant=pytest.fail)
