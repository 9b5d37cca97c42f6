"""What the events of a journal hold: one class for every kind.

A class says in its docstring who writes the event and when, what its fields mean, and how an older
form is read; docs/journal.md is made from that. A number that is not finite is written as null.
What a newer flowrig adds to a kind stays in `extra`, and an event of a kind that is not known here
is read as `Unknown`.
"""

from collections.abc import Mapping, Sequence
from enum import Enum
from typing import Annotated, Any, ClassVar, Final, Generic, Literal, Protocol, Self, TypeVar

from attrs import field, frozen

from flowrig.journal.fields import FieldError, Fields, Key, Within, form_of

__all__ = [
    "KINDS",
    "AnyEvent",
    "ArmIncumbent",
    "Calibrated",
    "ChangedElsewhere",
    "ChangesAccepted",
    "ControlEnded",
    "ControlTold",
    "CutEvent",
    "CutLiquid",
    "D",
    "Decided",
    "Device",
    "Ended",
    "Event",
    "EventData",
    "ExperimentBegun",
    "Explored",
    "FlatOptimum",
    "GateAsked",
    "GateOpened",
    "HandAsked",
    "HandDone",
    "HeaterValues",
    "HoldBegun",
    "IncumbentFound",
    "Intent",
    "JournalCut",
    "Liquid",
    "ListenerFailed",
    "Measured",
    "ModelChecked",
    "Notice",
    "Objective",
    "Opened",
    "OperatorAsked",
    "Outcome",
    "Prediction",
    "PriorKept",
    "Reading",
    "ResultEntered",
    "ResultFile",
    "Resumed",
    "Robustness",
    "RunStarted",
    "SafeStateSought",
    "SafeStateStep",
    "Skipped",
    "Span",
    "StageBegun",
    "StageEnded",
    "Steadiness",
    "SteadinessLook",
    "StepBegun",
    "Suspended",
    "SymptomFound",
    "Timed",
    "TripReset",
    "Tripped",
    "Unknown",
    "Unreadable",
    "WasteLevel",
    "WasteLevels",
    "WentOn",
    "data_from_json",
    "kinds_with",
]  # fmt: skip

MOST_EXPERIMENTS: Final = 10**9

Count = Annotated[int, Within(0, MOST_EXPERIMENTS)]
Seed = Annotated[int, Within(0, 2**32 - 1)]
Number = Annotated[float, Within(-1e300, 1e300)]
"""A number that can be computed with, without an overflow."""


class Liquid(Enum):
    """How the account of liquid in syringes and wastes depends on a kind of event."""

    COUNTED = "counted"
    """The account is computed from it."""
    INDIRECT = "indirect"
    """The account is not computed from it, but may be wrong where such an event is lost."""
    NONE = "none"
    """The account does not depend on it."""


@frozen(kw_only=True)
class EventData(Fields):
    """What an event holds; every kind has a class of its own."""

    KIND: ClassVar[str] = ""
    LIQUID: ClassVar[Liquid] = Liquid.INDIRECT

    @property
    def kind(self) -> str:
        """The kind as the journal names it."""
        return self.KIND


D = TypeVar("D", bound=EventData)
D_co = TypeVar("D_co", bound=EventData, covariant=True)


@frozen
class Event(Generic[D_co]):
    """Something that happened in a run.

    Attributes:
        sequence: running number, from 1.
        time_s: rig time [s].
        wall: wall-clock label, ISO 8601 in UTC; used in no decision but for how long a pump that
            has forgotten its count may have gone on after a crash.
        data: what happened, of the class of its kind.
        arrays: SHA-256 digests of the arrays that were written with it, by name.
    """

    sequence: int
    time_s: float
    wall: str
    data: D_co
    arrays: Mapping[str, str] = field(factory=dict)

    @property
    def kind(self) -> str:
        """The kind as the journal names it."""
        return self.data.kind


AnyEvent = Event[EventData]


class Timed(Protocol):
    """An event, of a journal or cut off from one."""

    @property
    def time_s(self) -> float:
        """Rig time [s]."""

    @property
    def data(self) -> EventData:
        """What happened."""


@frozen(kw_only=True)
class Unknown(EventData):
    """An event of a kind that is not known here: a newer flowrig, or another program, wrote it.

    Attributes:
        kind: as the journal names it.
    """

    kind: str

    def as_json(self) -> Any:
        """Its data as they stand in the journal."""
        return dict(self.extra)


@frozen(kw_only=True)
class Unreadable(Unknown):
    """An event of which a field cannot be read; its data are kept as they stand in the journal.

    Attributes:
        problem: which field it is, and what is wrong with it.
    """

    problem: str


@frozen(kw_only=True)
class Objective(Fields):
    """The figure of merit of a campaign.

    Attributes:
        name: of the objective.
        unit: of its value; empty where it has none.
        is_feature: whether it is a feature without a unit that is no fraction; if not, a value
            without one is a fraction.
    """

    name: str
    unit: str
    is_feature: bool | None = None


