"""The perfect player of stage 1: shortest paths to the right thing around the wrong ones."""

from __future__ import annotations

import torch
from torch import Tensor


def shortest_paths(neighbours: Tensor, spots: Tensor) -> Tensor:
    """The first action of a shortest path to a spot, for every cell and every case of what lies where.

    neighbours: int64 [cells, actions], the cell that each action leads to. spots: int64 [4], the cells of the spots.
    Returns int64 [4, 4, cells]: by target spot and empty spot (the two others hold wrong things, which are not
    entered); among equally short paths the first action counts. Where target and empty spot coincide it means nothing.
    """
    cells, actions = neighbours.shape
    cases = [(target, empty) for target in range(4) for empty in range(4)]
    far = cells * actions  # longer than any path
    wrong = torch.tensor([[spot not in case for spot in range(4)] for case in cases], device=spots.device)
    blocked = torch.zeros(len(cases), cells, dtype=torch.bool, device=spots.device)
    blocked[:, spots] = wrong

    distance = torch.full((len(cases), cells), far, device=spots.device)
    distance[torch.arange(len(cases), device=spots.device), spots[[target for target, _ in cases]]] = 0
    while True:
        nearer = torch.minimum(distance, distance[:, neighbours].amin(-1) + 1).masked_fill(blocked, far)
        if torch.equal(nearer, distance):
            break
        distance = nearer
    order = torch.arange(actions, device=spots.device)
    return (distance[:, neighbours] * actions + order).argmin(-1).reshape(4, 4, cells)
