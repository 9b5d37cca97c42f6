"""The rehearsal: one campaign of a rig without a fault, which shows what phases it has."""

import tempfile
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Final

from flowrig.errors import InputError
from flowrig.run.options import RunOptions
from flowrig.run.start import start_run
from flowrig.torture.lasting_rig import TortureRig
from flowrig.torture.phases import Phase, PhaseWatch, SafeWay
from flowrig.torture.rigs import REFERENCE, PlayedRig, plugins

__all__ = ["REHEARSED", "occurrences_of", "rehearse"]

REHEARSED: Final[Mapping[Phase, int]] = {
    Phase.CONNECT: 1, Phase.IDENTIFY: 1, Phase.HOME: 1, Phase.PRIME: 1, Phase.HEAT_UP: 3,
    Phase.FLOW: 3, Phase.SETTLE: 3, Phase.MEASURE: 6, Phase.COMMIT: 3, Phase.SUGGEST: 2,
    Phase.FLUSH: 1, Phase.CLOSE: 1,
}  # fmt: skip
"""How often each phase occurs on the reference rig; a test rehearses it."""


@lru_cache(maxsize=4)
def occurrences_of(played: PlayedRig) -> Mapping[Phase, int]:
    """How often each phase that a campaign of a rig has occurs in it.

    Raises:
        InputError: see `rehearse`.
    """
    return REHEARSED if played is REFERENCE else rehearse(played)


def rehearse(played: PlayedRig) -> dict[Phase, int]:
    """As `occurrences_of`, always from a campaign.

    Raises:
        InputError: the campaign does not finish although nothing is wrong.
    """
    counts: Counter[Phase] = Counter({Phase.CONNECT: 1, Phase.IDENTIFY: 1})
    with tempfile.TemporaryDirectory(prefix="flowrig-torture-") as home, TortureRig() as rig:
        folder = Path(home)
        watch = PhaseWatch(SafeWay(played.profile), lambda phase, _: counts.update([phase]))
        outcome = start_run(
            played.campaign.write(folder),
            RunOptions(
                folder=folder / "run",
                simulate=True,
                seed=1,
                clock=rig.clock,
                listeners=[watch],
                plugins=plugins(),
                simulator=rig.simulator,
            ),
        )
    if outcome.state != "finished":
        raise InputError(
            f"{played.name}: its short campaign does not finish although nothing is "
            f"wrong: {outcome.state}: {outcome.reason}"
        )
    counts.subtract({Phase.CLOSE: max(counts[Phase.CLOSE] - 1, 0)})  # struck where it begins
    return {phase: counts[phase] for phase in Phase if counts[phase]}
