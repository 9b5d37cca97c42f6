"""Driver for Template switches. The protocol is an example: replace it."""

from flowrig_kinds import Switch

from .instrument import LineInstrument


class TemplateSwitch(LineInstrument, Switch):
    """A switch for light or signals. `select` verifies the channel that the switch reports."""

    def _do_select(self, position: str) -> None:
        self._send(f"CHAN {self.number_of(position)}")

    def _do_position(self) -> str:
        return self.name_of(int(self._number("CHAN?")))
