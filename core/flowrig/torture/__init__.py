"""The fault board: reference campaigns on an emulated rig, with everything that can go wrong.

Each cell is one fault that strikes in one phase of a campaign with one seed. An observer that sees
plungers, plates and lamps, and the journal in the end, says which promises held.
"""

from flowrig.torture.board import Board, choose_cells, choose_pairs, choose_points
from flowrig.torture.cell import Cell, Result, run_cell
from flowrig.torture.faults import FAULTS, Fault, applicable
from flowrig.torture.judge import Breach, Kind
from flowrig.torture.phases import Phase
from flowrig.torture.pool import run_cells

__all__ = [
    "FAULTS",
    "Board",
    "Breach",
    "Cell",
    "Fault",
    "Kind",
    "Phase",
    "Result",
    "applicable",
    "choose_cells",
    "choose_pairs",
    "choose_points",
    "run_cell",
    "run_cells",
]
