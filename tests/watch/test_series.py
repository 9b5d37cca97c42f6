"""A page can draw any number of values: they are thinned evenly, and no extreme is lost."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from flowrig_watch.series import Point, Series

VALUES = st.lists(st.none() | st.floats(-1e6, 1e6), min_size=1, max_size=400)


def filled(values: list[float | None], most: int) -> Series:
    series = Series(most)
    for number, value in enumerate(values, start=1):
        series.add(Point(number, float(number), value))
    return series


@given(values=VALUES, most=st.sampled_from([2, 8, 50]))
def test_no_extreme_is_lost_and_the_number_of_points_is_bounded(
    values: list[float | None], most: int
) -> None:
    points = filled(values, most).after(0)
    known = [value for value in values if value is not None]
    kept = [point.y for point in points if point.y is not None]
    assert len(points) <= 2 * most
    assert (min(kept, default=None), max(kept, default=None)) == (
        min(known, default=None),
        max(known, default=None),
    )
    assert [p.sequence for p in points] == sorted({p.sequence for p in points})


@given(values=VALUES)
def test_few_values_are_all_kept(values: list[float | None]) -> None:
    points = filled(values, most=400).after(0)
    assert [point.y for point in points] == values


def test_the_whole_time_is_drawn_equally_finely() -> None:
    """Ten thousand values in fifty buckets: no part of the time is empty."""
    points = filled([float(n % 7) for n in range(10_000)], most=50).after(0)
    assert len(points) >= 50
    gaps = [later.x - earlier.x for earlier, later in pairwise(points)]
    assert max(gaps) <= 2 * 10_000 / 25


@given(values=VALUES, after=st.integers(0, 400))
def test_what_is_new_is_the_end_of_what_there_is(values: list[float | None], after: int) -> None:
    series = filled(values, most=20)
    assert series.after(after) == [p for p in series.after(0) if p.sequence > after]
