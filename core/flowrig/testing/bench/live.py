"""The checks that are safe on a real instrument."""

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
        name: name of the check.
        requirement: the requirement that it checks, in one sentence.
        does: effect on the instrument, a clause without a subject: "opens it twice".
        acts: whether the check moves or heats something.
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
        settings: the driver's settings, with the instrument's address.
        may_act: whether checks may move or heat the instrument.
        syringe: the syringe in a pump; None if it is unknown, or for other instruments.

    Attributes:
        may_act: whether checks may move or heat the instrument.
        checks: the possible checks in order; those that only query come first.

    Raises:
        InputError: a package is missing, a pump may move and its syringe is unknown, or no such
            checks exist for the kind of device.
    """

    def __init__(
        self,
        offer: DriverOffer,
        settings: DeviceSettings,
        *,
        may_act: bool = False,
        syringe: Syringe | None = None,
    ) -> None:
        if offer.kind not in _SUITES:
            raise InputError(
                f"no checks on a real instrument exist for the kind of device {offer.kind!r}; "
                "they exist for pumps, heaters and spectrometers"
            )
        if offer.kind == "pump" and may_act and syringe is None:
            raise InputError("a pump may move only if it is known which syringe is on it")
        self._suite, self.may_act = _SUITES[offer.kind], may_act
        self._new_bench = _benches(offer, settings, may_act, syringe)
        checks = [_live_check(self._suite, name) for name, _ in checks_of(self._suite)]
        self.checks = tuple(sorted(filter(None, checks), key=lambda check: check.acts))

    def identify_at_rest(self) -> Identity:
        """Identify the instrument, and require that it is at rest; it is never stopped here.

        Raises:
            InputError: the instrument is not at rest.
            DeviceError: the instrument does not answer, or another one does.
        """
        return self._new_bench().identify_at_rest()

    def run(self, check: LiveCheck) -> Verdict:
        """Make one check; afterwards the instrument is at rest and its port closed.

        Raises:
            UnsafeStateError: the instrument is not confirmed to be at rest.
        """
        if check.acts and not self.may_act:
            return self.skip(check, "it moves or heats something")
        return verdict(self._suite, check.name, self._new_bench)

    def skip(self, check: LiveCheck, why: str) -> Verdict:
        """Return the verdict on a check that is not made, with the reason."""
        _, level = next(one for one in checks_of(self._suite) if one[0] == check.name)
        return Verdict(check.name, check.requirement, level, "skipped", why)


def _benches(
    offer: DriverOffer, settings: DeviceSettings, may_act: bool, syringe: Syringe | None
) -> Callable[[], LiveBench[Any]]:
    """Return a function that makes benches with the instrument."""
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
