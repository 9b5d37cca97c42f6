"""The scorecard of a run: the metrics by which self-driving labs are judged, from its journal."""

from flowrig.run_record.scorecard.scorecard import Scorecard, scorecard_of

__all__ = ["Scorecard", "scorecard_of"]
