"""What a profile without devices says."""

from collections.abc import Mapping

from attrs import field, frozen

from flowrig.problem.objective import Objective
from flowrig.problem.space import Space
from flowrig.profile.model import Given, Prior, SurrogateChoice

__all__ = ["DataProfile"]


@frozen(kw_only=True)
class DataProfile:
    """Experiments that somebody has made: their conditions, results and tables. Nothing can run.

    Attributes:
        name: the key `name` of the profile, else the name of the file without its ending.
        title: title in words.
        source: source of its facts, for instance a DOI.
        space: the conditions, each in the unit in which its range is written.
        results: by CHANNEL.QUANTITY, unit and range of each result.
        features: by name, the result that it is.
        objective: the objective.
        labels: names for people, by the name of a condition or feature.
        surrogate: the model of the responses; None if the profile names none.
        priors: the tables, with their columns.
    """

    name: str
    title: str
    source: str
    space: Space
    results: Mapping[str, Given]
    features: Mapping[str, str]
    objective: Objective
    labels: Mapping[str, str] = field(factory=dict)
    surrogate: SurrogateChoice | None = None
    priors: tuple[Prior, ...] = ()

    @property
    def units(self) -> dict[str, str]:
        """Unit of each feature."""
        return {name: self.results[result].unit for name, result in self.features.items()}

    @property
    def rsd(self) -> tuple[float, ...]:
        """Repeatability of the responses as fractions; of none it is known."""
        return ()

    def given(self, response: str) -> Given:
        """Unit and range of a feature."""
        return self.results[self.features[response]]

    def columns(self, prior: Prior) -> dict[str, str]:
        """Columns of a table by condition and response, where the names differ.

        A response may be named by itself, or by its result, CHANNEL.QUANTITY.
        """
        by_result = {result: name for name, result in self.features.items()}
        return {by_result.get(name, name): column for name, column in prior.columns.items()}
