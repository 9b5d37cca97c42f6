"""The suite of sources of flow, on the driver that `flowrig plugin new` writes."""

from collections.abc import Iterator

import pytest

from flowrig.testing import KindBench
from flowrig.testing.templates.flowrig_template import (
    flow_source_emulator,
    flow_source_settings,
)
from flowrig.testing.templates.flowrig_template.flow_source import TemplateFlowSource
from flowrig_kinds.bodies import FlowSourceBody
from flowrig_kinds.conformance import FlowSourceConformance


def source_bench(driver: type = TemplateFlowSource) -> KindBench:
    """A bench with a pump that has no syringe."""
    settings = flow_source_settings.TemplateSettings(address="", deadline_s=0.3)
    return KindBench(driver, flow_source_emulator.TemplateEmulator, settings, body=FlowSourceBody)


class TestFlowSource(FlowSourceConformance):
    """A pump without a syringe on a serial line."""

    @pytest.fixture
    def bench(self) -> Iterator[KindBench]:
        with source_bench() as bench:
            yield bench

    @pytest.mark.slow
    def test_a_cut_at_any_byte(self, bench: KindBench) -> None:
        super().test_a_cut_at_any_byte(bench)


class Tenfold(TemplateFlowSource):
    def _do_dispense(self, rate_ul_min: float) -> None:
        super()._do_dispense(rate_ul_min / 10)

    def _do_rate_ul_min(self) -> float:
        return super()._do_rate_ul_min() * 10


class Trusts(TemplateFlowSource):
    wanted = 0.0

    def _do_dispense(self, rate_ul_min: float) -> None:
        self.wanted = rate_ul_min
        super()._do_dispense(rate_ul_min)

    def _do_rate_ul_min(self) -> float:
        return self.wanted or super()._do_rate_ul_min()


class CountsInMillilitres(TemplateFlowSource):
    def _do_total_ul(self) -> float:
        return super()._do_total_ul() / 1000


class RunsOn(TemplateFlowSource):
    def _do_dispense(self, rate_ul_min: float) -> None:
        if rate_ul_min:
            super()._do_dispense(rate_ul_min)

    def _do_rate_ul_min(self) -> float:
        return 0.0 if super()._do_rate_ul_min() else 1.0


@pytest.mark.parametrize(
    ("driver", "check"),
    [
        (Tenfold, "test_the_flow_rate_reaches_the_instrument"),
        (Trusts, "test_a_flow_rate_that_is_not_kept_is_told"),
        (CountsInMillilitres, "test_it_counts_what_it_delivers"),
        (RunsOn, "test_zero_stops_in_every_state"),
    ],
)
def test_a_check_fails_on_what_it_is_for(driver: type, check: str) -> None:
    """A driver with one fault fails, and the message gives advice."""
    with pytest.raises(AssertionError) as failure, source_bench(driver) as bench:
        getattr(FlowSourceConformance(), check)(bench)
    assert len(str(failure.value)) > 40
