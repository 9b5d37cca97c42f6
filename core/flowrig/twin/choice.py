"""Surrogates and optimizers from the text of an option."""

import tomllib
from typing import Any

from flowrig.errors import InputError
from flowrig.profile import DataProfile, Profile, Stage, SurrogateChoice
from flowrig.profile.structure import OfferSource, Structurer

__all__ = ["choose_optimizer", "choose_surrogate"]


def choose_surrogate(
    profile: Profile | DataProfile, written: str | None, plugins: OfferSource
) -> SurrogateChoice:
    """The surrogate of an option, else that of the profile's campaign.

    Args:
        profile: the rig, or what is known of the data.
        written: a name, "gp", or a table as in a profile, "{ name = 'gp', smoothness = 1.5 }";
            None for the campaign's.
        plugins: the installed plugins.

    Raises:
        InputError: it is not installed, or its settings are wrong.
    """
    if written is None:
        holder = profile if isinstance(profile, DataProfile) else profile.campaign
        if holder is None or holder.surrogate is None:
            raise InputError(f"{profile.name} names no surrogate; name one: --surrogate gp")
        return holder.surrogate
    choice = _structured(written, "surrogate", {}, SurrogateChoice, plugins)
    assert isinstance(choice, SurrogateChoice)
    return choice


def choose_optimizer(written: str, experiments: int, plugins: OfferSource) -> Stage:
    """The optimizer of an option, as a stage of its own.

    Args:
        written: a name, "bayes", or a table, "{ optimizer = 'bayes', acquisition = 'ucb' }".
        experiments: number of experiments that it chooses.
        plugins: the installed plugins.

    Raises:
        InputError: it is not installed, or its settings are wrong.
    """
    own = {"name": written, "experiments": experiments}
    stage = _structured(written, "optimizer", own, Stage, plugins)
    assert isinstance(stage, Stage)
    return stage


def _structured(
    written: str, key: str, own: dict[str, Any], wanted: type, plugins: OfferSource
) -> Any:
    value = _value(written)
    if own:
        value = own | (value if isinstance(value, dict) else {key: value})
    choice, wrong = Structurer(plugins).structure(value, wanted, ())
    if wrong:
        raise InputError(
            f"{key} {written}: "
            + "; ".join(
                one.message + (f", expected {one.expected}" if one.expected else "")
                for one in wrong
            )
        )
    return choice


def _value(written: str) -> Any:
    if not written.lstrip().startswith("{"):
        return written
    try:
        return tomllib.loads(f"value = {written}")["value"]
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{written} is not a TOML table: {error}") from error
