"""Driver for Template flow sources. The protocol is an example: replace it."""

from collections.abc import Mapping

from flowrig_kinds import FlowSource

from .instrument import LineInstrument


class TemplateFlowSource(LineInstrument, FlowSource):
    """A pump without a syringe. `dispense` verifies the flow rate that it reports as its own."""

    def _do_dispense(self, rate_ul_min: float) -> None:
        if rate_ul_min == 0.0:  # a stop waits for no answer; the caller asks afterwards
            self._send("FLOW 0.0")
        else:
            self._command(f"FLOW {rate_ul_min:.1f}")

    def _do_send_safe_action(self) -> None:
        if self._line is None:
            self._do_open()
        self._send("FLOW 0.0")

    def _do_rate_ul_min(self) -> float:
        return self._number("FLOW?")

    def _do_total_ul(self) -> float:
        return self._number("TOTAL?")

    def _do_read(self) -> Mapping[str, float]:
        return {"pressure": self._number("PRESSURE?")}