@frozen(kw_only=True)
class RunStarted(EventData):
    """A run began. `start_run` writes it first, once, before any device is opened.

    Attributes:
        profile: name of the rig.
        profile_digest: SHA-256 of the profile's content.
        campaign: its title.
        experiments: how many are planned.
        objective: name and unit of the figure of merit.
        units: by condition.
        seed: of the run, 0 to 2³² - 1.
        simulated: whether the instruments are emulated.
        versions: of flowrig, Python, every plugin's distribution and the packages they use.
        profile_toml: text of the profile, with all that it extends.
        drivers: by driver of the rig, kind of its devices ("kind valve") and world of a simulated
            one, the plugin that offers it, as "chemyx of flowrig".
        readings: unit of everything that devices report in a look, by DEVICE.QUANTITY; missing
            where no device does.
        chemistry: the chemistry of a simulated rig, "twin" for a twin in its place; "" if it has
            none.
        invented: whether the numbers of that chemistry stand for nothing.

    Older forms:
        0.1.0 has no `chemistry` and no `invented`; nothing was invented then. It has no
        `profile_toml`; the profile is then the file in the run's folder. It has no
        `drivers`; they are then looked for in all plugins, those of flowrig first.
    """

    KIND: ClassVar = "run-started"

    profile: str
    profile_digest: str
    campaign: str
    experiments: Count
    objective: Objective
    units: Mapping[str, str]
    seed: Seed
    simulated: bool
    versions: Mapping[str, str]
    profile_toml: str | None = None
    drivers: Mapping[str, str] = field(factory=dict)
    readings: Mapping[str, str] | None = None
    chemistry: str = ""
    invented: bool = False


@frozen(kw_only=True)
class PriorKept(EventData):
    """Earlier experiments were copied into the journal. `start_run` writes it, once a source.

    With it are the arrays `X`, conditions in the unit cube, shape `n x d`; `Y`, responses, shape
    `n x m`; and `objective`, their figure of merit, shape `n`.

    Attributes:
        source: file or folder that they were read from.
        experiments: how many.
        left_out: how many of the source could not be used.
        trust: "same-rig" for experiments of the same rig; missing for others.
    """

    KIND: ClassVar = "prior"
    LIQUID: ClassVar = Liquid.NONE

    source: str
    experiments: Count
    left_out: Count
    trust: str | None = None


@frozen(kw_only=True)
class ChangesAccepted(EventData):
    """A person accepted what changed since the run began. `resume_run` writes it.

    Attributes:
        differences: one sentence each.
        profile_digest: SHA-256 of the content of the profile as it is now.
        profile_toml: text of the profile as it is now.
        versions: of flowrig, and of the plugins that the profile names, as they are now.
        drivers: by driver of the rig, kind of its devices ("kind valve") and world of a simulated
            one, the plugin that offers it, as "chemyx of flowrig".

    Older forms:
        0.1.0 has no `drivers`.
    """

    KIND: ClassVar = "changes-accepted"

    differences: tuple[str, ...]
    profile_digest: str
    profile_toml: str
    versions: Mapping[str, str]
    drivers: Mapping[str, str] = field(factory=dict)


@frozen(kw_only=True)
class JournalCut(EventData):
    """The damaged end of the journal was cut off. The journal writes it when it is opened.

    Attributes:
        text: what was damaged, and where it is kept.
        file: name of the file in the run's folder that keeps it.
        events_lost: how many were cut off; null where that is not known.
        measurements_lost: how many of them are measurements; null where that is not known.
        arrays_lost_of: numbers of the events whose arrays are damaged.
    """

    KIND: ClassVar = "journal-cut"

    text: str
    file: str
    events_lost: Count | None
    measurements_lost: Count | None
    arrays_lost_of: tuple[Count, ...]


@frozen
class CutEvent:
    """An event that was cut off from a journal.

    Attributes:
        time_s: rig time [s].
        data: what happened.
    """

    time_s: float
    data: EventData

    @classmethod
    def from_json(cls, content: Any) -> Self:
        """Read kind, rig time [s] and data.

        Raises:
            FieldError: they are none that flowrig writes.
        """
        match content:
            case [str() as kind, time_s, dict() as data]:
                return cls(form_of(float)(time_s), data_from_json(kind, data))
        raise FieldError("is not an event")

    def as_json(self) -> Any:
        """Kind, rig time [s] and data."""
        return [self.data.kind, self.time_s, self.data.as_json()]


@frozen(kw_only=True)
class CutLiquid(EventData):
    """What flowed in the events of a `journal-cut`. `resume_run` writes it.

    Attributes:
        cut: number of the `journal-cut`.
        text: for people.
        events: the events that were cut off and the account is computed from; kind, rig time [s]
            and data of each.
        emptied_ul: by stream, volume [µL] that counts as gone, where not all of them can be read.
    """

    KIND: ClassVar = "cut-liquid"
    LIQUID: ClassVar = Liquid.COUNTED

    cut: Count
    text: str
    events: tuple[CutEvent, ...]
    emptied_ul: Mapping[str, float]


@frozen(kw_only=True)
class Resumed(EventData):
    """Another process goes on with the run. `resume_run` writes it before a device is opened.

    Attributes:
        refilled: streams whose syringes a person has filled, and STREAM.reservoir for reservoirs.
        emptied: wastes that a person has emptied.
        versions: of flowrig, Python, every plugin's distribution and the packages they use.
        objective: name and unit of the figure of merit.
        units: by condition.
        planned: experiments of the campaign.
        profile: name of the rig.
        simulated: whether the instruments are emulated.
        skipped: experiments that a person gave up so far.
        done: experiments that are measured so far.
        best: highest figure of merit of those that are good; null where there is none.
        waiting: experiments whose figure of merit waits for results.
        merits: figure of merit of those that may be the best, by the number of the experiment;
            a result that is withdrawn later takes one of them away.
        sound: experiments that may be the best as soon as they have a figure of merit: good ones in
            their steady state, with or without a result.
        goals: the same for the merits of goals, see `measured`.
        unsettled: experiments that are decided, not measured yet, and never the best: looks of a
            study before or beside the steady state, or at other liquids than those of the profile.

    Older forms:
        0.1.0 has no `emptied`; nothing was. It has no `waiting`; none did. It has no `merits`:
        `best` alone is known. It has no `sound`: all that wait, and those with `merits`.
    """

    KIND: ClassVar = "resumed"
    LIQUID: ClassVar = Liquid.COUNTED

    refilled: tuple[str, ...]
    emptied: tuple[str, ...] = ()
    versions: Mapping[str, str]
    objective: Objective
    units: Mapping[str, str]
    planned: Count
    profile: str
    simulated: bool
    skipped: Count
    done: Count
    best: float | None
    waiting: tuple[Count, ...] = ()
    merits: Mapping[str, float] = field(factory=dict)
    sound: tuple[Count, ...] | None = None
    goals: Mapping[str, Mapping[str, float]] | None = None
    unsettled: tuple[Count, ...] = ()


