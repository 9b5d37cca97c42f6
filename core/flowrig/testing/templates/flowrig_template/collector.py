"""Driver for Template collectors. The protocol is an example: replace it."""

from flowrig_kinds import Collector

from .instrument import LineInstrument


class TemplateCollector(LineInstrument, Collector):
    """A collector of fractions. `select` verifies the tube that the collector reports."""

    def _do_select(self, position: str) -> None:
        self._send(f"TUBE {self.number_of(position)}")

    def _do_position(self) -> str:
        return self.name_of(int(self._number("TUBE?")))
