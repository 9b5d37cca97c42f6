"""Questions and answers from which a first profile of somebody's own rig is written."""

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from attrs import frozen

from flowrig.errors import InputError

if TYPE_CHECKING:  # the command line lists the questions without the profile's packages
    from flowrig.plugins.offers import DriverOffer
    from flowrig.profile.structure import OfferSource

__all__ = ["NONE", "QUESTIONS", "Answers", "Question", "Window", "is_asked", "read_answer"]

NONE: Final = "-"
"""Answer for what the rig does not have."""

_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,29}")
_RANGE = re.compile(r"\s*(\S+?)\s*\.\.\s*(\S+)\s+(\S+)\s*")


@frozen
class Question:
    """A question with the answer that is taken without one.

    Attributes:
        key: name of the answer, and of the option.
        text: the question.
        default: the answer without an answer.
    """

    key: str
    text: str
    default: str


QUESTIONS: Final = (
    Question("title", "What is made", "My rig"),
    Question("reagents", "Streams with reagents, separated by commas", "A, B"),
    Question("solvents", f"Streams with solvent ({NONE} for none)", "Solvent"),
    Question("carrier", f"Stream with the carrier of slugs ({NONE} for a single phase)", NONE),
    Question("flow_rate", "Flow rate of each of them", "20..200 uL/min"),
    Question("syringe", "Syringes: volume, inner diameter", "50 mL, 28.6 mm"),
    Question("reactor", "Reactor: volume, bore", "600 uL, 0.03 in"),
    Question("temperature", f"Its temperature ({NONE} without a heater)", NONE),
    Question("absorbance", f"Wavelength of the absorbance ({NONE} for none)", "365 nm"),
    Question("emission", f"Wavelengths of the emission ({NONE} for none)", "420..700 nm"),
    Question("shutter", "Can the driver shut the light, yes or no", "yes"),
    Question("experiments", "Number of experiments", "12"),
    Question("pump", "Driver of the pumps", "chemyx-fusion"),
    Question("heater", "Driver of the heater", "watlow-f4t"),
    Question("spectrometer", "Driver of the spectrometers", "ocean-hdx"),
)
"""All questions, in the order in which they are asked."""


@frozen
class Window:
    """A range of a quantity.

    Attributes:
        low: lower end, in the unit.
        high: upper end, in the unit.
        unit: as it was given.
    """

    low: float
    high: float
    unit: str


@frozen(kw_only=True)
class Answers:
    """Answers that make sense.

    Attributes:
        title: what is made.
        reagents: names of streams.
        solvents: names of streams.
        carrier: name of a stream; "" for a single phase.
        flow_rate: of every stream but the carrier.
        syringe: volume and inner diameter.
        reactor: volume and bore.
        temperature: of the reactor; None without a heater.
        absorbance: wavelength; "" for none.
        emission: window; None for none.
        shutter: whether the light can be shut.
        experiments: number of experiments.
        drivers: by "pump", "heater" and "spectrometer", the offer of the driver.
    """

    title: str
    reagents: tuple[str, ...]
    solvents: tuple[str, ...]
    carrier: str
    flow_rate: Window
    syringe: tuple[str, str]
    reactor: tuple[str, str]
    temperature: Window | None
    absorbance: str
    emission: Window | None
    shutter: bool
    experiments: int
    drivers: Mapping[str, "DriverOffer"]

    @classmethod
    def of(cls, given: Mapping[str, str], plugins: "OfferSource") -> "Answers":
        """Read the answers.

        Args:
            given: text of each answer, by the key of its question; defaults for the others.
            plugins: installed plugins.

        Raises:
            InputError: an answer makes no sense, or does not go with another.
        """
        said = {one.key: given.get(one.key, one.default) for one in QUESTIONS}
        read = {key: read_answer(key, text, plugins) for key, text in said.items()}
        drivers = {kind: read.pop(kind) for kind in _KINDS}
        answers = cls(**read, drivers=drivers)
        answers._require_sense()
        return answers

    @property
    def streams(self) -> dict[str, str]:
        """Role by stream."""
        return {
            **dict.fromkeys(self.reagents, "reagent"),
            **dict.fromkeys(self.solvents, "solvent"),
            **({self.carrier: "carrier"} if self.carrier else {}),
        }

    @property
    def chosen(self) -> tuple[str, ...]:
        """The streams whose flow rates are chosen."""
        return (*self.reagents, *self.solvents)

    @property
    def clear(self) -> str:
        """A stream through which the lamp is seen; "" if there is none."""
        return self.carrier or next(iter(self.solvents), "")

    def _require_sense(self) -> None:
        if not self.reagents:
            raise InputError("reagents: at least one stream has a reagent")
        if len(self.streams) != len(self.chosen) + bool(self.carrier):
            raise InputError("reagents, solvents, carrier: two streams have the same name")
        if not self.absorbance and self.emission is None:
            raise InputError("absorbance, emission: a rig that measures nothing cannot learn")
        if self.absorbance and not self.clear:
            raise InputError(
                "absorbance: it needs a solvent or a carrier, through which the lamp is seen"
            )
        if self.absorbance and not self.shutter:
            raise InputError(
                "absorbance: it needs a light that can be shut, for the dark of the detector"
            )


