"""Text of a first profile of somebody's own rig."""

import json
from collections.abc import Iterable, Iterator
from contextlib import suppress

import attrs

from flowrig.cli.instruments.starter import Answers, Window
from flowrig.errors import InputError
from flowrig.plugins.offers import DriverOffer
from flowrig.profile.quantity import parse_quantity

__all__ = ["starter_profile"]


def starter_profile(answers: Answers) -> str:
    """The text of a profile.

    Raises:
        InputError: a driver needs settings that nobody was asked for.
    """
    parts = (_head, _devices, _streams, _path, _limits, _analysis, _safety, _search)
    return "\n".join(line for part in parts for line in part(answers)).rstrip() + "\n"


def _head(answers: Answers) -> Iterator[str]:
    yield "# Written by `flowrig profile new`. What is marked TODO is a guess: put your own in its"
    yield "# place. `flowrig check` says what does not fit, `flowrig run --simulate` tries it with"
    yield "# invented numbers, and docs/profile.md has every key."
    yield ""
    yield f"title = {json.dumps(answers.title, ensure_ascii=False)}"
    yield ""


def _devices(answers: Answers) -> Iterator[str]:
    yield from _section("Instruments: `flowrig discover` lists addresses")
    for number, (name, kind) in enumerate(_device_kinds(answers).items()):
        offer = answers.drivers[kind]
        yield f"[devices.{name}]"
        yield f'driver = "{offer.name}"'
        yield f'address = "{_address(offer, name, number)}" # TODO'
        fields = {one.name for one in attrs.fields(offer.settings)}
        if kind == "spectrometer" and "light_source" in fields and answers.shutter:
            yield 'light_source = "lamp-enable" # TODO: how the driver shuts the light'
        yield ""


def _device_kinds(answers: Answers) -> dict[str, str]:
    found = {f"pump_{name.lower()}": "pump" for name in answers.streams}
    if answers.temperature is not None:
        found["plate"] = "heater"
    return found | dict.fromkeys(_eyes(answers), "spectrometer")


def _eyes(answers: Answers) -> list[str]:
    both = (("eye_absorbance", answers.absorbance), ("eye_emission", answers.emission))
    return [name for name, wanted in both if wanted]


def _address(offer: DriverOffer, name: str, number: int) -> str:
    """The first address of nobody that the driver accepts."""
    host = f"192.0.2.{10 + number}"  # a network that is reserved for documentation
    label = f"REPLACE-ME-{name.upper().replace('_', '-')}"
    for address in (f"usb:{label}", label, f"{host}:5025", host):
        with suppress(TypeError, ValueError):
            offer.settings(address=address)
            return address
    raise InputError(
        f"{offer.kind}: the driver {offer.name!r} needs more settings than an address; write the "
        "profile with another driver, and put this one into it"
    )


def _streams(answers: Answers) -> Iterator[str]:
    yield from _section("Liquids, and the pumps that drive them")
    volume, diameter = answers.syringe
    for name, role in answers.streams.items():
        yield f"[streams.{name}]"
        yield f'pump = "pump_{name.lower()}"'
        yield f'syringe = {{ volume = "{volume}", inner_diameter = "{diameter}" }}'
        yield f'contents = "{name}" # TODO: the liquid, in words'
        yield f'role = "{role}"{" # never flushes" if role == "reagent" else ""}'
        count = len(answers.chosen) if role == "carrier" else 1
        yield f"flow_rate = {_window(answers.flow_rate, count)}"
        yield f'to = "{"segmentation" if role == "carrier" else "manifold"}"'
        yield ""
    if answers.carrier:
        yield "[dependent_flows] # TODO: as much carrier as you need for slugs"
        yield f'{answers.carrier} = "{" + ".join(answers.chosen)}"'
        yield ""


def _path(answers: Answers) -> Iterator[str]:
    yield from _section("Flow path, from the pumps to the waste")
    behind = "segmentation" if answers.carrier else "reactor"
    yield from _component("manifold", "junction", "mixer", volume="20 uL # TODO")
    yield from _component("mixer", "mixer", behind, volume="50 uL # TODO")
    if answers.carrier:
        yield from _component("segmentation", "junction", "reactor", volume="0 uL")
    volume, bore = answers.reactor
    eyes = _eyes(answers)
    cells = [f"cell_{name.removeprefix('eye_')}" for name in eyes]
    kind = "tubing" if answers.temperature is None else "reactor"
    heater = {} if answers.temperature is None else {"heater": "plate"}
    yield from _component("reactor", kind, cells[0], volume=volume, inner_diameter=bore, **heater)
    for name, eye, onward in zip(cells, eyes, [*cells[1:], "waste"], strict=True):
        yield from _component(
            name, "flow-cell", onward, volume="0 uL", inner_diameter=bore, spectrometer=eye
        )
    yield from ("[path.waste]", 'kind = "waste"', "", "[residence_time]", f'start = "{behind}"')
    yield f'end = "{cells[0]}"'
    yield "equilibrium = 3.0 # TODO: measure after how many residence times spectra stand still"
    yield ""


def _component(name: str, kind: str, to: str, **keys: str) -> Iterator[str]:
    yield f"[path.{name}]"
    yield f'kind = "{kind}"'
    for key, value in keys.items():
        text, hash_, comment = value.partition(" # ")
        yield f'{key} = "{text}"{hash_}{comment}'
    yield f'to = "{to}"'
    yield ""


