"""Devices that turn to named positions: valves, collectors and switches."""

from flowrig.interfaces import Device, Selectable, SelectableSettings

__all__ = ["Collector", "Switch", "Valve"]


class _Numbered(Device, Selectable):
    """A device whose positions have numbers, to which a profile gives names."""

    settings: SelectableSettings

    def number_of(self, position: str) -> int:
        """The number of a position of the profile."""
        return self.settings.positions[position]

    def name_of(self, number: int) -> str:
        """The name of a position, or "position NUMBER" where the profile names none there."""
        names = {number: name for name, number in self.settings.positions.items()}
        return names.get(number, f"position {number}")


class Valve(_Numbered):
    """A selector valve, an injection valve or a switch.

    A driver adds `_do_open`, `_do_close`, `_do_identify`, `_do_select` and `_do_position`; its
    settings extend `SelectableSettings`, in which a profile names the positions. A valve turns only
    while nothing flows.
    """

    settling_s = 5.0


class Collector(_Numbered):
    """A collector of fractions, whose arm goes to tubes or to a drain; it moves while liquid flows.

    A driver adds the same methods as that of a valve.
    """

    under_flow = True
    settling_s = 10.0


class Switch(_Numbered):
    """A switch outside of the flow, such as one that leads the fibre of a line to a spectrometer.

    It switches while liquid flows. A driver adds the same methods as that of a valve.
    """

    under_flow = True
    settling_s = 2.0
