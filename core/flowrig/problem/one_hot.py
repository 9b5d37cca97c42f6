"""Categories as columns of numbers, for whatever knows numbers only.

A category stands in arrays as one number, which has an order that the choices have not. Here each
of three or more choices gets a column that is 1 where it is chosen and else 0, so that all choices
are equally far from each other. Two choices need no second column.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from flowrig.problem.space import Parameter, Space

__all__ = ["OneHot"]

Array = NDArray[np.float64]


class OneHot:
    """Between the conditions of a space and columns of numbers.

    Args:
        space: the space.
        natural: whether conditions are in natural units; else they are points of the unit cube.

    Attributes:
        parameters: one for each column, in natural units; those of choices go from 0 to 1.
        kept: by condition its column; -1 for a category with several.
    """

    def __init__(self, space: Space, *, natural: bool = False) -> None:
        self._counts = [len(one.choices) for one in space.parameters]
        self._tops = [1.0 if natural else max(count - 1.0, 1.0) for count in self._counts]
        self.parameters = tuple(_columns(space))
        self.kept: list[int] = []
        place = 0
        for count in self._counts:
            self.kept.append(place if count <= 2 else -1)
            place += count if count > 2 else 1

    @property
    def is_needed(self) -> bool:
        """Whether a category has more than two choices."""
        return max(self._counts, default=0) > 2

    @property
    def choosing(self) -> list[int]:
        """The columns that stand for choices."""
        return [column for column, one in enumerate(self.parameters) if one.step is not None]

    def widen(self, X: Array) -> Array:
        """Conditions, shape `n x d`, in columns, shape `n x c`."""
        columns = []
        for x, count, top in zip(X.T, self._counts, self._tops, strict=True):
            if count > 2:
                chosen = np.rint(np.clip(x * top, 0.0, count - 1.0))
                columns += [(chosen == number).astype(float) for number in range(count)]
            else:
                columns.append(x)
        return np.column_stack(columns)

    def narrow(self, W: Array) -> Array:
        """Conditions, shape `n x d`, from columns of any numbers, shape `n x c`.

        Of each category the choice with the largest number is taken, the first of equal ones.
        """
        columns, place = [], 0
        for count, top in zip(self._counts, self._tops, strict=True):
            width = count if count > 2 else 1
            own = W[:, place : place + width]
            place += width
            if count > 2:
                columns.append(own.argmax(axis=1) / top)
            else:
                columns.append(np.rint(np.clip(own[:, 0], 0.0, 1.0)) if count else own[:, 0])
        return np.column_stack(columns)


def _columns(space: Space) -> Iterator[Parameter]:
    for one in space.parameters:
        if len(one.choices) > 2:
            for choice in one.choices:
                yield Parameter(f"{one.name} is {choice}", 0.0, 1.0, "", 1.0)
        elif one.choices:
            yield Parameter(f"{one.name} is {one.choices[1]}", 0.0, 1.0, "", 1.0)
        else:
            yield Parameter(one.name, one.low, one.high, one.unit)
