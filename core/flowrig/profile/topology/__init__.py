"""The flow path as a graph: streams through components, sections, volumes and times."""

from flowrig.profile.topology.graph import FlowGraph
from flowrig.profile.topology.positions import (
    chosen_valves,
    in_words,
    positions_in_experiments,
    positions_under,
    valve_positions,
    valve_turners,
)
from flowrig.profile.topology.routes import (
    MOST_COMBINATIONS,
    all_ways,
    every_position,
    without_valves,
)
from flowrig.profile.topology.sentences import line_sentences, section_sentences
from flowrig.profile.topology.topology import Topology

__all__ = [
    "MOST_COMBINATIONS",
    "FlowGraph",
    "Topology",
    "all_ways",
    "chosen_valves",
    "every_position",
    "in_words",
    "line_sentences",
    "positions_in_experiments",
    "positions_under",
    "section_sentences",
    "valve_positions",
    "valve_turners",
    "without_valves",
]
