"""Cells in parallel processes; a process that hangs is ended without delay to the others."""

import json
import multiprocessing
import time
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from typing import Final

from attrs import define

from flowrig.torture.cell import Cell, Result, run_cell
from flowrig.torture.judge.breach import Breach, Kind
from flowrig.torture.rigs import RigChoice, rig_of

__all__ = ["LIMIT_S", "run_cells"]

LIMIT_S: Final = 300.0
"""Longest real time [s] for one cell, on a machine with other work."""

POLL_S: Final = 1.0
"""Interval [s] at which hanging processes are looked for."""


@define(eq=False)
class _Worker:
    process: BaseProcess
    pipe: "Connection[bytes, bytes]"
    cell: Cell | None = None
    since_s: float = 0.0

    @classmethod
    def start(cls, choice: RigChoice) -> "_Worker":
        context = multiprocessing.get_context("spawn")
        here, there = context.Pipe()
        process = context.Process(target=_work, args=(there, choice), daemon=True)
        process.start()
        there.close()
        return cls(process, here)

    def give(self, cell: Cell) -> None:
        self.cell, self.since_s = cell, time.monotonic()
        self.pipe.send_bytes(str(cell).encode())

    def take(self) -> Result:
        """The result of the cell, or a breach if the process has died."""
        assert self.cell is not None
        try:
            return Result.of(json.loads(self.pipe.recv_bytes()))
        except (EOFError, OSError):
            return self.lost("the process of the cell died")

    def lost(self, why: str) -> Result:
        assert self.cell is not None
        return Result(self.cell, (), (), (Breach(Kind.HUNG, why),), time.monotonic() - self.since_s)

    def end(self) -> None:
        self.process.terminate()
        self.process.join()
        self.pipe.close()


def run_cells(
    cells: Sequence[Cell], jobs: int, choice: RigChoice | None = None
) -> Iterator[Result]:
    """Run cells in parallel processes.

    Args:
        cells: the cells.
        jobs: number of processes.
        choice: the rig; the reference rig if None.

    Yields:
        results in the order in which they arrive.
    """
    choice = choice or RigChoice()
    waiting = list(reversed(cells))
    workers = [_Worker.start(choice) for _ in range(min(jobs, len(cells)))]
    try:
        for worker in workers:
            worker.give(waiting.pop())
        while busy := [worker for worker in workers if worker.cell is not None]:
            ready = wait([worker.pipe for worker in busy], timeout=POLL_S)
            for worker in busy:
                if worker.pipe in ready:
                    result = worker.take()
                elif time.monotonic() - worker.since_s > LIMIT_S:
                    worker.process.terminate()
                    result = worker.lost(f"no end after {LIMIT_S:.0f} s")
                else:
                    continue
                worker.cell = None
                if not worker.process.is_alive():
                    workers.remove(worker)
                    worker.end()
                    workers.append(worker := _Worker.start(choice))
                if waiting:
                    worker.give(waiting.pop())
                yield result
    finally:
        for worker in workers:
            worker.end()


def _work(pipe: "Connection[bytes, bytes]", choice: RigChoice) -> None:
    """Main loop of a process: it receives cells as texts, and sends results as JSON."""
    while True:
        try:
            cell = Cell.parse(pipe.recv_bytes().decode())
        except EOFError:
            return
        pipe.send_bytes(json.dumps(run_cell(cell, rig_of(choice)).plain()).encode())