@frozen(kw_only=True)
class Device(Fields):
    """Who answered at a device.

    Attributes:
        vendor: maker of the instrument.
        model: its name.
        serial_number: empty where the protocol has no way to ask.
        firmware: empty where the protocol has no way to ask.
    """

    vendor: str
    model: str
    serial_number: str
    firmware: str


@frozen(kw_only=True)
class Opened(EventData):
    """Every instrument has answered. The run writes it at the start and at each resumption.

    Attributes:
        devices: by name: vendor, model, serial number and firmware.
    """

    KIND: ClassVar = "opened"
    LIQUID: ClassVar = Liquid.NONE

    devices: Mapping[str, Device]


@frozen(kw_only=True)
class Intent(EventData):
    """A command is about to be given. The actuation writes it **before** anything moves or heats.

    Without an `outcome` it is not known whether the command took effect.

    Attributes:
        command: "set-temperatures", "heater-off", "set-flow-rates", "start", "draw", "stop",
            "set-light" or "set-values".
        set_points_c: of set-temperatures: set points [°C] by heater.
        heaters: of heater-off: which.
        flow_rates_ul_min: of set-flow-rates, start and draw: flow rates [µL/min] by stream.
        volumes_ul: of draw: volume [µL] by stream that its pump draws from its reservoir.
        streams: of stop: which.
        spectrometers: of set-light: which.
        on: of set-light: whether the light is to be on.
        values: of set-values: numbers by device, in its unit.
        positions: of set-values: positions by device.
    """

    KIND: ClassVar = "intent"
    LIQUID: ClassVar = Liquid.COUNTED

    command: str
    set_points_c: Mapping[str, float] | None = None
    heaters: tuple[str, ...] | None = None
    flow_rates_ul_min: Mapping[str, float] | None = None
    volumes_ul: Mapping[str, float] | None = None
    streams: tuple[str, ...] | None = None
    spectrometers: tuple[str, ...] | None = None
    on: bool | None = None
    values: Mapping[str, float] | None = None
    positions: Mapping[str, str] | None = None


@frozen(kw_only=True)
class Outcome(EventData):
    """What became of a command. The actuation writes it after the command.

    Attributes:
        intent: number of the event `intent`; 0 where that could not be written.
        command: as in the intent.
        dispensed_ul: of stop: volume [µL] that each stream is charged.
        estimated: of stop: streams whose pump did not report it.
        drawn_ul: of stop: volume [µL] that each syringe is known to have drawn from its reservoir.
        taken_ul: of stop: volume [µL] that each reservoir is charged; more than was drawn where
            that is not known.
        outcome: "done", "failed" or "unknown".
        error: why not done.

    Older forms:
        0.1.0 has no `estimated`; every pump reported.
    """

    KIND: ClassVar = "outcome"
    LIQUID: ClassVar = Liquid.COUNTED

    intent: Count
    command: str
    dispensed_ul: Mapping[str, float] | None = None
    estimated: tuple[str, ...] | None = None
    drawn_ul: Mapping[str, float] | None = None
    taken_ul: Mapping[str, float] | None = None
    outcome: str
    error: str | None = None


@frozen(kw_only=True)
class HeaterValues(Fields):
    """A heater at one moment.

    Attributes:
        temperature_c: what it reads [°C]; null where it reads nothing.
        set_point_c: its set point [°C]; null where it reports none.
    """

    temperature_c: Number | None
    set_point_c: Number | None


@frozen(kw_only=True)
class Reading(EventData):
    """A look at the rig. The guard writes it every few seconds of a wait.

    Attributes:
        heaters: by name: temperature and set point [°C].
        pumps: state by stream.
        readings: what other devices report, by DEVICE.QUANTITY, in the units of `run-started`; null
            where there is no value.
        values: number to which a device reports to be set, by device, in its unit.
        positions: position at which a device reports to stand, by device.
    """

    KIND: ClassVar = "reading"
    LIQUID: ClassVar = Liquid.NONE

    heaters: Mapping[str, HeaterValues]
    pumps: Mapping[str, str]
    readings: Mapping[str, Number | None] | None = None
    values: Mapping[str, Number] | None = None
    positions: Mapping[str, str] | None = None


@frozen(kw_only=True)
class ChangedElsewhere(EventData):
    """A device reports another setting than the run has commanded. The guard writes it.

    A person at a panel, or another program, has changed it.

    Attributes:
        device: its name.
        setting: what is set, for instance "set point", "flow rate" or "integration time".
        commanded: value that the run has commanded; of a setting that it never commands, the value
            at the first look.
        found: value that the device reports.
        unit: of both; empty for words and numbers without one.
    """

    KIND: ClassVar = "changed-elsewhere"
    LIQUID: ClassVar = Liquid.NONE

    device: str
    setting: str
    commanded: str
    found: str
    unit: str


@frozen(kw_only=True)
class Span(Fields):
    """A series of numbers in short; null where there were none.

    Attributes:
        first: the first one.
        last: the last one.
        lowest: the lowest one.
        highest: the highest one.
    """

    first: Number | None
    last: Number | None
    lowest: Number | None
    highest: Number | None

    @classmethod
    def of(cls, values: Sequence[float]) -> "Span":
        """That of some numbers, in their order."""
        if not values:
            return cls(first=None, last=None, lowest=None, highest=None)
        return cls(first=values[0], last=values[-1], lowest=min(values), highest=max(values))


