"""Everything that moves or heats, journalled: the intent before, the outcome after."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from flowrig.errors import (
    ConnectionLostError,
    FlowrigError,
    ProtocolError,
    SeveralDevicesError,
    UnknownOutcomeError,
)
from flowrig.rig.rig import Rig, require_done
from flowrig.safety.syringes import SyringeLedger

__all__ = ["Actuation", "Recorder"]

UNKNOWN = (UnknownOutcomeError, ConnectionLostError, ProtocolError, SeveralDevicesError)
"""Errors after which nobody knows whether a command had its effect."""

Recorder = Callable[[str, Mapping[str, Any]], int]
"""Writes an event of a kind with its data durably and returns its number."""


class Actuation:
    """The only way to an actuator during a run. No command is ever repeated here.

    Args:
        rig: the opened rig.
        record: writes intents and outcomes to the journal, and whatever else must not be lost.
        ledger: keeps account of the syringes.
    """

    def __init__(self, rig: Rig, record: Recorder, ledger: SyringeLedger) -> None:
        self.rig = rig
        self.ledger = ledger
        self.record = record
        self._flow_rates_ul_min: dict[str, float] = {}

    def set_temperatures(self, set_points_c: Mapping[str, float]) -> None:
        """Set set points [°C] by heater."""
        with self._journalled("set-temperatures", {"set_points_c": set_points_c}):
            self.rig.set_temperatures(set_points_c)

    def heaters_off(self, heaters: Iterable[str]) -> None:
        """Stop heating."""
        names = tuple(heaters)
        with self._journalled("heater-off", {"heaters": names}):
            self.rig.heaters_off(names)

    def set_flow_rates(self, flow_rates_ul_min: Mapping[str, float]) -> None:
        """Set flow rates [µL/min] by stream, inside the profile's limits for each stream.

        Raises:
            OutOfRangeError: a pump refuses its flow rate before anything is sent to it.
        """
        with self._journalled("set-flow-rates", {"flow_rates_ul_min": flow_rates_ul_min}):
            self.rig.set_flow_rates(flow_rates_ul_min)
        self._flow_rates_ul_min.update(flow_rates_ul_min)

    def start(self, streams: Iterable[str]) -> None:
        """Start streams together."""
        rates = {stream: self._flow_rates_ul_min[stream] for stream in streams}
        with self._journalled("start", {"flow_rates_ul_min": rates}):
            self.ledger.started(self.rig.clock.now_s(), rates)
            self.rig.start(rates)
            self.ledger.confirmed(rates)

    def stop(
        self,
        streams: Iterable[str],
        *,
        unseen: bool = False,
        away_s: float = 0.0,
        doubted: Collection[str] = (),
    ) -> None:
        """Stop streams together, then ask what they delivered.

        Streams whose pump did not stop are charged later; those that did are charged now.

        Args:
            streams: their names.
            unseen: charge also what pumps delivered that the journal knows nothing of.
            away_s: how much longer [s] than the rig's clock knows of they may have flowed; for
                those whose pump does not report.
            doubted: those that nobody told the journal to have stopped, and whose pump stands.
        """
        names = tuple(streams)
        with self._journalled("stop", {"streams": names}) as outcome:
            failed = self.rig.try_to_stop(names)
            now_s = self.rig.clock.now_s()
            told = self.rig.dispensed_as_told([s for s in names if s not in failed])
            delivered = {stream: volume_ul or None for stream, volume_ul in told.items()}
            charge = self.ledger.stopped(now_s + away_s, delivered, unseen=unseen, doubted=doubted)
            outcome |= {"dispensed_ul": charge.volumes_ul, "estimated": charge.estimated}
            require_done(failed)

    def set_light(self, spectrometers: Iterable[str], on: bool) -> None:
        """Open or shut light sources."""
        names = tuple(spectrometers)
        with self._journalled("set-light", {"spectrometers": names, "on": on}):
            self.rig.set_light(names, on)

    @contextmanager
    def _journalled(self, command: str, data: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        intent = self.record("intent", {"command": command, **data})
        outcome: dict[str, Any] = {"intent": intent, "command": command}
        try:
            yield outcome
        except BaseException as error:
            unknown = not isinstance(error, FlowrigError) or isinstance(error, UNKNOWN)
            outcome |= {"outcome": "unknown" if unknown else "failed", "error": str(error)}
            self.record("outcome", outcome)
            raise
        outcome["outcome"] = "done"
        self.record("outcome", outcome)
