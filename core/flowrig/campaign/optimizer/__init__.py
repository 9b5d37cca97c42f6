"""Who chooses conditions: the optimizers of a campaign, and what is done where one fails.

On a real rig the optimizer has a process of its own, so that nothing that goes wrong in it touches
a heater; on the virtual clock it thinks in the run's process. Its decisions are the same.
"""

from flowrig.campaign.optimizer.chooser import Brain, Choice
from flowrig.campaign.optimizer.host import Mind, OptimizerFailedError, OwnMind, new_optimizer
from flowrig.campaign.optimizer.process import ProcessMind

__all__ = [
    "Brain",
    "Choice",
    "Mind",
    "OptimizerFailedError",
    "OwnMind",
    "ProcessMind",
    "new_optimizer",
]