@frozen(kw_only=True)
class ControlTold(EventData):
    """A control loop cannot do its work for longer than its grace time. The executor writes it.

    Its output stays as it is meanwhile, or at the end of its window.

    Attributes:
        loop: its name.
        trouble: `no value` or `still` of its reading, or `at a limit` of its output.
        text: one sentence for people, without a full stop.
    """

    KIND: ClassVar = "control-told"
    LIQUID: ClassVar = Liquid.NONE

    loop: str
    trouble: str
    text: str


@frozen(kw_only=True)
class ControlEnded(EventData):
    """A control loop works no longer; what it did. The executor writes it.

    Each of its corrections is an `intent` and an `outcome` before.

    Attributes:
        loop: its name.
        at: value at which it kept its reading.
        unit: of the reading.
        unit_by: of the output.
        reading: the readings, `first`, `last`, `lowest` and `highest`; null for none.
        output: likewise the outputs, with that at the begin.
        corrections: how often the output was changed.
        duration_s: how long it worked [s].
        share: factor of its corrections at the end; below 1 where the reading has swung.
        troubles: what was told, see `control-told`.
        reason: why it ended.
    """

    KIND: ClassVar = "control"
    LIQUID: ClassVar = Liquid.NONE

    loop: str
    at: float
    unit: str
    unit_by: str
    reading: Span
    output: Span
    corrections: int
    duration_s: float
    share: float
    troubles: tuple[str, ...]
    reason: str


@frozen(kw_only=True)
class StepBegun(EventData):
    """Something that takes time begins. The executor writes it for waits, looks and computations.

    Attributes:
        what: in words.
        duration_s: how long it takes [s]; null where that is not known.
    """

    KIND: ClassVar = "step"
    LIQUID: ClassVar = Liquid.NONE

    what: str
    duration_s: Number | None


@frozen(kw_only=True)
class Calibrated(EventData):
    """Dark and lamp references were taken. The campaign writes it at the start and each resumption.

    With it are the arrays `NAME.dark` and `NAME.lamp`, counts, as far as the profile asks for them,
    and `NAME.wavelengths_nm`, for every spectrometer NAME, each of shape `n_pixels`. A detector
    that is no spectrometer has `NAME.axis` instead, in the unit of its axis.
    """

    KIND: ClassVar = "calibrated"
    LIQUID: ClassVar = Liquid.NONE


@frozen(kw_only=True)
class StageBegun(EventData):
    """A stage of the campaign begins. The campaign writes it, after a resumption once more.

    Attributes:
        stage: its name.
        experiments: how many it has at most.
        arm: its arm of the campaign, where it has one.
    """

    KIND: ClassVar = "stage"
    LIQUID: ClassVar = Liquid.NONE

    stage: str
    experiments: Count
    arm: str | None = None


@frozen(kw_only=True)
class Explored(EventData):
    """A stage ends because the surrogate explains enough. The campaign writes it.

    Attributes:
        stage: its name.
        r2: R² of the figure of merit of experiments that the surrogate has not seen.
        until_r2: R² that the stage was to reach.
        experiments: how many it had.
    """

    KIND: ClassVar = "explored"
    LIQUID: ClassVar = Liquid.NONE

    stage: str
    r2: float
    until_r2: float
    experiments: Count


@frozen(kw_only=True)
class StageEnded(EventData):
    """A stage ends before its last experiment: nothing is left to measure, its optimizer has
    settled, or its study is over or has failed. The campaign writes it.

    Attributes:
        stage: its name.
        experiments: how many it had.
        reason: why, in one phrase.
    """

    KIND: ClassVar = "stage-ended"
    LIQUID: ClassVar = Liquid.NONE

    stage: str
    experiments: Count
    reason: str


@frozen(kw_only=True)
class Decided(EventData):
    """Conditions were chosen. The campaign writes it for every experiment of a batch.

    Attributes:
        index: number of the experiment, from 1.
        stage: name of the stage.
        conditions: by name, in the units of `run-started`.
        mean: expected responses by name; empty where no model was asked.
        sd: their standard deviations.
        objective_mean: expected figure of merit; null where no model was asked.
        objective_sd: its standard deviation.
        reason: why, in one phrase.
        continues: whether it keeps the flow of the experiment before, as a
            [study](studies.md#points) may ask; left out where it does not.
        after_s: how long [s] after the frames of the experiment before its frames are to begin,
            or, of one that does not continue, after its liquid began to flow; left out where that
            is the equilibrium time.
        frames: of a point of a study that has fewer frames than an experiment: how many.
        arm: arm of the campaign that the stage belongs to, where it belongs to one.
        keeps_s: for how long [s] its flow is kept for points that the study asks for next; left out
            where it is not.
        values: of a point that continues: what other devices are set to, by device; left out where
            nothing is.
        asks: what a person is asked before it begins; left out where nothing is.
        is_foreign: that other liquids flow than the profile says, as a study may ask; left out
            where they do not.
        is_stored: that its sample is [stored](off-line.md#stored-samples), as a study may ask; left
            out where it is not.
        reference: whether it is the [reference condition](quality.md#fresh-batches); left out where
            it is not.
    """

    KIND: ClassVar = "decided"
    LIQUID: ClassVar = Liquid.NONE

    index: Count
    stage: str
    conditions: Mapping[str, Number | str]
    mean: Mapping[str, Number | None]
    sd: Mapping[str, Number | None]
    objective_mean: Number | None
    objective_sd: Number | None
    reason: str
    continues: bool | None = None
    after_s: Number | None = None
    frames: Count | None = None
    arm: str | None = None
    keeps_s: Number | None = None
    values: Mapping[str, Number | str] | None = None
    asks: str | None = None
    is_foreign: bool | None = None
    is_stored: bool | None = None
    reference: bool | None = None

    @property
    def settles(self) -> bool:
        """Whether the liquid is fresh and that of the profile, and all its frames are taken in the
        steady state, as of every experiment that an optimizer chose."""
        at_once = self.after_s is None and self.frames is None
        return at_once and not (self.continues or self.is_foreign)


