"""Driver for Template stages. The protocol is an example: replace it."""

from flowrig_kinds import Stage

from .instrument import LineInstrument


class TemplateStage(LineInstrument, Stage):
    """A stage. `set` verifies the place that it reports as its own."""

    def _do_set(self, value: float) -> None:
        self._send(f"GO {value:.1f}")

    def _do_setting(self) -> float:
        return self._number("GO?")
