"""The shipped drivers with the known variants of their instruments."""

from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import pytest
from fusion_time import conformance_bench

from flowrig.testing import HeaterBench, HeaterConformance, PumpConformance
from flowrig_chemyx.emulator.variant import DIALECTS
from flowrig_watlow.driver import WatlowF4T
from flowrig_watlow.emulator.controller import F4TTraits
from flowrig_watlow.emulator.emulator import WatlowEmulator
from flowrig_watlow.registers import WordOrder
from flowrig_watlow.settings import F4TSettings
from flowrig_watlow.temperature import TemperatureUnit

FAHRENHEIT = TemperatureUnit.FAHRENHEIT
TRAITS = {
    "Fahrenheit": F4TTraits(unit=FAHRENHEIT),
    "newline on write": F4TTraits(newline_on_write=True),
    "reports errors": F4TTraits(tells_errors=True),
    "Fahrenheit only, reports errors": F4TTraits(
        unit=FAHRENHEIT, knows_unit=False, tells_errors=True
    ),
    "Fahrenheit only": F4TTraits(unit=FAHRENHEIT, knows_unit=False),
    "answers in pieces": F4TTraits(reply_piece=3),
}
LINKS: dict[str, tuple[F4TTraits, dict[str, Any]]] = {
    "Modbus": (F4TTraits(), {}),
    "Modbus, control mode": (F4TTraits(reply_piece=3), {"off": "control-mode"}),
    "Modbus, Fahrenheit, high word first": (
        F4TTraits(modbus_unit=FAHRENHEIT, word_order=WordOrder.HIGH_FIRST),
        {"word_order": "high-first", "alarms": (1, 2), "limit_modules": (5,)},
    ),
}


def f4t(traits: F4TTraits, **options: Any) -> AbstractContextManager[HeaterBench]:
    settings = F4TSettings(address="127.0.0.1", deadline_s=0.3, **options)
    return HeaterBench(WatlowF4T, partial(WatlowEmulator, traits=traits), settings)


BENCHES = {
    **{
        name: (PumpConformance, partial(conformance_bench, one, 2 if one.dual else None))
        for name, one in DIALECTS.items()
    },
    "first channel": (PumpConformance, partial(conformance_bench, channel=1)),
    "second channel": (PumpConformance, partial(conformance_bench, channel=2)),
    "TCP": (PumpConformance, partial(conformance_bench, front="socket")),
    **{name: (HeaterConformance, partial(f4t, one)) for name, one in TRAITS.items()},
    **{
        name: (HeaterConformance, partial(f4t, one, modbus="127.0.0.1", **options))
        for name, (one, options) in LINKS.items()
    },
}
CHECKS = (
    "test_the_identity_is_stable",
    "test_opening_moves_nothing",
    "test_answers_are_fresh_and_dated",
    "test_the_rate_reaches_the_plunger",
    "test_a_running_pump_takes_another_rate",
    "test_stop_works_in_every_state",
    "test_the_dispensed_volume_is_true",
    "test_the_set_point_reaches_the_plate",
    "test_off_works_in_every_state",
    "test_a_late_answer_is_never_returned",
    "test_the_emulator_takes_bytes_in_any_pieces",
)
"""Checks whose result could depend on the variant."""


@pytest.mark.parametrize("name", BENCHES)
def test_a_driver_works_with_a_variant(name: str) -> None:
    """With each variant the driver executes commands, reads the state and stays synchronized."""
    suite, new_bench = BENCHES[name]
    for check in CHECKS:
        if hasattr(suite, check):
            with new_bench() as bench:
                getattr(suite(), check)(bench)