@frozen(kw_only=True)
class ExperimentBegun(EventData):
    """An experiment begins. The campaign writes it, once more where the experiment is repeated.

    Attributes:
        index: number of the experiment, from 1.
    """

    KIND: ClassVar = "experiment"
    LIQUID: ClassVar = Liquid.NONE

    index: Count


@frozen(kw_only=True)
class SteadinessLook(Fields):
    """Features at one moment on the way to the steady state.

    Attributes:
        residence_times: how many τ after the pumps started.
        values: features by name.
    """

    residence_times: float
    values: Mapping[str, float | None]


@frozen(kw_only=True)
class Steadiness(Fields):
    """What became of the wait for features that stand still.

    Attributes:
        reached: whether all of them stood still.
        residence_times: how many τ after the pumps started that was known, or given up.
        drifts: by feature: relative drift over the last looks, and the t value of its slope.
        looks: all of them, in order.
    """

    reached: bool
    residence_times: float
    drifts: Mapping[str, tuple[float | None, float | None]]
    looks: tuple[SteadinessLook, ...]


@frozen(kw_only=True)
class Measured(EventData):
    """An experiment was measured. The campaign writes it when its streams have stopped.

    With it are the arrays `NAME.counts`, raw frames, shape `n_frames x n_pixels`, `NAME.times_s`,
    shape `n_frames`, and `NAME.dark`, shape `n_pixels`, if a dark was taken, for every detector
    NAME; and for every channel its spectrum under its name, with `CHANNEL.axis` if its analysis
    gave it an axis of its own. Of a [scan](profile.md#analysischannelsnamescan) the frames of all
    positions stand one after the other, `CHANNEL.scan` has the spectrum at each, shape `positions x
    n_pixels`, of which `CHANNEL` is the mean, and `SERIES.series` each series, shape `positions`.

    Attributes:
        index: number of the experiment, from 1.
        conditions: by name, in the units of `run-started`.
        flow_rates_ul_min: flow rates [µL/min] by stream.
        features: by name, units as in [analysis](analysis.md); null where there is no value, or
            where it waits for a result that is entered later.
        objective: figure of merit; null where there is none yet, or none.
        quality: "good", "doubtful" or "bad".
        flags: why not good.
        started_s: rig time [s] at its first step.
        steadiness: where features had to [stand still](analysis.md#whether-it-stands-still):
            whether that was `reached`, after how many `residence_times`, the `drifts`, every look.
        readings: mean of what other devices reported while the sample was taken, by
            DEVICE.QUANTITY, in the units of `run-started`; null where there was no value.
        to_come: of a simulated run with off-line channels: what their analyses will find, by
            CHANNEL.QUANTITY, in the units of the profile.
        flowing_s: of a point of a study: how long [s] its liquid had flowed when the frames began.
        interrupted: of a point that was to continue: that its flow was interrupted, so that it
            settled first; left out where it was not.
        goals: of an objective with several goals: the merit of each by name, 0 at its `worst`;
            left out where a feature has no value.
    """

    KIND: ClassVar = "measured"
    LIQUID: ClassVar = Liquid.NONE

    index: Count
    conditions: Mapping[str, Number | str]
    flow_rates_ul_min: Mapping[str, float]
    features: Mapping[str, Number | None]
    objective: Number | None
    quality: Literal["good", "doubtful", "bad"]
    flags: tuple[str, ...]
    started_s: Number
    steadiness: Steadiness | None = None
    readings: Mapping[str, Number | None] | None = None
    to_come: Mapping[str, Number | None] | None = None
    flowing_s: Number | None = None
    interrupted: bool | None = None
    goals: Mapping[str, Number] | None = None


@frozen(kw_only=True)
class FractionMade(EventData):
    """A fraction of a [production](tutorial-production.md) is complete. The campaign writes it.

    Attributes:
        stage: name of the stage.
        number: of the fraction in its stage, from 1.
        volume_ul: volume [µL] of all streams but carriers.
        started_s: rig time [s] of the first look at it.
        ended_s: rig time [s] of the last look at it.
        experiments: numbers of the experiments that looked at it, with their spectra.
        mean: mean of these looks by feature; null where a look has no value.
        sd: their standard deviation by feature; null where it cannot be known.
        kept: whether it is kept; if not, it is refused.
        reason: why it is refused; empty if it is kept.
        told: what else was found with it, such as a drift.
    """

    KIND: ClassVar = "fraction"
    LIQUID: ClassVar = Liquid.NONE

    stage: str
    number: Count
    volume_ul: Number
    started_s: Number
    ended_s: Number
    experiments: tuple[Count, ...]
    mean: Mapping[str, Number | None]
    sd: Mapping[str, Number | None]
    kept: bool
    reason: str
    told: tuple[str, ...]


@frozen(kw_only=True)
class QualityFlag(Fields):
    """What a quality check doubts about an experiment.

    Attributes:
        check: its name in the profile.
        quality: what the experiment is at best: "doubtful" or "bad".
        text: why, in one sentence.
        test: name of the statistical test; empty for none.
        p: probability of such a result, or a stranger one, by chance alone.
    """

    check: str
    quality: Literal["doubtful", "bad"]
    text: str
    test: str = ""
    p: Number | None = None


