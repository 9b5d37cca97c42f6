"""The order in which a stage measures a batch: what changes slowly or by hand changes rarely."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from flowrig.problem.space import Value
from flowrig.profile import Profile, Stage

__all__ = ["in_order"]

Row = TypeVar("Row", bound=Mapping[str, Value])

DIGITS = 6
"""Significant digits of a volume by which a component counts as the same."""


def in_order(
    profile: Profile,
    stage: Stage,
    batch: Sequence[Row],
    before: Mapping[str, Value] | None = None,
) -> list[int]:
    """Places of the conditions of a batch, in the order in which they are measured.

    They are sorted by the variable `order_by` of the stage; then, on a rig with components that a
    person changes, by their volumes, from the end that is nearer to what is in.

    Args:
        profile: the rig.
        stage: the stage.
        batch: conditions by name.
        before: conditions of the experiment before; None if there is none.
    """
    places = list(range(len(batch)))
    if profile.volumes_by_hand:
        volumes = [_volumes(profile, row) for row in batch]
        present = _volumes(profile, before) if before is not None else ()
        is_large = bool(present) and 2.0 * present[0] > min(volumes)[0] + max(volumes)[0]
        places.sort(key=lambda place: volumes[place], reverse=is_large)
    if stage.order_by is not None:
        order = next(one for one in profile.space.parameters if one.name == stage.order_by)
        # Choices in the order of the profile.
        places.sort(key=lambda place: order.number_of(batch[place][order.name]))
    return places


def _volumes(profile: Profile, conditions: Mapping[str, Value]) -> tuple[float, ...]:
    return tuple(float(f"{ul:.{DIGITS}g}") for ul in profile.volumes_ul(conditions).values())
