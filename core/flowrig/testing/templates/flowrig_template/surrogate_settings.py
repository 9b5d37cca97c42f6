"""What a campaign can say about the surrogate."""

from attrs import field, frozen
from attrs.validators import ge, gt, in_

from flowrig.interfaces import SurrogateSettings


@frozen(kw_only=True)
class TemplateSurrogateSettings(SurrogateSettings):
    """Settings of the polynomial.

    Attributes:
        degree: its highest power, 1 to 3.
        prior_sd: how large its weights may be, in standard deviations of a response.
        least_noise: the smallest noise that is believed, in standard deviations of a response.
    """

    degree: int = field(default=3, validator=in_((1, 2, 3)))
    prior_sd: float = field(default=3.0, validator=gt(0.0))
    least_noise: float = field(default=1e-3, validator=ge(1e-6))
