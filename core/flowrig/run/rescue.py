"""Brings a rig to its safe state of which a program that ended, or a failed start, left an unknown
state: whatever answers is made safe first, and what does not is tried again."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from attrs import asdict, frozen

from flowrig.clock import Clock
from flowrig.errors import DeviceError, FlowrigError
from flowrig.interfaces import Quality
from flowrig.journal.check import Examined
from flowrig.journal.events import EventData, Notice, SafeStateSought, SafeStateStep
from flowrig.journal.journal import FILE_NAME, Journal, Listener
from flowrig.measurement.light_check import LightReferences
from flowrig.profile import Profile, SafeStep
from flowrig.rig.device_threads import DeviceThreads
from flowrig.rig.other_devices import is_at
from flowrig.rig.rig import Rig
from flowrig.run.after_a_crash import stop_all
from flowrig.safety.actuation import Actuation
from flowrig.safety.cooling import HOT_C
from flowrig.safety.flush import MOVING
from flowrig.safety.safe_state import SafeState, SafeStateSequence, StepOutcome, perhaps_stuck
from flowrig.safety.syringes import SyringeLedger

__all__ = ["LeftRig", "Rescue", "RescueJournal", "event_of"]

MARGIN_C = 5.0
"""A set point [°C] this much above what a heater reads heats."""


@frozen(kw_only=True)
class LeftRig:
    """A rig whose state is not known.

    Attributes:
        profile: profile of the rig, with the addresses at which it is found.
        ledger: ledger of its syringes.
        references: dark and lamp reference by spectrometer.
        is_unseen: whether pumps may have delivered volumes that the journal does not hold.
        away_s: time [s], beyond that of the rig's clock, for which streams may have flowed.
        is_flushed: whether its flow path was flushed since it was last used.
        trips: rule and device of each safety rule that tripped.
    """

    profile: Profile
    ledger: SyringeLedger
    references: LightReferences
    is_unseen: bool = False
    away_s: float = 0.0
    is_flushed: bool = False
    trips: tuple[tuple[str, str], ...] = ()


class RescueJournal:
    """The journal of a run whose rig is rescued; it takes events as far as the disk allows.

    Args:
        journal: None if it cannot be opened.
        clock: continues the clock of the run.
    """

    def __init__(self, journal: Journal | None, clock: Clock) -> None:
        self.journal = journal
        self.clock = clock

    @classmethod
    @contextmanager
    def of(
        cls, folder: Path, clock: Clock, since: Examined, listeners: Sequence[Listener] = ()
    ) -> Iterator["RescueJournal"]:
        """Open the journal of a run, if that is possible.

        Args:
            folder: the run's folder.
            clock: continues the clock of the run.
            since: events of the journal that this process has examined.
            listeners: called with every event that the journal holds, and with every new one.
        """
        try:
            journal = Journal(folder / FILE_NAME, since=since)
        except FlowrigError:
            yield cls(None, clock)
            return
        with journal:
            for event in journal.events() if listeners else ():
                for listener in listeners:
                    listener(event)
            journal.listen(*listeners)
            yield cls(journal, clock)

    def write(self, data: EventData) -> int:
        """Write an event as soon as that is possible; returns its number, or 0."""
        if self.journal is None:
            return 0
        return self.journal.keep(data, self.clock.now_s()).sequence

    def safe_state(self, safe: SafeState, text: str, by: str | None) -> None:
        """Write which steps of the safe state were confirmed."""
        self.write(event_of(safe, text, by))


def event_of(safe: SafeState, text: str = "", by: str | None = None) -> SafeStateSought:
    """The event that holds which steps of a safe state were confirmed.

    Args:
        safe: the steps.
        text: for people; by default that of the steps.
        by: who sought it, where the run did not.
    """
    steps = tuple(SafeStateStep(**asdict(step)) for step in safe.steps)
    return SafeStateSought(reached=safe.reached, steps=steps, text=text or str(safe), by=by)


class Rescue:
    """Opens the devices of a rig that answer, and brings them to the safe state.

    Args:
        left: the rig as it was left.
        journal: takes every command and its outcome.
        hurried: asked during the flush; True ends the flush early.
        on_tick: called before every step, and again and again during the flush.
    """

    def __init__(
        self,
        left: LeftRig,
        journal: RescueJournal,
        hurried: Callable[[], bool] = lambda: False,
        on_tick: Callable[[], object] = lambda: None,
    ) -> None:
        self._left = left
        self._is_unseen = left.is_unseen
        self._journal = journal
        self._hurried = hurried
        self._on_tick = on_tick
        self._sequence: SafeStateSequence | None = None
        self._stuck: tuple[StepOutcome, ...] = ()
        self._error: Exception | None = None

    @property
    def safe(self) -> SafeState:
        """What is confirmed so far, and what is not known."""
        if self._error is not None or self._sequence is None:
            return SafeState((StepOutcome("opening the rig", False, repr(self._error)),), False)
        return SafeState((*self._sequence.outcomes, *self._stuck), self._sequence.has_flushed)

    def run(self, why: str, keep_trying: Callable[[], bool] = lambda: False) -> SafeState:
        """Switch off heat and flow of every device that answers, then follow the profile's steps.

        Args:
            why: the reason, in words.
            keep_trying: called after the sequence as long as a further try may confirm a step that
                is not confirmed; waits, and returns whether to try.

        Returns:
            what is confirmed, and what is not known.
        """
        self._journal.write(Notice(text=f"{why}: the rig is brought to its safe state"))
        while True:
            try:
                with self._rig() as rig:
                    self._make_safe(rig, keep_trying)
                    return self.safe
            except Exception as error:  # an internal error of a driver is reported, too
                self._error = error
                if not keep_trying():
                    return self.safe

    def make_quiet(self) -> SafeState | None:
        """Switch heat and flow off if a device that answers heats, is hot, pumps, or is not safe.

        For a rig whose state was known before: lights stay as they are, and nothing is flushed.

        Returns:
            what is confirmed; None if nothing had to be switched off.
        """
        with self._rig() as rig:
            rig.reconnect()
            heaters = tuple(name for name in rig.heaters if rig[name].is_open)
            streams = tuple(name for name in rig.profile.streams if rig.driver(name).is_open)
            others = tuple(name for name in rig.controlled if rig[name].is_open)
            busy = [*_hot(rig, heaters), *_moving(rig, streams), *_away(rig, others)]
            if not busy:
                return None
            text = f"{', '.join(busy)}: found hot or running, and switched off"
            self._journal.write(Notice(text=text))
            off = SafeStep(do="heater-off", heaters=heaters)
            stop = SafeStep(do="stop", streams=streams)
            safe = SafeStep(do="safe", devices=others)
            named = (off, stop, safe)
            steps = [step for step in named if step.heaters or step.streams or step.devices]
            sequence = SafeStateSequence(self._actuation(rig), steps, self._hurried, self._on_tick)
            sequence.run()
            return SafeState(sequence.outcomes)

    @contextmanager
    def _rig(self) -> Iterator[Rig]:
        """The rig; its devices are not open yet."""
        clock = self._journal.clock
        with DeviceThreads(clock) as workers:
            rig = Rig(self._left.profile, clock, workers)
            try:
                yield rig
            finally:
                rig.close()

    def _actuation(self, rig: Rig) -> Actuation:
        return Actuation(rig, self._journal.write, self._left.ledger)

    def _make_safe(self, rig: Rig, keep_trying: Callable[[], bool]) -> None:
        actuation = self._actuation(rig)
        self._switch_off(rig, actuation)
        self._error = None
        sequence = self._sequence = SafeStateSequence(
            actuation,
            rig.profile.safe_state,
            self._hurried,
            self._on_tick,
            self._left.references,
            is_flushed=self._left.is_flushed,
        )
        sequence.run()
        while sequence.left and keep_trying():
            sequence.try_again()
            if not sequence.left:
                sequence.watch_cooling()
        self._stuck = perhaps_stuck(rig, self._left.trips)

    def _switch_off(self, rig: Rig, actuation: Actuation) -> None:
        """Switch heat and flow off first: a pump takes the rate of a flush only when stopped.

        Heaters are opened first, so that none waits for another device that does not answer; the
        steps of the safe state report those.
        """
        self._on_tick()
        rig.reconnect(rig.heaters)
        with suppress(FlowrigError):
            actuation.heaters_off(rig.heaters)
        self._on_tick()
        rig.reconnect(sorted({stream.pump for stream in rig.profile.streams.values()}))
        self._on_tick()
        with suppress(FlowrigError):
            if self._is_unseen:
                self._is_unseen = False
                stop_all(rig, actuation, self._journal.journal, self._left.away_s)
            else:
                actuation.stop(rig.profile.streams)
        self._on_tick()
        rig.reconnect(rig.others)
        self._on_tick()
        rig.reconnect(rig.detectors)
        self._on_tick()
        with suppress(FlowrigError):
            rig.prepare()


def _hot(rig: Rig, heaters: Sequence[str]) -> Iterator[str]:
    """Heaters that are hot, that heat, or of which that is not known."""
    for name in heaters:
        try:
            reading = rig.read_heaters([name])[name]
        except DeviceError:
            yield name
            continue
        is_cold = reading.quality is Quality.GOOD and reading.temperature_c <= HOT_C
        if not is_cold or reading.set_point_c > reading.temperature_c + MARGIN_C:
            yield name


def _away(rig: Rig, devices: Sequence[str]) -> Iterator[str]:
    """Devices that are not at their safe value, or of which that is not known."""
    for name in devices:
        safe = rig.profile.devices[name].safe
        assert safe is not None
        if not is_at(rig[name], safe):
            yield name


def _moving(rig: Rig, streams: Sequence[str]) -> Iterator[str]:
    """Streams whose pumps run, or of which that is not known."""
    for name, state in rig.pump_states_if_answered(streams).items():
        if state is None or state in MOVING:
            yield name
