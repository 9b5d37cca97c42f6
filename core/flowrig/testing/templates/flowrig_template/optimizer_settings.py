"""Settings of the optimizer in a campaign."""

from attrs import field, frozen
from attrs.validators import and_, gt, le

from flowrig.interfaces import OptimizerSettings


@frozen(kw_only=True)
class TemplateOptimizerSettings(OptimizerSettings):
    """Settings of the search.

    Attributes:
        step: standard deviation of a step, as a fraction of each parameter's range.
    """

    step: float = field(default=0.15, validator=and_(gt(0.0), le(1.0)))
