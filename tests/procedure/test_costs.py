"""What an experiment costs, as features may use it."""

from collections.abc import Generator, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrig.measurement.observation import Observation
from flowrig.plugins.registry import Plugins
from flowrig.procedure.costs import counting_costs
from flowrig.procedure.steps import Wait
from flowrig.profile import check_profile, load_profile
from flowrig.profile.model.features import COSTS
from flowrig.safety.rig_state import Flow

STREAMS = {"A": "reactive", "oil": "carrier", "argon": "gas"}
PROFILE: Any = SimpleNamespace(
    costs=COSTS,
    streams={name: SimpleNamespace(phase=phase) for name, phase in STREAMS.items()},
    product_ul_min=lambda conditions: conditions["A"],
)
STATES = st.dictionaries(
    st.sampled_from(sorted(STREAMS)),
    st.builds(Flow, rate_ul_min=st.floats(1, 900), since_s=st.just(0.0)),
)


@given(st.lists(st.tuples(STATES, st.floats(0.0, 600.0)), max_size=8))
def test_time_and_liquid_count_while_liquid_flows(
    steps: list[tuple[dict[str, Flow], float]],
) -> None:
    """Gas is no waste, and at rest nothing counts, however long the rig heats."""
    at_s, flows = [0.0], [dict[str, Flow]()]

    def procedure() -> Generator[Wait, None, Observation]:
        for state, duration_s in steps:
            flows[0] = state
            yield Wait(duration_s, "a step")
        return Observation({}, {}, readings={"scale.mass": 7.0})

    run = counting_costs(PROFILE, {"A": 100.0}, procedure(), lambda: flows[0], lambda: at_s[0])
    found = played(run, at_s)
    liquid = [
        (sum(one.rate_ul_min for name, one in state.items() if name != "argon"), duration_s)
        for state, duration_s in steps
    ]
    assert found == pytest.approx(
        {
            "scale.mass": 7.0,
            "experiment.time": sum(s for rate, s in liquid if rate) / 60,
            "experiment.waste": sum(rate * s for rate, s in liquid) / 60e3,
            "experiment.product": 6.0,
        }
    )


def test_a_flow_rate_that_changes_during_a_step_counts_for_its_time() -> None:
    """As a control loop changes it."""
    at_s, flows = [0.0], [{"A": Flow(rate_ul_min=100.0, since_s=0.0)}]

    def procedure() -> Generator[Wait, None, Observation]:
        yield Wait(120.0, "the liquid on its way")
        flows[0] = {}
        return Observation({}, {})

    run = counting_costs(PROFILE, {"A": 100.0}, procedure(), lambda: flows[0], lambda: at_s[0])
    next(run)
    flows[0] = {"A": flows[0]["A"].changed(300.0, 60.0)}
    at_s[0] = 120.0
    assert played(run, at_s)["experiment.waste"] == pytest.approx(0.4)


def played(run: Iterator[Wait], at_s: list[float]) -> Any:
    """Readings at the end of a procedure; the clock moves while a step is performed."""
    while True:
        try:
            at_s[0] += next(run).duration_s
        except StopIteration as end:
            return end.value.readings


def checked(folder: Path, text: str) -> list[str]:
    path = folder / "costs.toml"
    path.write_text(f'extends = "cs3cu2i5-heatup-chem3"\n[features]\n{text}\n', encoding="utf-8")
    return [one.message for one in check_profile(path, Plugins.discover())]


def test_features_use_them_with_their_dimensions(tmp_path: Path) -> None:
    """Minutes, millilitres and millilitres an hour; a sum of unlike ones is refused."""
    text = 'cost_min = "experiment.time"\nrate = "1 h / experiment.time"\nused = "experiment.waste"'
    assert checked(tmp_path, text) == []
    profile = load_profile(tmp_path / "costs.toml", Plugins.discover())
    units = {name: one.unit for name, one in profile.features.items()}
    assert (units["cost_min"], units["rate"], units["used"]) == ("min", "", "mL")
    assert profile.costs == {"experiment.time": "min", "experiment.waste": "mL"}
    (said,) = checked(tmp_path, 'odd = "experiment.time + experiment.waste"')
    assert said == "a time and a volume cannot be added"
    (said,) = checked(tmp_path, 'odd = "experiment.money"')
    assert "experiment.money" in said
