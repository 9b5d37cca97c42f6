"""How well surrogates predict experiments that they have not seen, beside other libraries'.

Run with `python benchmarks/accuracy.py FILE.csv … --profile PROFILE`, for instance with the tables
in `tests/learning/data` and the profile cs3cu2i5-heatup-chem3; `pip install "flowrig[bench]"` adds
BoTorch, Ax and BayBE. Each file is cross-validated on its own, and the scores of the objective are
printed: R², negative log density and continuous ranked probability score in standard deviations of
the data, shares within one and 1.96 standard deviations, and processor time of a fit of all
responses.
Our models get the repeatability of the profile, the others have no place for it;
`gp-untold` is `gp` without.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from model_peers import PEERS
from numpy.typing import NDArray

from flowrig.interfaces import Surrogate
from flowrig.plugins.registry import Plugins
from flowrig.profile import SurrogateChoice, load_profile
from flowrig.twin import CrossValidation, cross_validate, read_experiments

Array = NDArray[np.float64]

UNTOLD = "gp-untold"
OURS = ("gp", UNTOLD, "enn", "mean-of")


def _ours(name: str) -> Callable[[int], Surrogate]:
    offer = Plugins.discover().offer("surrogate", name.removesuffix("-untold"))
    return SurrogateChoice(offer, offer.settings()).build


def print_row(file: str, name: str, result: CrossValidation, peer: CrossValidation | None) -> None:
    """One model on one file; its time as a share of BoTorch's, where that ran before."""
    objective = result.objective
    ratio = "" if peer is None else f"{result.fit_seconds / peer.fit_seconds:7.2f}"
    print(
        f"{file:28} {name:9} {objective.r2:6.3f} {objective.nll:+7.3f} {objective.crps:6.3f} "
        f"{objective.coverage68:6.2f} {objective.coverage95:6.2f} "
        f"{1e3 * result.fit_seconds:7.0f} ms"
        f"{ratio}",
        flush=True,
    )


def main() -> None:
    """Print the table."""
    models = {**PEERS, **{name: _ours(name) for name in OURS}}
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path, help="CSV files as `flowrig twin cv` reads")
    parser.add_argument("--profile", required=True, help="rig profile, by name or path")
    parser.add_argument("--models", nargs="+", choices=models, default=list(models))
    parser.add_argument("--repeats", type=int, default=3, help="each in five folds")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    profile = load_profile(arguments.profile, Plugins.discover())
    print(f"{'':38} {'R²':>6} {'NLL':>7} {'CRPS':>6} {'68 %':>6} {'95 %':>6}     a fit  to BoTorch")
    for file in arguments.files:
        measured = read_experiments(file, profile.space, profile.objective.responses)
        results: dict[str, CrossValidation] = {}
        for name in sorted(arguments.models, key="botorch".__ne__):
            new_surrogate = models[name]
            new_surrogate(0).fit(measured.X[:4], measured.Y[:4])  # what is imported is imported now
            data = measured.training_set(profile.objective, () if name == UNTOLD else profile.rsd)
            results[name] = cross_validate(
                data, new_surrogate, repeats=arguments.repeats, seed=arguments.seed
            )
            print_row(file.stem, name, results[name], results.get("botorch"))


if __name__ == "__main__":
    main()
