"""Driver for Template lights. The protocol is an example: replace it."""

from flowrig_kinds import Light

from .instrument import LineInstrument


class TemplateLight(LineInstrument, Light):
    """A light. `set` verifies the intensity that it reports as its own."""

    def _do_set(self, value: float) -> None:
        self._send(f"POWER {value:.1f}")

    def _do_send_safe_action(self) -> None:
        if self._line is None:
            self._do_open()
        self._do_set(0.0)

    def _do_setting(self) -> float:
        return self._number("POWER?")
