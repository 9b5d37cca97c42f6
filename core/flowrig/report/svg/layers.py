"""Rows for the nodes of a layered drawing: near what leads to them, and never on one another."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise

from attrs import field, frozen

__all__ = ["Node", "rows_of"]


@frozen
class Node:
    """Something in a column of the drawing.

    Attributes:
        column: from 0, left to right.
        near: the nodes of the column before beside which it stands, in their mean row.
        above: room [rows] that it takes above its middle.
        below: room [rows] that it takes below its middle.
    """

    column: int
    near: tuple[str, ...] = ()
    above: float = field(default=0.5, kw_only=True)
    below: float = field(default=0.5, kw_only=True)


def rows_of(nodes: Mapping[str, Node]) -> dict[str, float]:
    """The row of each node, so that those of one column have the room that they take.

    In each column the rows are as near as possible, in squares, to where the nodes belong.

    Args:
        nodes: by name; those of one column that belong to one row keep this order.
    """
    rows: dict[str, float] = {}
    columns: dict[int, list[str]] = {}
    for name, node in nodes.items():
        columns.setdefault(node.column, []).append(name)
    for _, names in sorted(columns.items()):
        wanted = {
            name: _mean(rows[one] for one in nodes[name].near) if nodes[name].near else float(i)
            for i, name in enumerate(names)
        }
        names.sort(key=lambda name: wanted[name])
        offsets = [0.0]
        for upper, lower in pairwise(names):
            offsets.append(offsets[-1] + nodes[upper].below + nodes[lower].above)
        shifted = [wanted[name] - offset for name, offset in zip(names, offsets, strict=True)]
        for name, row, offset in zip(names, _rising(shifted), offsets, strict=True):
            rows[name] = row + offset
    return rows


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found)


def _rising(values: Sequence[float]) -> list[float]:
    """The nearest sequence that does not fall, by pooling adjacent violators."""
    pools: list[list[float]] = []
    for value in values:
        pools.append([value])
        while len(pools) > 1 and _mean(pools[-2]) > _mean(pools[-1]):
            last = pools.pop()
            pools[-1] += last
    return [_mean(pool) for pool in pools for _ in pool]