def _limits(answers: Answers) -> Iterator[str]:
    yield from _section("Limits")
    count = len(answers.chosen) * (2 if answers.carrier else 1)
    yield "[limits]"
    yield f"total_flow = {_window(answers.flow_rate, count)}"
    highest = 60.0 if answers.temperature is None else answers.temperature.high + 5.0
    yield f'temperature = ["0 degC", "{highest:g} degC"]'
    yield ""


def _analysis(answers: Answers) -> Iterator[str]:
    yield from _section("From light to numbers")
    if answers.absorbance:
        yield "[calibration] # a transparent liquid fills the cells"
        yield f"flow_rates = {{ {answers.clear} = {_middle(answers.flow_rate)} }}"
        yield 'duration = "4 min" # TODO: until it has reached the cells'
        yield ""
    yield from ("[analysis]", "frames = 60", 'frame_interval = "200 ms"', "dark_frames = 10", "")
    if answers.absorbance:
        nm = parse_quantity(answers.absorbance, "nm")
        window = f'["{nm - 25:g} nm", "{nm + 25:g} nm"]'
        yield from _channel(answers, "absorbance", '["700 nm", "800 nm"]', f"darkest = {window}")
    if answers.emission is not None:
        window = _window(answers.emission)
        yield from _channel(answers, "emission", '["800 nm", "1000 nm"]', f"brightest = {window}")
    yield "[features] # the numbers that are read from spectra, and computed from each other"
    if answers.absorbance:
        yield f'a = "at(absorbance, {answers.absorbance})"'
    if answers.emission is not None:
        low, high, unit = answers.emission.low, answers.emission.high, answers.emission.unit
        within = f"emission, {low:g} {unit}, {high:g} {unit}"
        yield f'brightness = "area({within})"'
        yield f'colour = "peak({within})"'
    yield from ("", "[objective] # TODO: what is wanted", 'name = "maximum"')
    yield f'response = "{"a" if answers.emission is None else "brightness"}"'
    yield ""


def _channel(answers: Answers, use: str, baseline: str, picked: str) -> Iterator[str]:
    yield f"[analysis.channels.{use}]"
    yield f'use = "{use}"'
    yield f'device = "eye_{use}"'
    yield f"baseline = {baseline}"
    if not answers.shutter:
        yield 'dark = "none"'
    yield f"pick = {{ frames = 15, {picked} }}" if answers.carrier else 'pick = "all"'
    yield ""


def _safety(answers: Answers) -> Iterator[str]:
    yield from _section("Safe state: in order, each step whatever became of the one before")
    others = [name for name, role in answers.streams.items() if role != "reagent"]
    heated = answers.temperature is not None
    if heated:
        yield from _step("heater-off", 'heaters = ["plate"]')
    yield from _step("stop", f"streams = {_list(answers.reagents)}")
    if answers.shutter:
        yield from _step("light-off", f"spectrometers = {_list(_eyes(answers))}")
    if heated and others:
        rates = ", ".join(f"{name} = {_middle(answers.flow_rate)}" for name in others)
        yield from _step(
            "flush", f"flow_rates = {{ {rates} }}", 'until_below = "60 degC"', 'at_most = "20 min"'
        )
    if others:
        yield from _step("stop", f"streams = {_list(others)}")
    if heated:
        yield "[[interlocks]] # liquid enters the reactor only at a steady temperature"
        yield 'kind = "flow-needs-steady-temperature"'
        yield 'heater = "plate"'
        yield f"streams = {_list(answers.reagents)}"
        yield from ('tolerance = "5 degC" # TODO', 'grace = "30 s" # TODO', "")
    yield from ("[[interlocks]]", 'kind = "syringe-not-empty"')
    yield f"streams = {_list(answers.streams)}"
    yield from ('remainder = "100 uL" # TODO: the plunger must not hit the end', 'action = "hold"')
    yield ""


def _step(do: str, *keys: str) -> Iterator[str]:
    yield from ("[[safe_state]]", f'do = "{do}"', *keys, "")


def _search(answers: Answers) -> Iterator[str]:
    yield from _section("Search space and campaign")
    if answers.temperature is not None:
        yield from ("[[space]]", 'name = "temperature"', 'heater = "plate"')
        yield from (f"range = {_window(answers.temperature)}", "")
    for name in answers.chosen:
        yield from ("[[space]]", f'name = "{name}"', f'stream = "{name}"')
        yield from (f"range = {_window(answers.flow_rate)}", "")
    yield from ("[simulation]", 'chemistry = "stand-in" # its numbers are invented', "")
    first = answers.experiments if answers.experiments < 8 else answers.experiments // 2
    yield "[campaign]"
    if first < answers.experiments:
        yield 'surrogate = { name = "gp" }'
    yield from ("", "[[campaign.stages]]", 'name = "explore"', 'optimizer = "lhs"')
    yield from (f"experiments = {first}", f"batch = {first}", "")
    if first < answers.experiments:
        yield from ("[[campaign.stages]]", 'name = "improve"', 'optimizer = "bayes"')
        yield f"experiments = {answers.experiments - first}"


def _section(text: str) -> Iterator[str]:
    yield f"# --- {text} {'-' * max(90 - len(text), 3)}"
    yield ""


def _window(window: Window, factor: float = 1.0) -> str:
    """A range, times a factor, as a TOML array."""
    ends = (f'"{factor * one:g} {window.unit}"' for one in (window.low, window.high))
    return f"[{', '.join(ends)}]"


def _middle(window: Window) -> str:
    """The middle of a range as a TOML text."""
    return f'"{0.5 * (window.low + window.high):g} {window.unit}"'


def _list(names: Iterable[str]) -> str:
    return "[" + ", ".join(f'"{name}"' for name in names) + "]"
