"""The analyses of the core, offered through the same hook as those of a plugin."""

from collections.abc import Sequence

from flowrig.plugins.hookspecs import hookimpl
from flowrig.plugins.offers import AnalysisOffer
from flowrig.profile.model import ABSORBANCE, EMISSION


@hookimpl
def flowrig_analyses() -> Sequence[AnalysisOffer]:
    """Absorbance and emission."""
    return [ABSORBANCE, EMISSION]
