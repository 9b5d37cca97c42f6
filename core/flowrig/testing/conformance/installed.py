"""The suites for the offers of an installed plugin."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from typing import Any

from flowrig.errors import InputError
from flowrig.plugins.offers import AnalysisOffer, DriverOffer, Offer, import_target
from flowrig.plugins.registry import Plugins
from flowrig.profile.settings import settings_from
from flowrig.testing.analysis import AnalysisBench, AnalysisConformance
from flowrig.testing.bench.bench import (
    Bench,
    HeaterBench,
    KindBench,
    PumpBench,
    SpectrometerBench,
)
from flowrig.testing.chemistry import ChemistryBench, ChemistryConformance
from flowrig.testing.conformance.heater import HeaterConformance
from flowrig.testing.conformance.learning import OptimizerBench, SurrogateBench
from flowrig.testing.conformance.optimizer import OptimizerConformance
from flowrig.testing.conformance.pump import PumpConformance
from flowrig.testing.conformance.scorecard import Scorecard, score
from flowrig.testing.conformance.spectrometer import SpectrometerConformance
from flowrig.testing.conformance.surrogate import SurrogateConformance
from flowrig.testing.paper import PaperBench, PaperConformance
from flowrig.testing.quality import QualityBench, QualityConformance
from flowrig.testing.study import StudyBench, StudyConformance

__all__ = ["DEADLINE_S", "offers_of", "score_offer"]

DEADLINE_S = 0.5
"""Deadline [s] of a driver in front of its emulator."""

_DEVICES: dict[str, tuple[type, type[Bench[Any]]]] = {
    "pump": (PumpConformance, PumpBench),
    "heater": (HeaterConformance, HeaterBench),
    "spectrometer": (SpectrometerConformance, SpectrometerBench),
}
_MODELS: dict[str, tuple[type, Callable[[Any, Any], Any]]] = {
    "optimizer": (OptimizerConformance, OptimizerBench),
    "surrogate": (SurrogateConformance, SurrogateBench),
    "chemistry": (ChemistryConformance, ChemistryBench),
    "study": (StudyConformance, StudyBench),
    "quality": (QualityConformance, QualityBench),
    "paper": (PaperConformance, PaperBench),
}


def offers_of(plugins: Plugins, name: str) -> Sequence[Offer]:
    """The offers of a plugin for which a suite exists; none does for devices by hand.

    Args:
        plugins: the installed plugins.
        name: name of a plugin, of its distribution, or of one offer.

    Raises:
        InputError: nothing of this name is installed, or no suite exists for it.
    """
    owned = [
        listed.offer
        for listed in plugins.listed
        if name in (listed.plugin.name, listed.plugin.distribution, listed.offer.name)
    ]
    if not owned:
        known = sorted({listed.plugin.name for listed in plugins.listed})
        raise InputError(f"no plugin {name!r} is installed (installed: {', '.join(known)})")
    kinds = plugins.kinds()
    known_kinds = {
        *_DEVICES,
        *_MODELS,
        "analysis",
        *(n for n, kind in kinds.items() if kind.conformance),
    }
    offers = [
        offer
        for offer in owned
        if offer.kind in known_kinds and not (isinstance(offer, DriverOffer) and offer.by_hand)
    ]
    if not offers:
        owned_kinds = ", ".join(sorted({offer.kind for offer in owned}))
        raise InputError(f"no conformance suite exists for the offers of {name!r}: {owned_kinds}")
    return offers


def score_offer(
    offer: Offer,
    address: str = "127.0.0.1",
    words: Sequence[str] = (),
    plugins: Plugins | None = None,
) -> Scorecard:
    """Run the suite for an offer's kind; a driver runs with the emulator that its plugin ships.

    Args:
        offer: the offer.
        address: an address that the driver's settings accept; the emulator's address replaces it.
        words: further settings, each as "key=value" with keys and values of a profile.
        plugins: the installed plugins, if they were looked up.

    Raises:
        InputError: a package is missing, a driver has no emulator, or a setting is wrong or
            missing.
    """
    plugins = plugins or Plugins.discover(warn=False)
    if isinstance(offer, DriverOffer):
        return _score_driver(offer, address, words, plugins)
    target, settings = offer.load(), settings_from(offer, plugins, words)
    if isinstance(offer, AnalysisOffer):
        one = offer
        return score(AnalysisConformance, lambda: nullcontext(AnalysisBench(target, settings, one)))
    suite, bench = _MODELS[offer.kind]
    return score(suite, lambda: nullcontext(bench(target, settings)))


def _score_driver(
    offer: DriverOffer, address: str, words: Sequence[str], plugins: Plugins
) -> Scorecard:
    if not offer.emulator:
        raise InputError(
            f"the driver {offer.name!r} has no emulator, which the checks need; name its class in "
            "DriverOffer(emulator=…)"
        )
    suite, bench = _suite_of(offer, plugins)
    target = offer.load()
    emulator = import_target(offer.emulator, f"the driver {offer.name!r}")
    fixed = {"address": address, "deadline": f"{DEADLINE_S} s"}
    settings = settings_from(offer, plugins, words, **{**offer.example, **fixed})
    new_bench: Callable[[], AbstractContextManager[Any]] = partial(
        bench, target, emulator, settings
    )
    return score(suite, new_bench)


def _suite_of(driver: DriverOffer, plugins: Plugins) -> tuple[type, Callable[..., Any]]:
    """Suite and bench of a driver, with what its offer and that of its kind promise."""
    if driver.kind == "pump":
        return PumpConformance, partial(PumpBench, withdraws=driver.withdraws)
    if driver.kind in _DEVICES:
        return _DEVICES[driver.kind]
    kind = plugins.kinds()[driver.kind]
    if not kind.body:
        raise InputError(
            f"the kind {kind.name!r} has no emulated body, which the checks need; name its class "
            "in KindOffer(body=…)"
        )
    suite = import_target(kind.conformance, f"the suite of the kind {kind.name!r}")
    body = import_target(kind.body, f"the body of the kind {kind.name!r}")
    return suite, partial(KindBench, body=body, safe=kind.safe)
