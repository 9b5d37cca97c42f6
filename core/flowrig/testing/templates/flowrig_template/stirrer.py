"""Driver for Template stirrers. The protocol is an example: replace it."""

from collections.abc import Mapping

from flowrig_kinds import Stirrer

from .instrument import LineInstrument


class TemplateStirrer(LineInstrument, Stirrer):
    """A stirrer. `set` verifies the speed that the stirrer reports as its own."""

    def _do_set(self, value: float) -> None:
        self._send(f"SPEED {value:.1f}")

    def _do_send_safe_action(self) -> None:
        if self._line is None:
            self._do_open()
        self._do_set(0.0)

    def _do_setting(self) -> float:
        return self._number("SPEED?")

    def _do_read(self) -> Mapping[str, float]:
        return {"speed": self._number("TURNS?")}
