"""The order in which a stage measures a batch: what changes slowly or by hand changes rarely."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TypeVar

from flowrig.campaign.least_heating import least_heating
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
    person changes, by their volumes, from the end that is nearer to what is in. With `order =
    "least-heating"` those with the same volumes are ordered so that heating takes least time.

    Args:
        profile: the rig.
        stage: the stage.
        batch: conditions by name.
        before: conditions of the experiment before; None if there is none.
    """
    places = list(range(len(batch)))
    if profile.volumes_by_hand:
        volumes = [_volumes(profile, row) for row in batch]
        known = before is not None and before.keys() >= {*profile.space.names}
        present = _volumes(profile, before) if before is not None and known else ()
        is_large = bool(present) and 2.0 * present[0] > min(volumes)[0] + max(volumes)[0]
        places.sort(key=lambda place: volumes[place], reverse=is_large)
    if stage.order == "least-heating":
        return _with_least_heating(profile, [batch[place] for place in places], places, before)
    if stage.order_by is not None:
        order = next(one for one in profile.space.parameters if one.name == stage.order_by)
        # Choices in the order of the profile.
        places.sort(key=lambda place: order.number_of(batch[place][order.name]))
    return places


def _with_least_heating(
    profile: Profile,
    rows: Sequence[Mapping[str, Value]],
    places: Sequence[int],
    before: Mapping[str, Value] | None,
) -> list[int]:
    """The places of rows; those whose volumes follow each other as one are ordered among them."""
    temperatures = [tuple(profile.set_points_c(row).values()) for row in rows]
    at = None if before is None else tuple(profile.set_points_c(before).values())
    volumes = [_volumes(profile, row) if profile.volumes_by_hand else () for row in rows]
    found: list[int] = []
    for _, group in groupby(range(len(rows)), key=lambda one: volumes[one]):
        members = list(group)
        order = least_heating(profile.steady, [temperatures[one] for one in members], at)
        at = temperatures[members[order[-1]]]
        found += [places[members[one]] for one in order]
    return found


def _volumes(profile: Profile, conditions: Mapping[str, Value]) -> tuple[float, ...]:
    return tuple(float(f"{ul:.{DIGITS}g}") for ul in profile.volumes_ul(conditions).values())
