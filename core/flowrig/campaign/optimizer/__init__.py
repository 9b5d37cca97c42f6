"""Who chooses conditions: the optimizers of a campaign, and what is done where one fails.

On a real rig the optimizer has a process of its own, so that nothing that goes wrong in it touches
a heater; on the virtual clock it thinks in the run's process. Its decisions are the same.
"""

from flowrig.campaign.optimizer.chooser import Choice, ConditionChooser
from flowrig.campaign.optimizer.host import (
    InProcessOptimizer,
    OptimizerFailedError,
    OptimizerHost,
    new_optimizer,
)
from flowrig.campaign.optimizer.process import OptimizerProcess

__all__ = [
    "Choice",
    "ConditionChooser",
    "InProcessOptimizer",
    "OptimizerFailedError",
    "OptimizerHost",
    "OptimizerProcess",
    "new_optimizer",
]
