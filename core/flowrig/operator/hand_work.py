"""What a person works, reads and changes: the run asks before each new value, and for readings."""

import math
from collections.abc import Callable, Mapping

from flowrig.interfaces import SelectableSettings
from flowrig.interfaces.capabilities import Value
from flowrig.journal.events import HandAsked, HandDone
from flowrig.operator.hold import Answer, Hold, HoldKind
from flowrig.safety.actuation import Actuation

__all__ = ["HandWork", "volumes_to_change"]

SAME_VOLUME = 1e-6
"""Relative difference of volumes that are one and the same."""


def volumes_to_change(
    wanted_ul: Mapping[str, float], present_ul: Mapping[str, float]
) -> dict[str, float]:
    """The volumes [µL], by component, that a person has to put in.

    Args:
        wanted_ul: by component that a person changes.
        present_ul: what is in, as far as it is known.
    """
    return {
        name: volume_ul
        for name, volume_ul in wanted_ul.items()
        if not math.isclose(present_ul.get(name, -1.0), volume_ul, rel_tol=SAME_VOLUME)
    }


class HandWork:
    """Asks a person to work, to read and to change what nothing connects to the computer.

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

    def put_in(self, volumes_ul: Mapping[str, float]) -> None:
        """Have components of some volumes [µL] put into the path, where others are in it.

        What was put in stays in it, also over a resume: the journal knows.

        Raises:
            HoldExpiredError: no person answered in time.
        """
        news = volumes_to_change(volumes_ul, self._actuation.ledger.rig_state.volumes_ul)
        if not news:
            return
        asks = "; ".join(self._request(name, volume_ul) for name, volume_ul in news.items())
        works = tuple(f"{name} has {volume_ul:.4g} µL" for name, volume_ul in news.items())
        self._ask(Hold(kind=HoldKind.NEED, text=asks, works=works), (), news)
        self._rig.put_in(news)

    def _request(self, name: str, volume_ul: float) -> str:
        """What a person is asked to do, with the length of tubing, and what is hot there."""
        component = self._rig.profile.path[name]
        asks = f"{component.by_hand}: {name}, {volume_ul:.4g} µL"
        if component.inner_diameter_mm is not None:
            length_cm = 0.4 * volume_ul / (math.pi * component.inner_diameter_mm**2)
            asks += f", which are {length_cm:.4g} cm of {component.inner_diameter_mm:.4g} mm bore"
        hot = component.heater and self._actuation.ledger.rig_state.heater(component.heater)
        if hot and hot.set_point_c is not None:
            asks += f" (mind that {component.heater} is set to {hot.set_point_c:g} °C)"
        return asks

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

    def _ask(
        self,
        hold: Hold,
        devices: tuple[str, ...],
        volumes_ul: Mapping[str, float] | None = None,
    ) -> dict[str, float]:
        """Ask, and journal question and answer; returns what was read."""
        asked = HandAsked(asks=hold.text, devices=devices, reads=hold.reads, volumes_ul=volumes_ul)
        self._actuation.write_event(asked)
        if self._is_emulated(hold, devices, changes=volumes_ul is not None):
            by, readings = "simulation", self._rig.read_by_attendant() if hold.reads else {}
        else:
            answer = self._hold(hold)
            by, readings = answer.by, dict(answer.readings)
        done = HandDone(by=by, readings=readings, volumes_ul=volumes_ul)
        self._actuation.ledger.follow(self._rig.clock.now_s(), done)
        self._actuation.write_event(done)
        return readings

    def _is_emulated(self, hold: Hold, devices: tuple[str, ...], *, changes: bool) -> bool:
        entries, read = self._rig.profile.devices, (one.partition(".")[0] for one in hold.reads)
        # The path is emulated where all that acts on it is.
        asked = entries if changes else (*devices, *read)
        return all(entries[name].emulated for name in asked)

    def _shown(self, name: str, value: Value) -> str:
        """A value of a device in words, with the number of a position."""
        entry = self._rig.profile.devices[name]
        if not isinstance(value, str):
            return f"at {value:g} {entry.abilities.unit}".rstrip()
        numbers = entry.settings.positions if isinstance(entry.settings, SelectableSettings) else {}
        number = f" (position {numbers[value]})" if value in numbers else ""
        return f"at {value!r}{number}"
