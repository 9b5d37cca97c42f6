"""What happens in a run beside experiments, in words."""

from attrs import frozen

from flowrig.journal.events import (
    ChangesAccepted,
    CutLiquid,
    Ended,
    EventData,
    Explored,
    FractionMade,
    GateAsked,
    GateOpened,
    HandAsked,
    HandDone,
    HoldBegun,
    JournalCut,
    Notice,
    OperatorAsked,
    Resumed,
    RunStarted,
    SafeStateSought,
    Skipped,
    StageBegun,
    StageEnded,
    Suspended,
    SymptomFound,
    Tripped,
    TripReset,
    WentOn,
)

__all__ = ["News", "news_of"]


@frozen
class News:
    """Something that happened.

    Attributes:
        text: in one sentence.
        level: "plain", "warn" or "bad".
    """

    text: str
    level: str = "plain"


def news_of(data: EventData) -> News | None:
    """An event in words; None for events that tables and charts show."""
    return _of_the_campaign(data) or _of_people(data) or _of_trouble(data)


def _of_the_campaign(data: EventData) -> News | None:
    news: News | None = None
    match data:
        case RunStarted(profile=profile, seed=seed):
            news = News(f"the run of {profile} begins, seed {seed}")
        case Resumed(done=done, planned=planned):
            news = News(f"the run is resumed with {done} of {planned} experiments", "warn")
        case StageBegun(stage=stage):
            news = News(f"stage {stage} begins")
        case Explored(stage=stage, r2=r2):
            news = News(f"stage {stage} ends: the model explains {r2:.0%} of the variance")
        case StageEnded(stage=stage, reason=reason):
            news = News(f"stage {stage} ends: {reason}")
        case FractionMade(number=number, kept=kept, reason=reason):
            news = News(f"fraction {number} is {'kept' if kept else f'refused: {reason}'}")
        case Skipped(index=index):
            news = News(f"experiment {index} is skipped", "warn")
        case Ended(state=state, reason=reason):
            level = {"finished": "plain", "stopped": "warn", "held": "warn"}.get(state, "bad")
            news = News(": ".join(filter(None, (state, reason))), level)
    return news


def _of_people(data: EventData) -> News | None:
    news: News | None = None
    match data:
        case OperatorAsked(request=request, by=by, refused=refused):
            news = News(f"{request}, by {by}{f': refused, {refused}' if refused else ''}", "warn")
        case HoldBegun(why=why, text=text):
            news = News(f"{'paused' if why == 'pause' else 'on hold'}: {text}", "warn")
        case WentOn(refilled=refilled, emptied=emptied):
            done = [f"{name} is full" for name in refilled]
            done += [f"{name} is empty" for name in emptied]
            news = News("; ".join(["the run goes on", *done]))
        case GateAsked(gate=gate, before=before, asks=asks):
            news = News(f"gate {gate}, before {before}: {asks}", "warn")
        case GateOpened(gate=gate, by=by):
            news = News(f"gate {gate}: yes, by {by}")
        case HandAsked(asks=asks):
            news = News(asks, "warn")
        case HandDone(by=by):
            news = News(f"done by hand, says {by}")
        case TripReset(rules=rules):
            news = News(f"the cause of {', '.join(rules)} is removed")
    return news


def _of_trouble(data: EventData) -> News | None:
    news: News | None = None
    match data:
        case Tripped(rule=rule):
            news = News(f"{rule} has tripped: {data}", "bad")
        case SafeStateSought(reached=reached, text=text):
            news = News(text, "plain" if reached else "bad")
        case SymptomFound(text=text) | Notice(text=text):
            news = News(text, "warn")
        case JournalCut(text=text) | CutLiquid(text=text):
            news = News(text, "bad")
        case Suspended(slept_s=slept_s):
            news = News(f"the computer was suspended for {slept_s:.0f} s", "warn")
        case ChangesAccepted(differences=differences):
            news = News(f"accepted: {'; '.join(differences)}", "warn")
    return news
