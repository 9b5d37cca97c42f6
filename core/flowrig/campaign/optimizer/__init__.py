"""The choice of conditions: optimizers, their processes, and what is done if one fails.

On a real rig the optimizer has a process of its own, so that a crash or a hang of the optimizer
reaches no heater. On the virtual clock it computes in the process of the run. The decisions are the
same.
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
