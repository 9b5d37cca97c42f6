"""Settings of the surrogate `mean-of`."""

from attrs import field, frozen

from flowrig.errors import InputError
from flowrig.interfaces.surrogate import SurrogateSettings
from flowrig.profile import SurrogateChoice

__all__ = ["MeanOfSettings"]


@frozen(kw_only=True)
class MeanOfSettings(SurrogateSettings):
    """Which surrogates are combined.

    Attributes:
        of: two surrogates or more, each by its name, or as a table with its settings; if there are
            none, the Gaussian process and the ensemble of networks with their default settings.
        weighted: whether each response is told mostly by those who predict it well, and the spread
            is set right, as far as all of them can tell what they expect of experiments that they
            have not seen; otherwise all count alike.
    """

    of: tuple[SurrogateChoice, ...] = field(default=())
    weighted: bool = True

    def __attrs_post_init__(self) -> None:
        if len(self.of) == 1:
            raise InputError("one surrogate is no mean; name two or more in `of`")
