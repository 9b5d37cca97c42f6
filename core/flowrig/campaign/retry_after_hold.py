"""Actions of a campaign that are repeated after the run waited for a person."""

from collections.abc import Callable
from typing import TypeVar

from flowrig.campaign.campaign_journal import CampaignJournal
from flowrig.campaign.progress import CampaignProgress
from flowrig.errors import HoldExpiredError, NeedsPersonError, PauseRequested, SafetyTripError
from flowrig.operator.hold import Hold, HoldKind
from flowrig.procedure.executor import Executor
from flowrig.profile import Profile
from flowrig.safety_rules import SyringeNotEmpty

__all__ = ["RetryAfterHold"]

R = TypeVar("R")


class RetryAfterHold:
    """Holds the run if an action needs a person, and then begins the action again.

    Args:
        profile: the rig.
        executor: keeps the rig as it is while the run is on hold.
        journal: takes the interlocks that ask for a hold.
        progress: says for how many experiments a refill is enough.
    """

    def __init__(
        self,
        profile: Profile,
        executor: Executor,
        journal: CampaignJournal,
        progress: CampaignProgress,
    ) -> None:
        self._profile = profile
        self._executor = executor
        self._journal = journal
        self._progress = progress

    def __call__(self, action: Callable[[], R]) -> R:
        """Do an action, from its beginning after every hold.

        Raises:
            HoldExpiredError: nobody came in time.
            SafetyTripError: an interlock tripped that does not ask for a hold.
            FlowrigError: whatever else the action raises.
        """
        while True:
            try:
                return action()
            except HoldExpiredError:  # it is a NeedsPersonError, and must end the run
                raise
            except PauseRequested:
                hold = Hold(kind=HoldKind.PAUSE, text="a person paused the run")
            except NeedsPersonError as error:
                hold = self._hold_for_supplies(error)
            except SafetyTripError as error:
                if error.action != "hold":
                    raise
                self._journal.tripped(error.trips)
                hold = self._hold_by_interlock(error)
            self._executor.hold(hold)

    def _hold_for_supplies(self, error: NeedsPersonError) -> Hold:
        text = f"{error}{self._progress.outlook(error.refill)}"
        return self._hold(text, error.refill, error.empty)

    def _hold_by_interlock(self, error: SafetyTripError) -> Hold:
        pumps = {trip.device for trip in error.trips if trip.rule == SyringeNotEmpty.name}
        streams = self._profile.streams.items()
        refill = tuple(name for name, stream in streams if stream.pump in pumps)
        return self._hold(str(error), refill)

    def _hold(self, text: str, refill: tuple[str, ...], empty: tuple[str, ...] = ()) -> Hold:
        streams = self._profile.streams
        supplied = tuple(
            name for name in refill if name in streams and streams[name].syringe is None
        )
        return Hold(kind=HoldKind.NEED, text=text, refill=refill, empty=empty, supplied=supplied)
