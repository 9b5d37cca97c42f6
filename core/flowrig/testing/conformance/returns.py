"""The check of what a driver returns: promised types, and values that a journal can hold."""

from collections.abc import Callable, Iterator
from typing import Any

from attrs import asdict

from flowrig.errors import UnsupportedError
from flowrig.interfaces import (
    Detecting,
    Device,
    Heater,
    Pump,
    Readable,
    Selectable,
    Settable,
    Spectrometer,
)
from flowrig.journal.events import Device as Answered
from flowrig.journal.events import Opened
from flowrig.journal.format import finite
from flowrig.journal.lenient import read_event
from flowrig.testing.bench.bench import BaseBench
from flowrig.testing.conformance.checks import Level, Live, earns, require

__all__ = ["ReturnedValues"]


class ReturnedValues:
    """The check that devices of all kinds have in common; part of their suites."""

    @earns(
        Level.BRONZE,
        Live("asks for all that it can report; a pump gets its syringe and a rate first"),
    )
    def test_what_it_returns_is_what_it_promises(self, bench: Any) -> None:
        """Identity, limits, readings and frames have the promised types, and can be written."""
        outcome = bench.attempt(bench.driver.open)
        _require_sound("open", outcome)
        identity = bench.call(bench.driver.identify)
        opened = Opened(devices={"device": Answered(**asdict(identity))})
        read = read_event(Opened.KIND, finite(opened.as_json()))
        require(
            read.data == opened and not read.problems,
            f"the identity {identity} cannot be written and read again: {read.problems}; return "
            "texts from _do_identify, empty ones where the protocol has no query",
        )
        self.ready(bench)  # type: ignore[attr-defined]
        for name, query in _queries(bench):
            _require_sound(name, bench.attempt(query))


def _require_sound(name: str, outcome: object) -> None:
    is_sound = not isinstance(outcome, Exception) or isinstance(outcome, UnsupportedError)
    require(
        is_sound,
        f"{name} gave {outcome}; return the type that the interface promises, numbers that are "
        "finite, and an error where there is no value",
    )


def _queries(bench: BaseBench[Any]) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Everything that a driver of the kind can be asked for, each with its name."""
    driver: Device = bench.driver
    yield "identify", driver.identify
    if isinstance(driver, Pump | Heater | Spectrometer):
        yield "limits", lambda: driver.limits
    if isinstance(driver, Readable):
        yield "read", driver.read
    if isinstance(driver, Settable):
        yield "setting", driver.setting
    if isinstance(driver, Selectable):
        yield "position", driver.position
    if isinstance(driver, Pump):
        yield from (("status", driver.status), ("dispensed", driver.dispensed))
        yield from (("elapsed", driver.elapsed), ("read_back", driver.read_back))
    if isinstance(driver, Heater):
        yield from (("read", driver.read), ("output_power", driver.output_power))
    if isinstance(driver, Detecting):
        yield "axis", driver.axis
    if isinstance(driver, Spectrometer):
        yield "wavelengths_nm", driver.wavelengths_nm
        yield "read_back", driver.read_back
    if isinstance(driver, Detecting):
        yield "integration_time_us", driver.integration_time_us
        yield "acquire", lambda: driver.acquire(2)
