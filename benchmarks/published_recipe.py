"""The surrogate of the published system, written anew from the paper's description.

Sadeghi et al., Digital Discovery 2025, 4, 1722: 20 cascade networks of 8 to 10 layers with 20 to 40
nodes, each layer connected to all before it; one fixed split of the data for all members; Adam with
early stopping on the held-out fifth, which is also the fifth of the reported accuracy; the
spread of the members is the uncertainty, without a noise term. What the paper does not
give (activation, learning rate, patience) is chosen here: ReLU, 0.003, 50 epochs.
"""

from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray

from flowrig.interfaces import Posterior, Surrogate, SurrogateSettings

__all__ = ["PublishedEnsemble"]

Array = NDArray[np.float64]

MEMBERS, HELD_OUT = 20, 0.2
RATE, EPOCHS, PATIENCE = 0.003, 400, 50


class Cascade(torch.nn.Module):
    """One network: every layer sees the conditions and all layers before it."""

    def __init__(self, inputs: int, outputs: int, widths: list[int]) -> None:
        super().__init__()
        seen = np.cumsum([inputs, *widths]).tolist()
        self.hidden = torch.nn.ModuleList(
            torch.nn.Linear(before, after - before) for before, after in pairwise(seen)
        )
        self.last = torch.nn.Linear(seen[-1], outputs)

    def forward(self, X: torch.Tensor) -> torch.Tensor:
        """Responses at conditions, shape `n x m`."""
        for layer in self.hidden:
            X = torch.cat([X, torch.relu(layer(X))], dim=1)
        return self.last(X)


class Members(Posterior):
    """The members' answers, shape `k x n x m`."""

    def __init__(self, answers: Array) -> None:
        self.answers = answers

    @property
    def mean(self) -> Array:
        """Their mean."""
        return self.answers.mean(axis=0)

    @property
    def sd(self) -> Array:
        """Their spread."""
        return self.answers.std(axis=0)

    def sample(self, count: int, rng: np.random.Generator) -> Array:
        """Normal around the mean with the spread."""
        normal = rng.standard_normal((count, 1, self.answers.shape[2]))
        return self.mean + self.sd * normal


class PublishedEnsemble(Surrogate):
    """The published ensemble."""

    def __init__(self, settings: SurrogateSettings | None = None, seed: int = 0) -> None:
        super().__init__(settings or SurrogateSettings(), seed)

    def _do_fit(self, X: Array, Y: Array) -> None:
        rng = np.random.default_rng(self.seed)
        torch.set_num_threads(1)
        torch.manual_seed(self.seed)
        self._center, self._spread = Y.mean(axis=0), np.maximum(Y.std(axis=0), 1e-12)
        order = rng.permutation(len(X))
        held = order[: max(1, round(HELD_OUT * len(X)))]
        learnt = np.setdiff1d(order, held)
        inputs = torch.tensor(X, dtype=torch.float32)
        wanted = torch.tensor((Y - self._center) / self._spread, dtype=torch.float32)
        self._members = [self._train(inputs, wanted, learnt, held, rng) for _ in range(MEMBERS)]

    def _train(
        self, X: torch.Tensor, Y: torch.Tensor, learnt: Array, held: Array, rng: np.random.Generator
    ) -> Cascade:
        widths = rng.integers(20, 41, size=int(rng.integers(8, 11))).tolist()
        network = Cascade(X.shape[1], Y.shape[1], widths)
        descent = torch.optim.Adam(network.parameters(), lr=RATE)
        best, kept, waited = np.inf, network.state_dict(), 0
        for _ in range(EPOCHS):
            descent.zero_grad()
            torch.nn.functional.mse_loss(network(X[learnt]), Y[learnt]).backward()
            descent.step()
            with torch.no_grad():
                loss = float(torch.nn.functional.mse_loss(network(X[held]), Y[held]))
            waited += 1
            if loss < best:
                best, waited = loss, 0
                kept = {name: value.clone() for name, value in network.state_dict().items()}
            if waited >= PATIENCE:
                break
        network.load_state_dict(kept)
        return network

    def _do_predict(self, X: Array) -> Posterior:
        points = torch.tensor(X, dtype=torch.float32)
        with torch.no_grad():
            answers = np.stack([member(points).numpy() for member in self._members])
        return Members(self._center + self._spread * answers.astype(float))
