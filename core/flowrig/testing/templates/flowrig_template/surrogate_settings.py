"""Settings of the surrogate in a campaign."""

from attrs import field, frozen
from attrs.validators import ge, gt, in_

from flowrig.interfaces import SurrogateSettings


@frozen(kw_only=True)
class TemplateSurrogateSettings(SurrogateSettings):
    """Settings of the polynomial.

    Attributes:
        degree: highest power, 1 to 3.
        prior_sd: prior standard deviation of the weights, in standard deviations of a response.
        least_noise: smallest possible noise, in standard deviations of a response.
    """

    degree: int = field(default=3, validator=in_((1, 2, 3)))
    prior_sd: float = field(default=3.0, validator=gt(0.0))
    least_noise: float = field(default=1e-3, validator=ge(1e-6))