@frozen(kw_only=True)
class Checked(EventData):
    """The [quality checks](quality.md) of the profile were asked about an experiment. The campaign
    writes it after the measurement, which stays as it was written.

    Attributes:
        index: number of the experiment.
        flags: what they doubt; each with the `check`, the `quality` that the experiment has at
            best, a `text`, and the `test` with its `p`, if there is one. Empty if nothing.
        failed: names of the checks that could not say.
    """

    KIND: ClassVar = "checked"
    LIQUID: ClassVar = Liquid.NONE

    index: Count
    flags: tuple[QualityFlag, ...]
    failed: tuple[str, ...] = ()


@frozen(kw_only=True)
class ResultFile(Fields):
    """A file that was attached to a result.

    Attributes:
        name: as the person called it.
        file: name of the copy in the folder `results` of the run.
        sha256: SHA-256 of its content.
        size_bytes: its size.
    """

    name: str
    file: str
    sha256: str
    size_bytes: int


@frozen(kw_only=True)
class ResultEntered(EventData):
    """A result of an [off-line channel](off-line.md) was entered. The run writes it, or
    `flowrig result` if the run is not under way.

    A later entry for the same quantity replaces the earlier one; both stay in the journal.

    Attributes:
        entry: names the entry, so that none is taken twice; empty if a simulated run made it.
        index: number of the experiment, from 1.
        values: by CHANNEL.QUANTITY, in `units`.
        units: by CHANNEL.QUANTITY, as in the profile; of what is lost too.
        by: who or what measured it.
        entered: when it was entered, ISO 8601 in UTC; `wall` is when the journal took it. Empty if
            a simulated run made it.
        files: what was attached.
        lost: why there is no result for the quantities in `units`, or for any where `units` is
            empty; it withdraws their earlier values. Empty where nothing is lost.
        series: of a [stored sample](off-line.md#stored-samples): how it was stored; empty for a
            result that is measured once.
        age_s: age [s] at which the stored sample was measured; left out where it has none, or where
            the rest of a series is lost.
        objective: figure of merit of the experiment with this result; null where there is none yet.
        goals: the merits of its goals, see `measured`.
    """

    KIND: ClassVar = "result"
    LIQUID: ClassVar = Liquid.NONE

    entry: str
    index: Count
    values: Mapping[str, Number]
    units: Mapping[str, str]
    by: str
    entered: str
    files: tuple[ResultFile, ...] = ()
    lost: str = ""
    series: str = ""
    age_s: Number | None = None
    objective: Number | None = None
    goals: Mapping[str, Number] | None = None


@frozen(kw_only=True)
class FlatOptimum(Fields):
    """Measured conditions that are as good as the best within its scatter, and less sensitive.

    Attributes:
        index: number of the experiment.
        objective_mean: expected figure of merit, averaged over the scatter of the conditions.
        sd: its standard deviation by the scatter of the conditions.
    """

    index: Count
    objective_mean: Number | None
    sd: Number | None


@frozen(kw_only=True)
class Robustness(Fields):
    """What the rig's own scatter makes of the figure of merit at the best conditions.

    Attributes:
        sd: standard deviation of both parts together.
        from_conditions: standard deviation of the expected figure of merit by the scatter of
            temperatures and flow rates.
        from_measurement: standard deviation of one measurement at fixed conditions; null where it
            is not known.
        measurement: where that is from: "replicates" of the run, or the profile's "repeatability".
        scatter: standard deviation of each condition, in its unit.
        left_out: what is not in it, one clause each.
        flat: the flattest of the conditions that are as good within `sd`; missing where no other is
            much flatter.
    """

    sd: Number | None
    from_conditions: Number | None
    from_measurement: Number | None
    measurement: str
    scatter: Mapping[str, Number | None]
    left_out: tuple[str, ...]
    flat: FlatOptimum | None = None


@frozen(kw_only=True)
class ArmIncumbent(Fields):
    """The incumbent of one arm, by a model of what the arm has learnt from.

    Attributes:
        index: number of the experiment, from 1.
        objective_mean: expected figure of merit there, without the noise of a measurement.
        objective_sd: its standard deviation.
    """

    index: Count
    objective_mean: Number | None
    objective_sd: Number | None


@frozen(kw_only=True)
class IncumbentFound(EventData):
    """The incumbent by a model of all experiments. The campaign writes it at its end, once.

    Attributes:
        index: number of the experiment of whose conditions the model expects most.
        objective_mean: expected figure of merit there, without the noise of a measurement.
        objective_sd: its standard deviation.
        prior_share: by response, how much earlier experiments count, where there are any; 0 to 1.
        arms: by arm, its incumbent, where the campaign has arms.
        robustness: [spread by the rig's own scatter](scorecard.md#robustness-of-the-best): `sd` in
            all, `from_conditions`, `from_measurement`, `measurement`, the `scatter` of conditions,
            what is `left_out`, and a `flat` optimum; missing where it could not be computed.

    Older forms:
        0.1.0 has no `robustness`.
    """

    KIND: ClassVar = "expected-best"
    LIQUID: ClassVar = Liquid.NONE

    index: Count
    objective_mean: Number | None
    objective_sd: Number | None
    prior_share: Mapping[str, float] | None = None
    arms: Mapping[str, ArmIncumbent] | None = None
    robustness: Robustness | None = None


@frozen(kw_only=True)
class Prediction(Fields):
    """What a model predicts of an experiment that it has not seen.

    Attributes:
        index: number of the experiment, from 1.
        mean: responses by name.
        sd: their standard deviations.
        objective_mean: figure of merit.
        objective_sd: its standard deviation.
    """

    index: Count
    mean: Mapping[str, float | None]
    sd: Mapping[str, float | None]
    objective_mean: float | None
    objective_sd: float | None


