"""Everything that moves or heats, journalled: the intent before, the outcome after."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager

from attrs import define

from flowrig.errors import (
    ConnectionLostError,
    FlowrigError,
    InputError,
    ProtocolError,
    SeveralDevicesError,
    UnknownOutcomeError,
)
from flowrig.interfaces.capabilities import Value
from flowrig.journal.events import EventData, Intent, Outcome
from flowrig.rig.rig import Rig, require_done
from flowrig.safety.syringes import Charge, SyringeLedger, Unrecorded

__all__ = ["Actuation", "EventWriter"]

UNKNOWN = (UnknownOutcomeError, ConnectionLostError, ProtocolError, SeveralDevicesError)
"""Errors after which it is not known whether a command took effect."""

EventWriter = Callable[[EventData], int]
"""Writes an event durably and returns its number."""


@define
class _Command:
    """A command that is being carried out.

    Attributes:
        number: number of its intent in the journal.
        intent: the command.
        charge: the charge for the streams that it stopped; None for other commands.
    """

    number: int
    intent: Intent
    charge: Charge | None = None

    def outcome(self, outcome: str, error: str | None = None) -> Outcome:
        charge = self.charge
        return Outcome(
            intent=self.number,
            command=self.intent.command,
            dispensed_ul=None if charge is None else charge.volumes_ul,
            estimated=None if charge is None else charge.estimated,
            drawn_ul=None if charge is None else charge.drawn_ul or None,
            taken_ul=None if charge is None else charge.taken_ul or None,
            outcome=outcome,
            error=error,
        )


class Actuation:
    """The only way to an actuator during a run. No command is ever repeated here.

    Args:
        rig: the opened rig.
        write_event: writes intents, outcomes and other events that must not be lost.
        ledger: the account of the syringes; it follows every command, and so does its `rig_state`.
    """

    def __init__(self, rig: Rig, write_event: EventWriter, ledger: SyringeLedger) -> None:
        self.rig = rig
        self.ledger = ledger
        self.write_event = write_event

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

    def start(self, streams: Iterable[str]) -> None:
        """Start streams together, each at the flow rate that was set last.

        Raises:
            InputError: a stream has no flow rate yet; nothing was sent.
        """
        rates_ul_min = {
            stream: self.rig.kept_ul_min(stream, self._set_rate_ul_min(stream))
            for stream in streams
        }
        with self._journalled(Intent(command="start", flow_rates_ul_min=rates_ul_min)):
            self.rig.start(rates_ul_min)

    def draw(self, volumes_ul: Mapping[str, float], rates_ul_min: Mapping[str, float]) -> None:
        """Let pumps draw volumes [µL] at flow rates [µL/min], by stream; each stops by itself.

        Their valves must lead to the reservoirs. `stop` counts what was drawn.
        """
        intent = Intent(command="draw", flow_rates_ul_min=rates_ul_min, volumes_ul=volumes_ul)
        with self._journalled(intent):
            self.rig.draw(volumes_ul, rates_ul_min)

    def stop(self, streams: Iterable[str], unrecorded: Unrecorded | None = None) -> None:
        """Stop streams together, then read the volumes that their pumps report.

        Streams that stopped are charged even if others did not; those are charged later.

        Args:
            streams: their names.
            unrecorded: what may have happened without an event; None if every event was written.
        """
        names = tuple(streams)
        with self._journalled(Intent(command="stop", streams=names)) as command:
            failed = self.rig.try_to_stop(names)
            stopped_s = self.rig.clock.now_s() + (unrecorded.away_s if unrecorded else 0.0)
            answers = self.rig.dispensed_if_answered([s for s in names if s not in failed])
            # A pump that has been off and on again counts from 0: that is no report of its run.
            reports_ul = {stream: volume_ul or None for stream, volume_ul in answers.items()}
            command.charge = self.ledger.charge_of(stopped_s, reports_ul, unrecorded)
            require_done(failed)

    def set_light(self, spectrometers: Iterable[str], on: bool) -> None:
        """Open or shut light sources."""
        names = tuple(spectrometers)
        with self._journalled(Intent(command="set-light", spectrometers=names, on=on)):
            self.rig.set_light(names, on)

    def set_values(self, values: Mapping[str, Value]) -> None:
        """Set devices to numbers, or turn them to positions, each verified."""
        intent = Intent(
            command="set-values",
            values={n: one for n, one in values.items() if not isinstance(one, str)} or None,
            positions={n: one for n, one in values.items() if isinstance(one, str)} or None,
        )
        with self._journalled(intent):
            self.rig.set_values(values)

    def _set_rate_ul_min(self, stream: str) -> float:
        rate = self.ledger.rig_state.stream(stream).set_rate_ul_min
        if rate is None:
            raise InputError(f"{stream} has no flow rate yet; set one before it starts")
        return rate

    @contextmanager
    def _journalled(self, intent: Intent) -> Iterator[_Command]:
        command = _Command(self.write_event(intent), intent)
        self._follow(intent)
        try:
            yield command
        except BaseException as error:
            unknown = not isinstance(error, FlowrigError) or isinstance(error, UNKNOWN)
            self._finish(command.outcome("unknown" if unknown else "failed", str(error)))
            raise
        self._finish(command.outcome("done"))

    def _finish(self, outcome: Outcome) -> None:
        self._follow(outcome)  # first, as it counts even where it cannot be written
        self.write_event(outcome)

    def _follow(self, data: EventData) -> None:
        self.ledger.follow(self.rig.clock.now_s(), data)
