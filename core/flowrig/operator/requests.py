"""Requests of people to a run: taken in any thread, kept until the run obeys them."""

import math
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from enum import StrEnum

from flowrig.errors import (
    HaltRequested,
    InputError,
    PauseRequested,
    SkipRequested,
    StopRequested,
)
from flowrig.journal.events import OperatorAsked
from flowrig.operator.hold import Answer, Hold, HoldKind

__all__ = ["MEANINGS", "OperatorRequests", "Request"]


class Request(StrEnum):
    """A request that a person can make of a run."""

    PAUSE = "pause"
    GO_ON = "go-on"
    SKIP = "skip"
    STOP = "stop"
    HALT = "halt"


MEANINGS: Mapping[Request, str] = {
    Request.PAUSE: "an experiment whose frames are being taken is finished; any other is given up, "
    "and begun again later. Reagents stop, temperatures and carrier stay. Without go-on in time, "
    "the rig goes to its safe state",
    Request.GO_ON: "the run goes on, as what it waits for is done; an experiment that was given up "
    "begins again",
    Request.SKIP: "the experiment under way is given up for good and recorded as skipped. Liquid "
    "stops, and the next experiment begins; of a run on hold, once it goes on",
    Request.STOP: "the run ends in the safe state of its profile, flushing included; "
    "`flowrig resume` goes on later. Once more ends the flushing",
    Request.HALT: "the run ends: all flow and all heat off at once. Nothing is flushed, so the "
    "liquid in a hot reactor stays there",
}
"""Effect of each request, for the person who is about to make it."""


def _asked(hold: Hold) -> str:
    """What a hold asks to be read, in words."""
    return f"it asks for {', '.join(hold.reads)}" if hold.reads else "it asks for no reading"


