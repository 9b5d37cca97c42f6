"""The smallest honest pump driver.

The pump repeats each line that it obeys and adds what was asked for: `STATE?` is answered by
`STATE? running`, `RATE 100.000` by itself, `BORE 28.600` by itself and the fastest flow rate
[µL/min] that follows. After any other answer, or none, nobody knows what the pump did.
"""

import serial

from flowrig import errors, interfaces


class MinimalPump(interfaces.Pump):
    def _do_open(self) -> None:
        self._port = serial.serial_for_url(self.settings.address, timeout=self.settings.deadline_s)

    def _do_close(self) -> None:
        getattr(self, "_port", serial.Serial()).close()

    def _do_identify(self) -> interfaces.Identity:
        return interfaces.Identity("Minimal", self._ask("WHO?"))

    def _do_set_syringe(self, syringe: interfaces.Syringe) -> interfaces.PumpLimits:
        return interfaces.PumpLimits(0.1, float(self._ask(f"BORE {syringe.inner_diameter_mm:.3f}")))

    def _do_set_rate(self, rate_ul_min: float) -> None:
        self._ask(f"RATE {rate_ul_min:.3f}", errors.UnknownOutcomeError)

    def _do_start(self) -> None:
        self._ask("START", errors.UnknownOutcomeError)

    def _do_stop(self) -> None:
        self._ask("STOP", errors.UnknownOutcomeError)

    def _do_read_state(self) -> interfaces.PumpState:
        return interfaces.PumpState(self._ask("STATE?"))

    def _ask(self, request: str, otherwise: type = errors.ConnectionLostError) -> str:
        self._port.write(f"{request}\n".encode())
        if (reply := self._port.readline().decode().strip()).startswith(request):
            return reply.removeprefix(request).strip()
        raise self._fault(otherwise, "not acknowledged", request, reply)
