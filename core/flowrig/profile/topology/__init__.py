"""The flow path as a graph: streams through components, sections, volumes and times."""

from flowrig.profile.topology.graph import FlowGraph
from flowrig.profile.topology.sentences import section_sentences
from flowrig.profile.topology.topology import Topology, valve_positions

__all__ = ["FlowGraph", "Topology", "section_sentences", "valve_positions"]