@frozen(kw_only=True)
class ModelChecked(EventData):
    """The surrogate was cross-validated. The campaign writes it at its end, once.

    Attributes:
        predictions: of each experiment, by a model that has not seen it: `index`, `mean` and `sd`
            by response, `objective_mean`, `objective_sd`.
    """

    KIND: ClassVar = "model-checked"
    LIQUID: ClassVar = Liquid.NONE

    predictions: tuple[Prediction, ...]


@frozen(kw_only=True)
class Skipped(EventData):
    """A person gave up an experiment. The campaign writes it; there is no figure of merit.

    Attributes:
        index: number of the experiment, from 1.
        conditions: by name, in the units of `run-started`.
    """

    KIND: ClassVar = "skipped"
    LIQUID: ClassVar = Liquid.NONE

    index: Count
    conditions: Mapping[str, Number | str]


@frozen(kw_only=True)
class OperatorAsked(EventData):
    """A person asked the run for something. The run writes it when it takes notice.

    Attributes:
        request: "pause", "go-on", "skip", "stop" or "halt".
        by: from where: "terminal", "command line", "page", "signal" or "program".
        refused: why it was not obeyed; empty where it was.
    """

    KIND: ClassVar = "operator"
    LIQUID: ClassVar = Liquid.NONE

    request: Annotated[str, Key("wish")]
    by: str
    refused: str


@frozen(kw_only=True)
class HoldBegun(EventData):
    """The run [waits for a person](tutorial-run-a-rig.md#holds). The executor writes it.

    Attributes:
        why: written as `kind`: "pause", "gate", "need", or "results": then the rig is in its safe
            state, and the run goes on by itself when enough results were entered.
        text: what it waits for, in one sentence.
        refill: streams whose syringes have to be filled, and STREAM.reservoir for reservoirs.
        empty: wastes that have to be emptied.
        gate: name of the gate that is closed; empty where none is.
        longest_s: how long it waits at most [s].
        until_s: rig time [s] until which it waits.
        flows: streams that flow meanwhile.
        supplied: those of `refill` that draw from a supply instead of a syringe.
        works: what a person is to bring about by hand, one clause each; missing before devices by
            hand were known.
        reads: what a person is to read, by DEVICE.QUANTITY; missing as well.

    Older forms:
        0.1.0 writes `paused` instead, which is read as a kind that is not known.
    """

    KIND: ClassVar = "hold"
    LIQUID: ClassVar = Liquid.NONE

    why: Annotated[Literal["pause", "gate", "need", "results"], Key("kind")]
    text: str
    refill: tuple[str, ...]
    empty: tuple[str, ...]
    gate: str
    longest_s: float
    until_s: float
    flows: tuple[str, ...]
    supplied: tuple[str, ...] | None = None
    works: tuple[str, ...] = ()
    reads: tuple[str, ...] = ()


@frozen(kw_only=True)
class WentOn(EventData):
    """A run on hold goes on. The executor writes it.

    Attributes:
        by: from where a person let it go on, as in `operator`; "result" if results were entered.
        refilled: streams whose syringes are full again, and STREAM.reservoir for reservoirs.
        emptied: wastes that are empty again.

    Older forms:
        0.1.0 has none of the fields; nothing was refilled.
    """

    KIND: ClassVar = "went-on"
    LIQUID: ClassVar = Liquid.COUNTED

    by: str = ""
    refilled: tuple[str, ...] = ()
    emptied: tuple[str, ...] = ()


@frozen(kw_only=True)
class GateAsked(EventData):
    """The run stands at a [gate](profile.md#gates). The executor writes it.

    Attributes:
        gate: its name.
        before: what the run is about to do, in words.
        asks: the question.
    """

    KIND: ClassVar = "gate-asked"
    LIQUID: ClassVar = Liquid.NONE

    gate: str
    before: str
    asks: str


@frozen(kw_only=True)
class GateOpened(EventData):
    """A gate was answered with yes. The executor writes it.

    Attributes:
        gate: its name.
        by: "terminal", "command line", "page", "program", "--yes-to" or "simulation".
    """

    KIND: ClassVar = "gate-opened"
    LIQUID: ClassVar = Liquid.NONE

    gate: str
    by: str


@frozen(kw_only=True)
class HandAsked(EventData):
    """A person is asked to work or to read [devices by hand](devices-by-hand.md). The executor
    writes it.

    Attributes:
        asks: what to do, in words.
        devices: those to be worked.
        reads: what to read, by DEVICE.QUANTITY.
        volumes_ul: by component of the path, the volume [µL] to put in. Older journals have none.
    """

    KIND: ClassVar = "hand-asked"
    LIQUID: ClassVar = Liquid.NONE

    asks: str
    devices: tuple[str, ...]
    reads: tuple[str, ...]
    volumes_ul: Mapping[str, Number] | None = None


@frozen(kw_only=True)
class HandDone(EventData):
    """A person has done by hand what was asked. The executor writes it.

    Attributes:
        by: "terminal", "command line", "page", "program" or "simulation".
        readings: what the person has read, by DEVICE.QUANTITY, in the units of `run-started`.
        volumes_ul: by component of the path, the volume [µL] that is in it now. Older journals have
            none.
    """

    KIND: ClassVar = "hand-done"
    LIQUID: ClassVar = Liquid.NONE

    by: str
    readings: Mapping[str, Number | None]
    volumes_ul: Mapping[str, Number] | None = None


@frozen(kw_only=True)
class WasteLevel(Fields):
    """How full a waste is.

    Attributes:
        filled_ul: volume in it [µL].
        capacity_ul: volume of the vessel [µL].
    """

    filled_ul: float
    capacity_ul: float


