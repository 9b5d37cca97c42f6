"""The fault board: short campaigns on an emulated rig, each with one fault, and their judge.

Each cell is one fault that strikes in one phase of a campaign with one seed. The judge observes
plungers, plates and lamps, reads the journal after the campaign, and reports broken promises.
"""

from flowrig.torture.board import Board, choose_cells, choose_pairs, choose_points
from flowrig.torture.cell import Cell, Result, require_playable, run_cell
from flowrig.torture.faults import FAULTS, Fault, applicable
from flowrig.torture.judge.breach import Breach, Kind
from flowrig.torture.phases import Phase
from flowrig.torture.pool import run_cells
from flowrig.torture.rigs import REFERENCE, PlayedRig, RigChoice, rig_of

__all__ = [
    "FAULTS",
    "REFERENCE",
    "Board",
    "Breach",
    "Cell",
    "Fault",
    "Kind",
    "Phase",
    "PlayedRig",
    "Result",
    "RigChoice",
    "applicable",
    "choose_cells",
    "choose_pairs",
    "choose_points",
    "require_playable",
    "rig_of",
    "run_cell",
    "run_cells",
]
