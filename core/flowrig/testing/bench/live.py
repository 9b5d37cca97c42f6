"""The part of the kit that is safe on a real instrument."""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from attrs import frozen

from flowrig.errors import InputError
from flowrig.interfaces import DeviceSettings, Identity, Syringe
from flowrig.plugins.offers import DriverOffer
from flowrig.testing.bench.live_bench import (
    LiveBench,
    LiveHeaterBench,
    LivePumpBench,
    LiveSpectrometerBench,
)
from flowrig.testing.conformance.checks import live_of
from flowrig.testing.conformance.heater import HeaterConformance
from flowrig.testing.conformance.pump import PumpConformance
from flowrig.testing.conformance.scorecard import Verdict, checks_of, requirement_of, verdict
from flowrig.testing.conformance.spectrometer import SpectrometerConformance

__all__ = ["LiveCheck", "LiveSession"]


@frozen
class LiveCheck:
    """One check that can be made on a real instrument.

    Attributes:
        name: of the check.
        requirement: what must be true, in one sentence.
        does: what it does to the instrument: a clause without a subject.
        acts: whether it moves or heats something.
    """

    name: str
    requirement: str
    does: str
    acts: bool


_SUITES: Final[dict[str, type]] = {
    "pump": PumpConformance,
    "heater": HeaterConformance,
    "spectrometer": SpectrometerConformance,
}


class LiveSession:
    """The checks of one driver on one real instrument.

    Args:
        offer: the driver.
        settings: where the instrument is.
        may_act: whether it may be moved or heated.
        syringe: what is on the pump, if it is one and somebody has said.

    Attributes:
        may_act: whether it may be moved or heated.
        checks: what can be checked, in order; what only asks comes first.

    Raises:
        InputError: a package is missing, or the pump may move and nobody has said what is on it.
    """

    def __init__(
        self,
        offer: DriverOffer,
        settings: DeviceSettings,
        *,
        may_act: bool = False,
        syringe: Syringe | None = None,
    ) -> None:
        if offer.kind == "pump" and may_act and syringe is None:
            raise InputError("a pump may move only if it is said which syringe is on it")
        self._suite, self.may_act = _SUITES[offer.kind], may_act
        self._new_bench = _benches(offer, settings, may_act, syringe)
        checks = [_live_check(self._suite, name) for name, _ in checks_of(self._suite)]
        self.checks = tuple(sorted(filter(None, checks), key=lambda check: check.acts))

    def first_look(self) -> Identity:
        """Who is there, and is it at rest? Nothing is stopped.

        Raises:
            InputError: it is not at rest.
            DeviceError: it does not answer, or another instrument does.
        """
        return self._new_bench().first_look()

    def run(self, check: LiveCheck) -> Verdict:
        """Make one check; the instrument is at rest and its port closed afterwards.

        Raises:
            UnsafeStateError: the instrument was not seen to be at rest.
        """
        if check.acts and not self.may_act:
            return self.leave_out(check, "it moves or heats something")
        return verdict(self._suite, check.name, self._new_bench)

    def leave_out(self, check: LiveCheck, why: str) -> Verdict:
        """The verdict on a check that was not made."""
        _, level = next(one for one in checks_of(self._suite) if one[0] == check.name)
        return Verdict(check.name, check.requirement, level, "skipped", why)


def _benches(
    offer: DriverOffer, settings: DeviceSettings, may_act: bool, syringe: Syringe | None
) -> Callable[[], LiveBench[Any]]:
    """Makes benches with the instrument on them."""
    driver = offer.load()
    if offer.kind == "pump":
        return partial(LivePumpBench, driver, settings, may_act=may_act, syringe=syringe)
    bench = LiveHeaterBench if offer.kind == "heater" else LiveSpectrometerBench
    return partial(bench, driver, settings, may_act=may_act)


def _live_check(suite: type, name: str) -> LiveCheck | None:
    check = getattr(suite, name)
    live = live_of(check)
    if live is None:
        return None
    return LiveCheck(name, requirement_of(check), live.does, live.acts)
