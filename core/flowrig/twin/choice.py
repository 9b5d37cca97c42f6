"""Which surrogate a twin is made with."""

import tomllib
from typing import Any

from flowrig.errors import InputError
from flowrig.profile import Profile, SurrogateChoice
from flowrig.profile.structure import OfferSource, Structurer

__all__ = ["choose_surrogate"]


def choose_surrogate(
    profile: Profile, written: str | None, plugins: OfferSource
) -> SurrogateChoice:
    """The surrogate that somebody names, else that of the profile's campaign.

    Args:
        profile: the rig.
        written: a name, "gp", or a table as a profile has it, "{ name = 'gp', smoothness = 1.5 }";
            None for the campaign's.
        plugins: what is installed.

    Raises:
        InputError: there is none, or its settings are wrong.
    """
    if written is None:
        if profile.campaign is None or profile.campaign.surrogate is None:
            raise InputError(f"{profile.name} names no surrogate; name one: --surrogate gp")
        return profile.campaign.surrogate
    choice, wrong = Structurer(plugins).structure(_value(written), SurrogateChoice, ())
    if wrong:
        raise InputError(
            f"--surrogate {written}: "
            + "; ".join(
                one.message + (f", expected {one.expected}" if one.expected else "")
                for one in wrong
            )
        )
    assert isinstance(choice, SurrogateChoice)
    return choice


def _value(written: str) -> Any:
    if not written.lstrip().startswith("{"):
        return written
    try:
        return tomllib.loads(f"surrogate = {written}")["surrogate"]
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"--surrogate {written}: no TOML table: {error}") from error
