"""The flow path as a graph: streams through components, sections, volumes and times."""

from flowrig.profile.topology.graph import FlowGraph
from flowrig.profile.topology.sentences import section_sentences
from flowrig.profile.topology.topology import Topology

__all__ = ["FlowGraph", "Topology", "section_sentences"]
