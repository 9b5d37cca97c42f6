"""A batch is ordered so that heating and cooling take little time."""

from itertools import pairwise, permutations

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from flowrig.campaign.least_heating import least_heating
from flowrig.campaign.order import in_order
from flowrig.plugins.registry import Plugins
from flowrig.procedure.heating_time import AMBIENT_C, steady_time_s
from flowrig.profile import Steady, load_profile

STEADY = Steady()
temperatures = st.integers(20, 200).map(float)


def time_s(order: list[int], batch: list[tuple[float, ...]], start: tuple[float, ...]) -> float:
    """How long an order takes."""
    way = [start, *(batch[place] for place in order)]
    return sum(
        max(steady_time_s(STEADY, *both) for both in zip(one, other, strict=True))
        for one, other in pairwise(way)
    )


@given(
    st.integers(1, 2).flatmap(
        lambda heaters: st.tuples(
            st.lists(st.tuples(*[temperatures] * heaters), min_size=2, max_size=5),
            st.tuples(*[temperatures] * heaters),
        )
    )
)
def test_an_order_is_near_the_very_best(
    case: tuple[list[tuple[float, ...]], tuple[float, ...]],
) -> None:
    """It has every condition once, is never worse than as chosen, and seldom far from the best."""
    batch, start = case
    order = least_heating(STEADY, batch, start)
    assert sorted(order) == list(range(len(batch)))
    assert time_s(order, batch, start) <= time_s(list(range(len(batch))), batch, start)
    best = min(time_s(list(one), batch, start) for one in permutations(range(len(batch))))
    assert time_s(order, batch, start) <= 1.3 * best


@given(st.lists(st.tuples(temperatures), min_size=2, max_size=6), st.tuples(temperatures))
def test_with_one_heater_nothing_is_visited_twice(
    batch: list[tuple[float, ...]], start: tuple[float, ...]
) -> None:
    """From outside of the range of a batch its temperatures only rise, or only fall."""
    outside = (10.0,) if start[0] < 110.0 else (210.0,)
    order = [batch[place][0] for place in least_heating(STEADY, batch, outside)]
    apart = all(abs(a - b) > 5.0 for (a,), (b,) in permutations(batch, 2))
    assert not apart or order == sorted(order, reverse=outside[0] > 200.0)


def test_a_large_batch_is_ordered_by_one_heater() -> None:
    """That takes no time worth speaking of."""
    batch = [(float(7919 * i % 2003), 50.0) for i in range(2003)]
    order = least_heating(STEADY, batch, None)
    assert [batch[place][0] for place in order] == sorted(one for one, _ in batch)


def test_without_heaters_the_order_stays() -> None:
    """Nothing is heated, so that nothing is gained."""
    assert least_heating(STEADY, [(), (), ()], None) == [0, 1, 2]


def test_a_stage_orders_its_batch() -> None:
    """From room temperature upwards, and from a hot rig downwards; without the key as chosen."""
    profile = load_profile("maria-kriging", Plugins.discover())
    assert profile.campaign is not None
    stage = profile.campaign.stages[0]
    middle = {one.name: sum(one.range) / 2 for one in profile.variables}
    low, high = next(one.range for one in profile.variables if one.heater is not None)
    name = next(one.name for one in profile.variables if one.heater is not None)
    batch = [{**middle, name: value} for value in (high, low, (low + high) / 2)]
    ordered = evolve(stage, order="least-heating", order_by=None)
    assert in_order(profile, evolve(stage, order_by=None), batch) == [0, 1, 2]
    assert in_order(profile, ordered, batch) == [1, 2, 0]
    assert in_order(profile, ordered, batch, {**middle, name: high}) == [0, 2, 1]
    assert low > AMBIENT_C
