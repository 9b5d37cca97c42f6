"""Devices that a person works and reads: the run asks before each new value, and for readings."""

from collections.abc import Callable, Mapping

from flowrig.interfaces import SelectableSettings
from flowrig.interfaces.capabilities import Value
from flowrig.journal.events import HandAsked, HandDone
from flowrig.operator.hold import Answer, Hold, HoldKind
from flowrig.safety.actuation import Actuation

__all__ = ["HandWork"]


class HandWork:
    """Asks a person to work and to read what nothing connects to the computer.

    At an emulated rig nobody can turn a handle: there the emulators do it at once.

    Args:
        actuation: the journalled actuators of the rig.
        hold: waits for the person; nothing flows meanwhile.
    """

    def __init__(self, actuation: Actuation, hold: Callable[[Hold], Answer]) -> None:
        self._actuation = actuation
        self._rig = actuation.rig
        self._hold = hold

    def before(self, values: Mapping[str, Value]) -> None:
        """Have devices brought to values by hand, where this session has not seen that done.

        Their drivers are told afterwards, as those of other devices, with the person's word that it
        is so. After a break of any kind the person is asked again: values are absolute.

        Raises:
            HoldExpiredError: no person answered in time.
        """
        devices, state = self._rig.profile.devices, self._actuation.ledger.rig_state
        news = {
            name: value
            for name, value in values.items()
            if devices[name].by_hand and value != state.device(name).told
        }
        if not news:
            return
        works = tuple(f"{name} is {self._shown(name, value)}" for name, value in news.items())
        asks = f"by hand: {', '.join(works)}"
        self._ask(Hold(kind=HoldKind.NEED, text=asks, works=works), tuple(news))

    def readings(self) -> dict[str, float]:
        """What a person reads now, by DEVICE.QUANTITY; asks nothing if there is nothing to read.

        Raises:
            HoldExpiredError: no person answered in time.
        """
        units = self._rig.profile.readings_by_hand
        if not units:
            return {}
        shown = (f"{name} [{unit}]" if unit else name for name, unit in units.items())
        asks = f"read by hand: {', '.join(shown)}"
        return self._ask(Hold(kind=HoldKind.NEED, text=asks, reads=tuple(units)), ())

    def _ask(self, hold: Hold, devices: tuple[str, ...]) -> dict[str, float]:
        """Ask, and journal question and answer; returns what was read."""
        self._actuation.write_event(HandAsked(asks=hold.text, devices=devices, reads=hold.reads))
        if self._is_emulated(hold, devices):
            by, readings = "simulation", self._rig.read_by_attendant() if hold.reads else {}
        else:
            answer = self._hold(hold)
            by, readings = answer.by, dict(answer.readings)
        self._actuation.write_event(HandDone(by=by, readings=readings))
        return readings

    def _is_emulated(self, hold: Hold, devices: tuple[str, ...]) -> bool:
        entries, read = self._rig.profile.devices, (one.partition(".")[0] for one in hold.reads)
        return all(entries[name].emulated for name in (*devices, *read))

    def _shown(self, name: str, value: Value) -> str:
        """A value of a device in words, with the number of a position."""
        entry = self._rig.profile.devices[name]
        if not isinstance(value, str):
            return f"at {value:g} {entry.abilities.unit}".rstrip()
        numbers = entry.settings.positions if isinstance(entry.settings, SelectableSettings) else {}
        number = f" (position {numbers[value]})" if value in numbers else ""
        return f"at {value!r}{number}"
