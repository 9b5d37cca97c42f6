"""Driver for Template flow controllers. The protocol is an example: replace it."""

from collections.abc import Mapping

from flowrig_kinds import FlowController

from .instrument import LineInstrument


class TemplateFlowController(LineInstrument, FlowController):
    """A flow controller. `set` verifies the flow that it reports as its own."""

    def _do_set(self, value: float) -> None:
        self._send(f"SET {value:.1f}")

    def _do_send_safe_action(self) -> None:
        if self._line is None:
            self._do_open()
        self._do_set(0.0)

    def _do_setting(self) -> float:
        return self._number("SET?")

    def _do_read(self) -> Mapping[str, float]:
        return {"flow": self._number("FLOW?")}
