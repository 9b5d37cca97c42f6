"""Driver for Template valves. The protocol is an example: replace it."""

from flowrig_kinds import Valve

from .instrument import LineInstrument


class TemplateValve(LineInstrument, Valve):
    """A selector valve. `select` verifies the position that the valve reports."""

    def _do_select(self, position: str) -> None:
        self._send(f"GO {self.number_of(position)}")

    def _do_position(self) -> str:
        return self.name_of(int(self._number("POSITION?")))
