"""Everything that moves or heats, journalled: the intent before, the outcome after."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager

from attrs import define

from flowrig.errors import (
    ConnectionLostError,
    FlowrigError,
    ProtocolError,
    SeveralDevicesError,
    UnknownOutcomeError,
)
from flowrig.journal.events import EventData, Intent, Outcome
from flowrig.rig.rig import Rig, require_done
from flowrig.safety.syringes import Charge, SyringeLedger

__all__ = ["Actuation", "Recorder"]

UNKNOWN = (UnknownOutcomeError, ConnectionLostError, ProtocolError, SeveralDevicesError)
"""Errors after which nobody knows whether a command had its effect."""

Recorder = Callable[[EventData], int]
"""Writes an event durably and returns its number."""


@define
class _Report:
    """What pumps reported while a command was carried out.

    Attributes:
        charge: what streams that stopped are charged; None where nothing was to be stopped.
    """

    charge: Charge | None = None


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
        with self._journalled(Intent(command="set-temperatures", set_points_c=set_points_c)):
            self.rig.set_temperatures(set_points_c)

    def heaters_off(self, heaters: Iterable[str]) -> None:
        """Stop heating."""
        names = tuple(heaters)
        with self._journalled(Intent(command="heater-off", heaters=names)):
            self.rig.heaters_off(names)

    def set_flow_rates(self, flow_rates_ul_min: Mapping[str, float]) -> None:
        """Set flow rates [µL/min] by stream, inside the profile's limits for each stream.

        Raises:
            OutOfRangeError: a pump refuses its flow rate before anything is sent to it.
        """
        intent = Intent(command="set-flow-rates", flow_rates_ul_min=flow_rates_ul_min)
        with self._journalled(intent):
            self.rig.set_flow_rates(flow_rates_ul_min)
        self._flow_rates_ul_min.update(flow_rates_ul_min)

    def start(self, streams: Iterable[str]) -> None:
        """Start streams together."""
        rates = {stream: self._flow_rates_ul_min[stream] for stream in streams}
        with self._journalled(Intent(command="start", flow_rates_ul_min=rates)):
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
        with self._journalled(Intent(command="stop", streams=names)) as report:
            failed = self.rig.try_to_stop(names)
            now_s = self.rig.clock.now_s()
            told = self.rig.dispensed_as_told([s for s in names if s not in failed])
            delivered = {stream: volume_ul or None for stream, volume_ul in told.items()}
            report.charge = self.ledger.stopped(
                now_s + away_s, delivered, unseen=unseen, doubted=doubted
            )
            require_done(failed)

    def set_light(self, spectrometers: Iterable[str], on: bool) -> None:
        """Open or shut light sources."""
        names = tuple(spectrometers)
        with self._journalled(Intent(command="set-light", spectrometers=names, on=on)):
            self.rig.set_light(names, on)

    @contextmanager
    def _journalled(self, intent: Intent) -> Iterator[_Report]:
        number, report = self.record(intent), _Report()
        try:
            yield report
        except BaseException as error:
            unknown = not isinstance(error, FlowrigError) or isinstance(error, UNKNOWN)
            self.record(
                _outcome(number, intent, report, "unknown" if unknown else "failed", str(error))
            )
            raise
        self.record(_outcome(number, intent, report, "done"))


def _outcome(
    number: int, intent: Intent, report: _Report, outcome: str, error: str | None = None
) -> Outcome:
    charge = report.charge
    return Outcome(
        intent=number,
        command=intent.command,
        dispensed_ul=None if charge is None else charge.volumes_ul,
        estimated=None if charge is None else charge.estimated,
        outcome=outcome,
        error=error,
    )
