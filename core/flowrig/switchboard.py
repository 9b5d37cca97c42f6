"""What a person wants of a run: wishes come from any thread, and the run asks for them."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from enum import StrEnum

from attrs import asdict, frozen

from flowrig.errors import (
    HaltRequested,
    InputError,
    PauseRequested,
    SkipRequested,
    StopRequested,
)

__all__ = ["MEANINGS", "Switchboard", "Told", "Wish"]


class Wish(StrEnum):
    """What a person can want of a run."""

    PAUSE = "pause"
    GO_ON = "go-on"
    SKIP = "skip"
    STOP = "stop"
    HALT = "halt"


MEANINGS: Mapping[Wish, str] = {
    Wish.PAUSE: "an experiment whose frames are being taken is finished; any other is given up, "
    "and begun again later. Liquid stops, temperatures stay. If nobody says go-on in time, the rig "
    "goes to its safe state",
    Wish.GO_ON: "the run goes on; an experiment that was given up begins again",
    Wish.SKIP: "the experiment under way is given up for good and recorded as skipped. Liquid "
    "stops, and the next experiment begins",
    Wish.STOP: "the run ends in the safe state of its profile, flushing included; "
    "`flowrig resume` goes on later. Once more ends the flushing",
    Wish.HALT: "the run ends: all flow and all heat off at once. Nothing is flushed, so what is in "
    "a hot reactor stays there",
}
"""What each wish does, in words for the person who is about to utter it."""


@frozen
class Told:
    """A wish that was uttered.

    Attributes:
        wish: which.
        by: from where: "terminal", "command line", "signal" or "program".
        refused: why it is not obeyed; "" where it is.
    """

    wish: str
    by: str
    refused: str = ""


class Switchboard:
    """Takes wishes from any thread, says which make sense now, and reminds the run of them."""

    def __init__(self) -> None:
        self._lock = threading.RLock()  # a wish may come as a signal in the thread that connects
        self._changed = threading.Condition(self._lock)
        self._wake: Callable[[], None] = lambda: None
        self._stops = 0
        self._halts = False
        self._pauses = False
        self._skips = False
        self._experiment: int | None = None
        self._news: list[Told] = []

    def connect(self, wake: Callable[[], None]) -> None:
        """Call `wake` whenever the run is asked to end, so that waits end."""
        with self._lock:
            self._wake = wake

    def ask(self, wish: Wish, by: str = "program") -> None:
        """Utter a wish.

        Args:
            wish: which.
            by: from where, for the journal.

        Raises:
            InputError: it makes no sense now; the message says why.
        """
        with self._lock:
            refused = self._refusal(wish)
            self._news.append(Told(wish.value, by, refused))
            if refused:
                raise InputError(refused)
            self._take(wish)
            self._changed.notify_all()
            if wish in (Wish.STOP, Wish.HALT):
                self._wake()

    def _refusal(self, wish: Wish) -> str:
        """Why a wish makes no sense now; "" where it does."""
        if wish in (Wish.STOP, Wish.HALT):
            return ""
        reasons = {
            "the run is ending": self.ending,
            "the run is paused already": wish is Wish.PAUSE and self._pauses,
            "the run is not paused": wish is Wish.GO_ON and not self._pauses,
            "no experiment is under way": wish is Wish.SKIP and self._experiment is None,
            "that experiment is skipped already": wish is Wish.SKIP and self._skips,
        }
        return next((reason for reason, holds in reasons.items() if holds), "")

    def _take(self, wish: Wish) -> None:
        match wish:
            case Wish.PAUSE:
                self._pauses = True
            case Wish.GO_ON:
                self._pauses = False
            case Wish.SKIP:
                self._skips = True
            case Wish.STOP:
                self._stops += 1
            case Wish.HALT:
                self._halts = True

    @property
    def ending(self) -> bool:
        """Whether the run was asked to end."""
        return self._stops > 0 or self._halts

    @property
    def hurried(self) -> bool:
        """Whether it was asked to end without flushing: more than once, or by a halt."""
        return self._stops > 1 or self._halts

    @property
    def paused(self) -> bool:
        """Whether the run was asked to pause, and not to go on since."""
        return self._pauses

    @contextmanager
    def experiment(self, index: int) -> Iterator[None]:
        """Within this an experiment is under way, and may be skipped.

        Raises:
            SkipRequested: at the end, where a skip came too late to be obeyed before.
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

    def obey(self, *, may_pause: bool, may_skip: bool) -> None:
        """Raise what the run was asked for.

        Args:
            may_pause: whether this is a good moment for a pause; else it is left for later.
            may_skip: whether it is one to give up the experiment.

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
        """Wait for the next wish, in the time of people, which is never simulated."""
        with self._lock:
            self._changed.wait(at_most_s)

    def news(self) -> list[dict[str, str]]:
        """Wishes that were uttered since this was asked last, for the journal."""
        with self._lock:
            news, self._news = self._news, []
        return [asdict(told) for told in news]