class OperatorRequests:
    """Takes requests in any thread, refuses those that make no sense now, and keeps the others.

    Attributes:
        attended: whether a person sits beside the run; then it waits in real time even where its
            own time is simulated.
    """

    def __init__(self) -> None:
        self.attended = False
        self._lock = threading.RLock()  # a request may come as a signal in the thread that connects
        self._changed = threading.Condition(self._lock)
        self._wake: Callable[[], None] = lambda: None
        self._stops = 0
        self._halts = False
        self._pauses = False
        self._skips = False
        self._computes = False
        self._experiment: int | None = None
        self._hold: Hold | None = None
        self._answer: Answer | None = None
        self._streams: tuple[str, ...] = ()
        self._wastes: tuple[str, ...] = ()
        self._news: list[OperatorAsked] = []

    def connect(self, wake: Callable[[], None]) -> None:
        """Call `wake` whenever a person asks the run to end, so that waits end."""
        with self._lock:
            self._wake = wake

    def name_vessels(self, streams: Iterable[str], wastes: Iterable[str]) -> None:
        """Name the streams whose syringes can be refilled and the wastes that can be emptied."""
        with self._lock:
            self._streams, self._wastes = tuple(streams), tuple(wastes)

    def ask(
        self,
        request: Request,
        by: str = "program",
        *,
        refilled: Sequence[str] = (),
        emptied: Sequence[str] = (),
        readings: Mapping[str, float] | None = None,
    ) -> None:
        """Make a request.

        Args:
            request: which.
            by: where it comes from, for the journal.
            refilled: with go-on: streams whose syringes are full again.
            emptied: with go-on: wastes that are empty again.
            readings: with go-on: what a person has read, by DEVICE.QUANTITY.

        Raises:
            InputError: the request makes no sense now; the message gives the reason.
        """
        read = dict(readings or {})
        with self._lock:
            refused = self._refusal(request) or self._not_done(request, refilled, emptied, read)
            self._news.append(OperatorAsked(request=request.value, by=by, refused=refused))
            if refused:
                raise InputError(refused)
            self._take(request)
            if request is Request.GO_ON and self._hold is not None:
                self._answer = Answer(
                    by=by, refilled=tuple(refilled), emptied=tuple(emptied), readings=read
                )
            self._changed.notify_all()
            if request in (Request.STOP, Request.HALT):
                self._wake()

    def _refusal(self, request: Request) -> str:
        """Why a request makes no sense now; empty where it makes sense."""
        if request in (Request.STOP, Request.HALT):
            return ""
        reasons = {
            "the run is ending": self.ending,
            "the run is paused already": request is Request.PAUSE and self._pauses,
            "the run is on hold already": request is Request.PAUSE and self._hold is not None,
            "the run is not paused, and not on hold": request is Request.GO_ON
            and not self._pauses
            and self._hold is None,
            "the run goes on already": request is Request.GO_ON and self._answer is not None,
            "no experiment is under way": request is Request.SKIP and self._experiment is None,
            "that experiment is skipped already": request is Request.SKIP and self._skips,
        }
        return next((reason for reason, holds in reasons.items() if holds), "")

    def _not_done(
        self,
        request: Request,
        refilled: Sequence[str],
        emptied: Sequence[str],
        readings: Mapping[str, float],
    ) -> str:
        """Why the run cannot go on with what a person has done; empty where it can."""
        hold = self._hold if request is Request.GO_ON else None
        for done, known, what in (
            (refilled, self._streams, "syringe or reservoir"),
            (emptied, self._wastes, "waste with a volume"),
        ):
            for name in done:
                if name not in known:
                    return f"there is no {what} {name!r}; there are {', '.join(known) or 'none'}"
        if hold is None:
            said = refilled or emptied or readings
            return "that counts only while the run is on hold" if said else ""
        for name, value in readings.items():
            if name not in hold.reads:
                return f"the run does not ask for {name!r}; {_asked(hold)}"
            if not math.isfinite(value):
                return f"{name}: expected a number, got {value:g}"
        if {*hold.refill, *hold.empty, *hold.reads} <= {*refilled, *emptied, *readings}:
            return ""
        return f"the run waits: {hold.text}; when that is done, say {hold.options}"

    def _take(self, request: Request) -> None:
        match request:
            case Request.PAUSE:
                self._pauses = True
            case Request.GO_ON:
                self._pauses = False
            case Request.SKIP:
                self._skips = True
            case Request.STOP:
                self._stops += 1
            case Request.HALT:
                self._halts = True

    @property
    def ending(self) -> bool:
        """Whether a person asked the run to end."""
        return self._stops > 0 or self._halts

    @property
    def hurried(self) -> bool:
        """Whether a person asked the run to end without a flush: by two stops, or by a halt."""
        return self._stops > 1 or self._halts

    @property
    def hold(self) -> Hold | None:
        """The hold that the run is in; None where it is in none."""
        return self._hold

    @property
    def answer(self) -> Answer | None:
        """The answer of a person to the hold; None where there is none yet."""
        return self._answer

    @contextmanager
    def holding(self, hold: Hold) -> Iterator[None]:
        """Within this context the run waits for a person; a pause that is over needs no answer."""
        with self._lock:
            over = hold.kind is HoldKind.PAUSE and not self._pauses
            self._hold, self._answer = hold, Answer(by="") if over else None
        try:
            yield
        finally:
            with self._lock:
                self._hold = self._answer = None

    @contextmanager
    def experiment(self, index: int) -> Iterator[None]:
        """Within this context an experiment is under way, and may be skipped.

        Raises:
            SkipRequested: at the end, if a skip came too late to be obeyed before.
        """
        with self._lock:
            self._experiment, self._skips = index, False
        late = False
        try:
            yield
            late = True
        finally:
            with self._lock:
                late = late and self._skips
                self._experiment, self._skips = None, False
        if late:
            raise SkipRequested(f"a person skipped experiment {index}")

    @contextmanager
    def computing(self) -> Iterator[None]:
        """Within this context nothing moves and nothing is written, so that `give_up_computing` may
        end it at any time."""
        self._computes = True
        try:
            yield
        finally:
            self._computes = False

    def give_up_computing(self) -> None:
        """End a computation of this thread; called by the handler of a signal.

        Raises:
            KeyboardInterrupt: something is being computed. It passes code that takes every
                `Exception` for a failure of the computation.
        """
        if self._computes:
            self._computes = False
            raise KeyboardInterrupt

    def obey(self, *, may_pause: bool, may_skip: bool) -> None:
        """Raise the request that the run has to obey now.

        Args:
            may_pause: whether the run can pause now; if not, a pause is kept for later.
            may_skip: whether the run can give up the experiment now.

        Raises:
            HaltRequested: the run ends at once.
            StopRequested: the run ends in the safe state.
            SkipRequested: the experiment under way is given up.
            PauseRequested: the run pauses.
        """
        if self._halts:
            raise HaltRequested("a person halted the run: flow and heat off, nothing flushed")
        if self._stops:
            raise StopRequested("a person asked the run to stop")
        if self._pauses and may_pause:
            raise PauseRequested("a person asked the run to pause")
        if self._skips and may_skip:
            raise SkipRequested(f"a person skipped experiment {self._experiment}")

    def wait(self, at_most_s: float) -> None:
        """Wait for the next request in real time."""
        with self._lock:
            self._changed.wait(at_most_s)

    def news(self) -> list[OperatorAsked]:
        """Requests made since the last call, for the journal."""
        with self._lock:
            news, self._news = self._news, []
        return news
