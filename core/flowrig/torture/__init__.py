"""The fault board: short campaigns on an emulated rig, each with one fault, and their judge.

Each cell is one fault that strikes in one phase of a campaign with one seed. The judge observes
plungers, plates and lamps, reads the journal after the campaign, and reports broken promises.
"""

from flowrig.torture.board import Board, choose_cells, choose_pairs, choose_points
from flowrig.torture.cell import Cell, Result, run_cell
from flowrig.torture.faults import FAULTS, Fault, applicable
from flowrig.torture.judge.breach import Breach, Kind
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
