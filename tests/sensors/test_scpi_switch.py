"""The SCPI switch: the conformance kit, and what it takes for a channel."""

from contextlib import contextmanager

import pytest

from flowrig.errors import ProtocolError
from flowrig.testing import KindBench
from flowrig_kinds.bodies import ValveBody
from flowrig_kinds.conformance import ValveConformance
from flowrig_sensors.switch.driver import ScpiSwitch
from flowrig_sensors.switch.emulator import ScpiSwitchEmulator
from flowrig_sensors.switch.settings import ScpiSwitchSettings

POSITIONS = {"line_1": 1, "line_2": 2}


@contextmanager
def bench(**settings):
    settings = ScpiSwitchSettings(
        address="", **{"positions": POSITIONS, "deadline_s": 0.3, **settings}
    )
    with KindBench(ScpiSwitch, ScpiSwitchEmulator, settings, body=ValveBody) as kit:
        yield kit


@pytest.mark.slow
class TestScpiSwitch(ValveConformance):
    @pytest.fixture
    def bench(self):
        with bench() as kit:
            yield kit


@pytest.mark.parametrize(
    ("turn", "query"),
    [("ROUT:CLOS (@{})", "ROUT:CLOS?"), ("CLOSE {}", "CLOSE?"), ("SW1 SET {}", "SW1 GET?")],
)
def test_it_switches_with_the_words_of_the_profile(turn, query):
    with bench(turn=turn, query=query) as kit, kit.driver as switch:
        for where in ("line_2", "line_1", "line_1", "line_2"):
            switch.select(where)
            assert kit.body.number == POSITIONS[where]
            assert switch.position() == where
        kit.body.number = 7
        assert switch.position() == "position 7"
        assert turn.replace("{}", "2").encode() + b";*OPC?\n" in kit.tap.sent


@pytest.mark.parametrize(
    ("reply", "position"),
    [
        ("2", "line_2"),
        ("(@2)", "line_2"),
        ("CHAN 2", "line_2"),
        ("+2", "line_2"),
        ("03", "position 3"),
        ("", None),
        ("(@)", None),
        ("(@1,2)", None),
        ("1.5", None),
        ("ERR", None),
        ("-1", None),
    ],
)
def test_what_names_a_channel(monkeypatch, reply, position):
    """One number, and nothing that could be two."""
    with bench() as kit, kit.driver as switch:
        monkeypatch.setattr(kit.driver, "_ask", lambda query: reply)
        if position is None:
            with pytest.raises(ProtocolError, match="names no channel"):
                switch.position()
        else:
            assert switch.position() == position


@pytest.mark.parametrize(
    ("key", "value"), [("turn", "CLOSE"), ("query", "CLOSE"), ("positions", {"a": 1, "b": 1})]
)
def test_settings_that_say_too_little_are_refused(key, value):
    with pytest.raises(ValueError, match=key if key != "positions" else "two positions"):
        ScpiSwitchSettings(address="h", **{"positions": POSITIONS, key: value})
