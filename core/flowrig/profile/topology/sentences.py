"""The sections of a flow path in words, with every route through them."""

from collections.abc import Iterator, Mapping

from flowrig.profile.topology.topology import Topology

__all__ = ["line_sentences", "section_sentences"]

MOST_SHOWN = 8
"""Largest number of routes of one section in words."""


def line_sentences(topology: Topology) -> Iterator[str]:
    """What exists several times, and how much of the flow passes it; nothing without lines."""
    lines = topology.lines
    if lines is None:
        return
    shares = [100.0 * lines.share(line) for line in range(1, lines.count + 1)]
    told = f"{min(shares):.3g} %"
    if max(shares) > min(shares):
        told += f" to {max(shares):.3g} %"
    yield f"lines: {' > '.join(lines.parts)}, {lines.count} times, each with {told} of the flow"


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
            alike: dict[str, int] = {}
            for route in routes:
                way = " > ".join(map(topology.in_any_line, route))
                time_s = topology.route_time_s(route, flow_rates_ul_min)
                words = f"{way}: {time_s:.3g} s"
                alike[words] = alike.get(words, 0) + 1
            every = [f"{count} lines, {way}" if count > 1 else way for way, count in alike.items()]
            shown = every[:MOST_SHOWN] + ["…"] * (len(every) > MOST_SHOWN)
            told += f"; the longest of {len(routes)} routes counts ({'; '.join(shown)})"
        yield told
