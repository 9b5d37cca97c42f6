"""Settings of the surrogate `mean-of`."""

from attrs import field, frozen

from flowrig.errors import InputError
from flowrig.interfaces.surrogate import SurrogateSettings
from flowrig.profile import SurrogateChoice

__all__ = ["MeanOfSettings"]


@frozen(kw_only=True)
class MeanOfSettings(SurrogateSettings):
    """The surrogates to combine, and their weights.

    Attributes:
        of: two surrogates or more, each a name or a table with settings; by default the Gaussian
            process and the ensemble of networks with their default settings.
        weighted: whether the weights for each response, and a factor on the spread, are fitted to
            predictions of unseen experiments, if all surrogates have them; otherwise the weights
            are equal.
    """

    of: tuple[SurrogateChoice, ...] = field(default=())
    weighted: bool = True

    def __attrs_post_init__(self) -> None:
        if len(self.of) == 1:
            raise InputError("a mean needs two surrogates or more; name them in `of`")
