"""A kind of device that a third party adds: examples/acme-droplets, in a run, without the core."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from watched_rig import QUICK, Watched, WatchedWorld, run_watched

import flowrig as package
from flowrig.errors import NotReadyError, UnknownOutcomeError
from flowrig.journal.events import Intent, Measured, RunStarted, SafeStateSought, Tripped
from flowrig.journal.journal import FILE_NAME, Journal
from flowrig.plugins.registry import Plugins
from flowrig.profile import check_profile
from flowrig.rig.simulated import emulated
from flowrig.run.start import RunOutcome

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "acme-droplets"

RIG = (
    QUICK.format(experiments=1)
    + """
[settings]
generator = "25 Hz"

[devices.generator]
driver = "acme-droplets"
address = "COM7"
highest = "40 Hz"

[path.segmentation]
droplets = "generator"

[[interlocks]]
reading = "generator.frequency"
below = "1 Hz"
while_flowing = ["PFO"]
action = "safe"

[simulation]
world = "watched"
chemistry = "chem3"
"""
)


@pytest.fixture(scope="module")
def plugins() -> Iterator[Plugins]:
    """The example, as if it was installed, and the watched world."""
    sys.path.insert(0, str(EXAMPLE))
    try:
        import acme_droplets

        yield Plugins.discover(extra={"droplets": acme_droplets, "watched": Watched()}, strict=True)
    finally:
        sys.path.remove(str(EXAMPLE))


def run(
    folder: Path, plugins: Plugins, faults: tuple[str, ...] = (), text: str = RIG
) -> RunOutcome:
    """A run on the rig, with faults of the generator."""

    @contextmanager
    def simulator(*arguments: Any, **options: Any) -> Iterator[Any]:
        with emulated(*arguments, **options) as rig:
            for fault in faults:
                rig.emulators["generator"].inject(fault)
            yield rig

    (folder / "rig.toml").write_text(text, encoding="utf-8")
    outcome, _, _ = run_watched(folder / "rig.toml", folder / "run", plugins, simulator=simulator)
    return outcome


def test_it_is_set_read_and_made_safe(tmp_path: Path, plugins: Plugins) -> None:
    """Its setting, its readings and its safe value are those of any device."""
    assert run(tmp_path, plugins).state == "finished"
    with Journal(tmp_path / "run" / FILE_NAME, read_only=True) as journal:
        told = [e.data.values for e in journal.events(Intent) if e.data.command == "set-values"]
        measured = [event.data for event in journal.events(Measured)]
        (sought,) = [event.data for event in journal.events(SafeStateSought)]
        units = next(journal.events(RunStarted)).data.readings
    assert told == [{"generator": 25.0}, {"generator": 0.0}]
    assert [(one.readings or {})["generator.frequency"] for one in measured] == [25.0]
    assert units == {"generator.frequency": "Hz", "generator.droplets": ""}
    steps = [one.step for one in sought.steps]
    assert steps[3:5] == ["generator at 0 Hz", "flushed with ODE, PFO"]
    assert WatchedWorld.newest.body("generator").told_hz == 0.0


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("clogged at_s=30", "frequency is 0 Hz, below 1 Hz"),
        ("stuck-setting", "told 25 Hz and reports 0 Hz"),
    ],
)
def test_its_faults_end_the_run(tmp_path: Path, plugins: Plugins, fault: str, said: str) -> None:
    """An interlock on its reading, and its own refusal."""
    outcome = run(tmp_path, plugins, (fault,))
    assert outcome.state == "failed"
    assert said in outcome.reason
    with Journal(tmp_path / "run" / FILE_NAME, read_only=True) as journal:
        trips = [event.data.rule for event in journal.events(Tripped)]
        assert trips == (["reading-limit"] if "below" in said else [])
        assert all(event.data.reached for event in journal.events(SafeStateSought))


def test_one_that_is_not_open_is_made_safe(tmp_path: Path, plugins: Plugins) -> None:
    """The safe value of its kind is sent all the same; no other value is."""
    (tmp_path / "rig.toml").write_text(RIG, encoding="utf-8")
    with package.open_rig(str(tmp_path / "rig.toml"), simulate=True, plugins=plugins) as rig:
        rig.set_values({"generator": 25.0})
        assert rig.profile.devices["generator"].goes_on_alone
        rig["generator"].close()
        with pytest.raises(NotReadyError):
            rig.set_values({"generator": 10.0})
        assert WatchedWorld.newest.body("generator").told_hz == 25.0
        with pytest.raises(UnknownOutcomeError, match="told to come to rest"):
            rig.set_values({"generator": 0.0})
        assert WatchedWorld.newest.body("generator").told_hz == 0.0


VARIED = """
[[space]]
name = "rate"
is = "generator"
range = ["0.01 kHz", "30 Hz"]
"""


def test_its_number_is_a_condition(tmp_path: Path, plugins: Plugins) -> None:
    """An optimizer chooses it, in any unit of the same kind; what is chosen is what it makes."""
    text = RIG.replace("experiments = 1", "experiments = 2") + VARIED
    assert run(tmp_path, plugins, text=text).state == "finished"
    with Journal(tmp_path / "run" / FILE_NAME, read_only=True) as journal:
        measured = [event.data for event in journal.events(Measured)]
        units = next(journal.events(RunStarted)).data.units
    rates = [float(one.conditions["rate"]) for one in measured]
    assert units["rate"] == "Hz"
    assert len({*rates}) == 2
    assert all(10.0 <= rate <= 30.0 for rate in rates)
    for rate, one in zip(rates, measured, strict=True):
        assert (one.readings or {})["generator.frequency"] == pytest.approx(rate, abs=1e-3)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (('droplets = "generator"', ""), "no component of [path] names the droplets 'generator'"),
        (('generator = "25 Hz"', 'generator = "45 Hz"'), "expected 0 Hz to 40 Hz"),
        (('generator = "25 Hz"', 'generator = "25 rpm"'), "expected a frequency"),
        (("0.01 kHz", "20 Hz", "30 Hz", "50 Hz"), 'expected a range within ["0 Hz", "40 Hz"]'),
        (("0.01 kHz", "20 rpm", "30 Hz", "50 rpm"), "a range in rpm for a frequency"),
    ],
)
def test_check_knows_its_limits(
    tmp_path: Path, plugins: Plugins, change: tuple[str, ...], said: str
) -> None:
    """What the kind and the settings of the driver say is checked before anything is opened."""
    path = tmp_path / "rig.toml"
    text = RIG + VARIED
    for old, new in zip(change[::2], change[1::2], strict=True):
        text = text.replace(old, new, 1)
    path.write_text(text, encoding="utf-8")
    assert [problem for problem in check_profile(path, plugins) if said in str(problem)]


def test_the_core_names_nothing_of_it() -> None:
    """No module of the core or of a shipped plugin knows the kind."""
    for folder in ("core", "plugins"):
        for file in (ROOT / folder).rglob("*.py"):
            text = file.read_text(encoding="utf-8")
            assert "acme_droplets" not in text, file
            assert "droplets_hz" not in text, file
