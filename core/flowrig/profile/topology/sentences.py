"""The sections of a flow path in words, with every route through them."""

from collections.abc import Iterator, Mapping

from flowrig.profile.topology.topology import Topology

__all__ = ["section_sentences"]

MOST_SHOWN = 8
"""Largest number of routes of one section in words."""


def section_sentences(topology: Topology, flow_rates_ul_min: Mapping[str, float]) -> Iterator[str]:
    """Volume and time of every named section, and of `residence` if it has several routes.

    Args:
        topology: the flow path.
        flow_rates_ul_min: flow rate [µL/min] of each stream.
    """
    for name, section in topology.sections.items():
        routes = topology.routes(section)
        if not routes:
            yield f"section {name}: nothing flows through it"
            continue
        if name == "residence" and len(routes) < 2:
            continue
        volume_ul = topology.section_volume_ul(section)
        time_s = topology.section_time_s(section, flow_rates_ul_min)
        told = f"section {name}: {volume_ul:.4g} µL, {time_s:.3g} s"
        if len(routes) > 1:
            shown = [
                f"{' > '.join(route)}: {topology.route_time_s(route, flow_rates_ul_min):.3g} s"
                for route in routes[:MOST_SHOWN]
            ]
            shown += ["…"] * (len(routes) > MOST_SHOWN)
            told += f"; the longest of {len(routes)} routes counts ({'; '.join(shown)})"
        yield told