@frozen(kw_only=True)
class WasteLevels(EventData):
    """How full the wastes are. The executor writes it when pumps have stopped.

    Only on a rig whose profile gives the volume of a waste.

    Attributes:
        vessels: by waste: how much is in it, `filled_ul`, and its volume, `capacity_ul` [µL].
    """

    KIND: ClassVar = "waste"
    LIQUID: ClassVar = Liquid.NONE

    vessels: Mapping[str, WasteLevel]


@frozen(kw_only=True)
class SymptomFound(EventData):
    """A [symptom](analysis.md#diagnostics) shows, or has changed. The campaign writes it.

    Attributes:
        symptom: written as `kind`: which, in one word.
        text: one sentence for people, without a full stop.
    """

    KIND: ClassVar = "health"
    LIQUID: ClassVar = Liquid.NONE

    symptom: Annotated[str, Key("kind")]
    text: str


@frozen(kw_only=True)
class Notice(EventData):
    """Something went wrong on which the run does not depend. The part that notices it writes it.

    Attributes:
        text: one sentence for people.
    """

    KIND: ClassVar = "notice"
    LIQUID: ClassVar = Liquid.NONE

    text: str


@frozen(kw_only=True)
class Suspended(EventData):
    """The computer was suspended, and nothing watched the rig. The run writes it when it goes on.

    Attributes:
        slept_s: for how long [s].
    """

    KIND: ClassVar = "suspended"
    LIQUID: ClassVar = Liquid.NONE

    slept_s: Number


@frozen(kw_only=True)
class Tripped(EventData):
    """A [safety rule](safety.md#rules) ended the run, or put it on hold. The run writes it.

    Attributes:
        rule: its name.
        device: the heater, the pump, or the device that reports a reading.
        cause: what was wrong, in one clause.
        remedy: what a person should do, in one clause.
        action: "safe", "halt" or "hold".
    """

    KIND: ClassVar = "trip"

    rule: str
    device: str
    cause: str
    remedy: str
    action: str

    def __str__(self) -> str:
        return f"{self.device}: {self.cause}; {self.remedy}"


@frozen(kw_only=True)
class TripReset(EventData):
    """A person removed the cause of trips. `resume_run` writes it.

    Attributes:
        rules: names of the rules.
    """

    KIND: ClassVar = "trip-reset"

    rules: tuple[str, ...]


@frozen(kw_only=True)
class SafeStateStep(Fields):
    """What became of one step on the way to the safe state.

    Attributes:
        step: in words.
        reached: whether the instruments confirmed it.
        detail: what is not known, and why; empty where it was reached.
    """

    step: str
    reached: bool
    detail: str


@frozen(kw_only=True)
class SafeStateSought(EventData):
    """The rig was brought to its safe state, or that failed. The run writes it, or the watchdog.

    Attributes:
        reached: whether every step was confirmed.
        steps: each `step` in words, whether it was `reached`, and what is not known, `detail`.
        text: for people.
        by: "watchdog" or "flowrig safe", where the run did not do it itself.
    """

    KIND: ClassVar = "safe-state"
    LIQUID: ClassVar = Liquid.NONE

    reached: bool
    steps: tuple[SafeStateStep, ...]
    text: str
    by: str | None = None


@frozen(kw_only=True)
class ListenerFailed(EventData):
    """A listener of the journal, such as the terminal, failed. The journal writes it.

    The listener is not called again.

    Attributes:
        error: what it raised.
    """

    KIND: ClassVar = "listener-failed"
    LIQUID: ClassVar = Liquid.NONE

    error: str


@frozen(kw_only=True)
class Ended(EventData):
    """A process is done with the run. The run writes it last; so do watchdog and `flowrig safe`.

    Attributes:
        state: "finished", "stopped", "held", "failed" or "unknown".
        reason: in one line; empty where there is none.
    """

    KIND: ClassVar = "ended"
    LIQUID: ClassVar = Liquid.NONE

    state: str
    reason: str


_CLASSES: Final[tuple[type[EventData], ...]] = (
    RunStarted,
    PriorKept,
    ChangesAccepted,
    JournalCut,
    CutLiquid,
    Resumed,
    Opened,
    Intent,
    Outcome,
    Reading,
    ChangedElsewhere,
    ControlTold,
    ControlEnded,
    StepBegun,
    Calibrated,
    StageBegun,
    Explored,
    StageEnded,
    Decided,
    ExperimentBegun,
    Measured,
    FractionMade,
    Checked,
    ResultEntered,
    IncumbentFound,
    ModelChecked,
    Skipped,
    OperatorAsked,
    HoldBegun,
    WentOn,
    GateAsked,
    GateOpened,
    HandAsked,
    HandDone,
    WasteLevels,
    SymptomFound,
    Notice,
    Suspended,
    Tripped,
    TripReset,
    SafeStateSought,
    ListenerFailed,
    Ended,
)

KINDS: Final[Mapping[str, type[EventData]]] = {one.KIND: one for one in _CLASSES}
"""The class of every kind, by its name in the journal."""


def kinds_with(liquid: Liquid) -> tuple[type[EventData], ...]:
    """The classes on which the account of liquid depends in one way."""
    return tuple(one for one in _CLASSES if one.LIQUID is liquid)


def data_from_json(kind: str, content: Mapping[str, Any]) -> EventData:
    """What an event of a kind holds.

    Args:
        kind: as the journal names it.
        content: its data, without digests of arrays.

    Raises:
        FieldError: of a known kind, a field is missing or its value is none that flowrig writes.
    """
    known = KINDS.get(kind)
    if known is None:
        return Unknown(kind=kind, extra=dict(content))
    return known.from_json(content)
