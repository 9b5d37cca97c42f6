"""A command without an answer: the device is asked, and told once more where it is safe."""

import pytest

from flowrig.clock import VirtualClock
from flowrig.errors import ConnectionLostError, RefusedError, UnknownOutcomeError
from flowrig.interfaces import Device, Identity, Selectable, SelectableSettings
from flowrig.rig.other_devices import is_at, look_at, obey


class Valve(Device, Selectable):
    """A valve with a list of what happens at each command and at each question."""

    def __init__(self, commands: str, questions: str = "") -> None:
        settings = SelectableSettings(address="a", positions={"run": 1, "fill": 2, "off": 3})
        super().__init__("valve", settings, VirtualClock())
        self.exclusive = False
        self.stands = "run"
        self.sent = 0
        self._commands, self._questions = list(commands), list(questions)

    def _do_open(self) -> None:
        pass

    def _do_close(self) -> None:
        pass

    def _do_identify(self) -> Identity:
        return Identity("Acme", "V")

    def _do_select(self, position: str) -> None:
        """`o` obeys, `l` obeys without an answer, `n` does nothing and does not answer."""
        self.sent += 1
        how = self._commands.pop(0) if self._commands else "o"
        if how in "ol":
            self.stands = position
        if how == "t":
            self.stands = "off"
        if how in "lnt":
            raise ConnectionLostError("silent", device=self.name)

    def _do_position(self) -> str:
        """`s` is silent."""
        if self._questions and self._questions.pop(0) == "s":
            raise ConnectionLostError("silent", device=self.name)
        return self.stands


def valve(commands: str, questions: str = "") -> Valve:
    """An open valve."""
    made = Valve(commands, questions)
    made.open()
    return made


@pytest.mark.parametrize(("commands", "sent"), [("o", 1), ("l", 1), ("no", 2), ("nl", 2)])
def test_a_lost_answer_is_found_out(commands: str, sent: int) -> None:
    """Done where the device shows it; sent once more where it shows its old position."""
    device = valve(commands)
    if commands.endswith("l") and sent == 2:
        with pytest.raises(UnknownOutcomeError):
            obey(device, "fill")
    else:
        obey(device, "fill")
    assert (device.stands, device.sent) == ("fill", sent)
    assert is_at(device, "fill")
    assert look_at(device).value == "fill"


@pytest.mark.parametrize(
    ("commands", "questions"),
    [("n", "asssss"), ("t", ""), ("n", "sa")],
    ids=["silent afterwards", "at a third position", "its old position was not known"],
)
def test_what_is_not_known_is_sent_no_second_time(commands: str, questions: str) -> None:
    """Silence, and a position that is neither the old one nor the new one."""
    device = valve(commands, questions)
    with pytest.raises(UnknownOutcomeError):
        obey(device, "fill")
    assert device.sent == 1


def test_a_device_that_keeps_its_position_has_refused() -> None:
    """It answers, so that nothing is unknown and nothing is repeated."""
    device = valve("x")
    with pytest.raises(RefusedError, match="reports 'run'"):
        obey(device, "fill")
    assert device.sent == 1
