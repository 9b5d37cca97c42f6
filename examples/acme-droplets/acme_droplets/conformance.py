"""The conformance suite of droplet generators; `flowrig plugin check` and tests load it."""

from collections.abc import Mapping

from flowrig.testing import KindBench, ReadableConformance, SettableConformance


class DropletConformance(SettableConformance, ReadableConformance):
    """Limits, read-back, unknown outcomes and bad wires come with the suites of the kit."""

    def kept(self, bench: KindBench) -> float:
        return bench.body.told_hz

    def put(self, bench: KindBench, value: float) -> None:
        bench.body.tell(value)

    def block(self, bench: KindBench, on: bool) -> None:
        bench.body.faults["stuck-setting"].switch(on)

    def truth(self, bench: KindBench) -> Mapping[str, float]:
        return {"frequency": bench.body.frequency_hz, "droplets": float(bench.body.droplets)}