_KINDS = ("pump", "heater", "spectrometer")


def read_answer(key: str, text: str, plugins: "OfferSource") -> Any:
    """What an answer says.

    Args:
        key: of the question.
        text: the answer.
        plugins: installed plugins.

    Raises:
        InputError: it makes no sense.
    """
    text = text.strip()
    if key in _KINDS:
        return _driver(text, key, plugins)
    readers: dict[str, Callable[[], Any]] = {
        "reagents": lambda: _names(text, key),
        "solvents": lambda: _names(text, key),
        "carrier": lambda: next(iter(_names(text, key)), ""),
        "flow_rate": lambda: _window(text, key, "uL/min"),
        "syringe": lambda: _pair(text, key, ("mL", "mm")),
        "reactor": lambda: _pair(text, key, ("uL", "mm")),
        "temperature": lambda: _maybe(text, key, "degC"),
        "absorbance": lambda: _quantity(text, key, "nm"),
        "emission": lambda: _maybe(text, key, "nm"),
        "shutter": lambda: _truth(text),
        "experiments": lambda: _count(text),
    }
    return readers.get(key, lambda: text)()


def is_asked(key: str, said: Mapping[str, str]) -> bool:
    """Whether a question has a meaning after some answers: a rig without a heater has no driver of
    one."""
    return key != "heater" or said.get("temperature", NONE).strip() not in (NONE, "")


def _names(text: str, key: str) -> tuple[str, ...]:
    names = tuple(one.strip() for one in text.split(",")) if text not in (NONE, "") else ()
    for name in names:
        if not _NAME.fullmatch(name):
            raise InputError(
                f"{key}: {name!r} is no name for a stream: use letters, digits and underscores, "
                "and begin with a letter"
            )
    return names


def _window(text: str, key: str, unit: str) -> Window:
    match = _RANGE.fullmatch(text)
    if match is None:
        raise InputError(f'{key}: got {text!r}; expected a range such as "20..200 {unit}"')
    low, high = (_value(f"{end} {match[3]}", key, unit) for end in match.groups()[:2])
    if not low < high:
        raise InputError(f"{key}: got {text!r}; the lower end comes first")
    return Window(float(match[1]), float(match[2]), match[3])


def _maybe(text: str, key: str, unit: str) -> Window | None:
    return None if text in (NONE, "") else _window(text, key, unit)


def _pair(text: str, key: str, units: tuple[str, str]) -> tuple[str, str]:
    parts = [one.strip() for one in text.split(",")]
    if len(parts) != len(units):
        raise InputError(f"{key}: got {text!r}; expected two quantities with a comma between them")
    for part, unit in zip(parts, units, strict=True):
        _value(part, key, unit)
    return parts[0], parts[1]


def _quantity(text: str, key: str, unit: str) -> str:
    if text in (NONE, ""):
        return ""
    _value(text, key, unit)
    return text


def _value(text: str, key: str, unit: str) -> float:
    from flowrig.profile.quantity import QuantityError, parse_quantity

    try:
        return parse_quantity(text, unit)
    except QuantityError as error:
        raise InputError(f"{key}: {error}") from error


def _truth(text: str) -> bool:
    if text not in ("yes", "no"):
        raise InputError(f"shutter: got {text!r}; expected yes or no")
    return text == "yes"


def _count(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text) or int(text) < 1:
        raise InputError(f"experiments: got {text!r}; expected a number from 1 to 99999")
    return int(text)


def _driver(name: str, kind: str, plugins: "OfferSource") -> "DriverOffer":
    offer = plugins.drivers().get(name)
    if offer is None or offer.kind != kind:
        known = [one.name for one in plugins.drivers().values() if one.kind == kind]
        raise InputError(f"{kind}: no {kind} driver {name!r}; there are {', '.join(sorted(known))}")
    return offer
