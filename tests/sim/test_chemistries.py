"""The shipped chemistries show the signs that are published, and what each says of itself."""

from importlib import import_module
from typing import Any

import numpy as np
import pytest
from sim_bench import chosen, installed

from flowrig.emulation import Leg, Parcel, Product, Setup
from flowrig.errors import InputError
from flowrig.testing import Level
from flowrig.testing.conformance.installed import score_offer
from flowrig_sim.offers import CHEMISTRIES
from flowrig_sim.optics.spectra import EmissionOptics

WAVELENGTHS_NM = np.linspace(200.0, 1100.0, 1801)
EYE = EmissionOptics(WAVELENGTHS_NM, 1.016)
MAX_NM = 700.0


def made(name: str, mol_per_l: dict[str, dict[str, float]], **settings: Any) -> Any:
    """A chemistry of a rig whose streams contain something."""
    choice = chosen(name)
    setup = Setup(
        rig="test", seed=1, roles=dict.fromkeys(mol_per_l, "reagent"), mol_per_l=mol_per_l
    )
    return choice.offer.load()(choice.offer.settings(**settings), setup)


def leg(seconds: float, celsius: float | None = None, flow: float = 750.0, bore: float = 0.762):
    """A stay in a component, heated if a temperature is given."""
    temperature = np.array([25.0 if celsius is None else celsius])
    return Leg(
        component="one",
        kind="reactor",
        seconds=seconds,
        temperature_c=temperature,
        is_heated=celsius is not None,
        flow_ul_min=flow,
        inner_diameter_mm=bore,
    )


def area(product: Product, low_nm: float = 345.0, high_nm: float = MAX_NM) -> float:
    """Emission area between two wavelengths, in arbitrary units."""
    absorbed = 1.0 - 10.0 ** -EYE.absorption.at(product, 300.0)
    return absorbed * sum(
        one.quantum_yield * _part(one.shape(WAVELENGTHS_NM), low_nm, high_nm)
        for one in product.emitters
    )


def peak_nm(product: Product) -> float:
    """Wavelength [nm] of the strongest emission."""
    total = sum(one.quantum_yield * one.shape(WAVELENGTHS_NM) for one in product.emitters)
    return float(WAVELENGTHS_NM[np.argmax(total)])


def _part(values: np.ndarray, low_nm: float, high_nm: float) -> float:
    inside = (low_nm <= WAVELENGTHS_NM) & (high_nm >= WAVELENGTHS_NM)
    return float(values[inside].sum() / values.sum())


HOT = {"CuI": {"Cu": 7e-3, "OA": 0.26, "OAm": 0.25}, "CsOA": {"Cs": 3e-2, "OA": 0.24}}


def injected(**changes: float) -> Product:
    """Hot injection at a middle condition, with some things changed."""
    given = {"Cu": 3e-3, "Cs": 5e-3, "OA": 0.2, "OAm": 0.1, "celsius": 145.0, "seconds": 28.0}
    given |= changes
    way = (leg(given.pop("seconds"), given.pop("celsius"), given.pop("flow", 800.0)),)
    parcel = Parcel(shares={"CuI": 1.0}, mol_per_l=given, legs=way)
    return made("hot-injection", HOT).product(parcel)


def test_hot_injection_more_copper_is_brighter() -> None:
    """Published: CuI is among the strongest variables, and up."""
    values = [area(injected(Cu=c)) for c in (1e-3, 2e-3, 3e-3)]
    assert values == sorted(values)


def test_hot_injection_is_best_near_150_c() -> None:
    """Published: hotter is better to about 150 °C, and emission falls above."""
    temperatures = np.arange(110.0, 166.0, 1.0)
    best = temperatures[int(np.argmax([area(injected(celsius=float(c))) for c in temperatures]))]
    assert 146.0 <= best <= 154.0
    assert area(injected(celsius=160.0)) < 0.9 * area(injected(celsius=150.0))


def test_hot_injection_has_a_best_oleic_acid_and_no_good_amine() -> None:
    """Published: more oleic acid is better, with an optimum; oleylamine lowers the emission."""
    acids = [area(injected(OA=c), 410.0) for c in (0.02, 0.1, 0.25, 0.8, 2.5)]
    assert np.argmax(acids) == 2
    amines = [area(injected(OAm=c)) for c in (0.02, 0.1, 0.3)]
    assert amines == sorted(amines, reverse=True)


def test_hot_injection_long_reactions_are_worse() -> None:
    """Published: above 28 s longer is worse."""
    values = [area(injected(seconds=s)) for s in (28.0, 32.0, 36.0, 42.0)]
    assert values == sorted(values, reverse=True)


def test_hot_injection_mixing_does_not_matter_above_600_ul_min() -> None:
    """Published: independent of the total flow above 600 µL/min."""
    values = [area(injected(flow=f)) for f in (600.0, 800.0, 1200.0)]
    assert np.ptp(values) == 0.0
    assert area(injected(flow=300.0)) < values[0]


def test_hot_injection_has_the_published_side_peaks() -> None:
    """Published: near 380 nm with much oleic acid, near 600 nm below 120 °C."""
    few, much = injected(OA=0.1), injected(OA=1.0)
    assert area(much, 360.0, 400.0) / area(much) > 2.0 * area(few, 360.0, 400.0) / area(few)
    cold, hot = injected(celsius=112.0), injected(celsius=140.0)
    assert area(cold, 570.0, 640.0) / area(cold) > 3.0 * area(hot, 570.0, 640.0) / area(hot)


def reprecipitated(antisolvent_ml_h: float, precursor_ml_h: float) -> Product:
    """LARP in the published bore."""
    total = antisolvent_ml_h + precursor_ml_h
    share = precursor_ml_h / total
    return made("larp", {"P": {"Pb": 0.02}, "T": {}}).product(
        Parcel(
            shares={"P": share, "T": 1.0 - share},
            mol_per_l={"Pb": 0.02 * share},
            legs=(leg(0.1, flow=total / 0.06, bore=1.74),),
        )
    )


def plqy(product: Product) -> float:
    return sum(one.quantum_yield for one in product.emitters)


def test_larp_yield_rises_with_the_reynolds_number_to_60_percent() -> None:
    """Published: 1000 to 5000 mL/h of toluene are Re 394 to 1662, and the yield rises to 60 %."""
    reynolds = import_module("flowrig_sim.chemistry.larp").reynolds
    assert reynolds(1000.0, 60.0, 1.74) == pytest.approx(394.0, rel=0.01)
    assert reynolds(5000.0, 60.0, 1.74) == pytest.approx(1662.0, rel=0.01)
    values = [plqy(reprecipitated(f, 60.0)) for f in (1000.0, 2000.0, 3000.0, 4000.0, 5000.0)]
    assert values == sorted(values)
    assert values[-1] == pytest.approx(0.60, abs=0.02)


def test_larp_yield_is_flat_in_the_precursor() -> None:
    """Published: 10 to 60 mL/h of precursor at 5000 mL/h of toluene make no difference."""
    values = [plqy(reprecipitated(5000.0, f)) for f in (10.0, 30.0, 60.0)]
    assert np.ptp(values) < 0.01


def exchanged(seconds: float = 120.0, **mol_per_l: float) -> Product:
    """Quantum dots of CsPbBr3 that met other halides."""
    chemistry = made("halide-exchange", {"Dots": {"Pb": 1e-3}, "Salt": {"I": 0.02, "Cl": 0.02}})
    some = {"Pb": 5e-4, "I": 0.0, "Cl": 0.0, "Br": 0.0} | mol_per_l
    return chemistry.product(
        Parcel(shares={"Dots": 0.5, "Salt": 0.5}, mol_per_l=some, legs=(leg(seconds),))
    )


def test_halide_exchange_spans_400_to_700_nm() -> None:
    """Published: iodide shifts to red, chloride to blue, between 400 and 700 nm."""
    blue, green, red = exchanged(Cl=0.1), exchanged(), exchanged(I=0.1)
    assert 400.0 < peak_nm(blue) < 420.0
    assert peak_nm(green) == pytest.approx(515.0, abs=1.0)
    assert 660.0 < peak_nm(red) < 700.0
    reds = [peak_nm(exchanged(I=c)) for c in (1e-4, 5e-4, 2e-3, 1e-2)]
    assert reds == sorted(reds)


def test_halide_exchange_takes_its_time() -> None:
    """The emission moves with the time since the halides met."""
    peaks = [peak_nm(exchanged(seconds=s, I=5e-3)) for s in (1.0, 5.0, 20.0, 60.0)]
    assert peaks == sorted(peaks)


DOTS = {"Core": {"In": 0.02}, "Zn": {"Zn": 0.08}, "S": {"S": 0.08}}


def dots(core: tuple[float, float], shell: tuple[float, float], zn_in: float = 3.0) -> Product:
    """Dots after a core stage and a shell stage, each with its time [s] and temperature [°C]."""
    bare = {"In": 0.016, "Zn": 0.0, "S": 0.0}
    before = Parcel(shares={"Core": 1.0}, mol_per_l=bare, legs=(leg(*core),))
    other = Parcel(shares={"Zn": 0.5, "S": 0.5}, mol_per_l={"In": 0.0, "Zn": 0.04, "S": 0.04})
    both = Parcel(
        shares={"Core": 0.5, "Zn": 0.25, "S": 0.25},
        mol_per_l={"In": 0.008, "Zn": 0.008 * zn_in, "S": 0.008 * zn_in},
        legs=(leg(*shell),),
        met=lambda: ((0.5, before), (0.5, other)),
    )
    return made("core-shell", DOTS).product(both)


def test_core_shell_spans_480_to_650_nm_by_both_stages() -> None:
    """Published: parameters of core and shell stages tune the emission; here towards red."""
    stages = [((60.0, 180.0), (10.0, 150.0)), ((600.0, 240.0), (10.0, 150.0))]
    stages += [((600.0, 240.0), (600.0, 260.0)), ((3000.0, 300.0), (3000.0, 280.0))]
    peaks = [peak_nm(dots(*one)) for one in stages]
    assert peaks == sorted(peaks)
    assert peaks[0] == pytest.approx(480.0, abs=15.0)
    assert peaks[-1] == pytest.approx(650.0, abs=2.0)


def test_core_shell_yield_reaches_67_percent() -> None:
    """Published: with a good shell; bare cores are dim, and so are dots with too much zinc."""
    yields = [
        dots((600.0, 240.0), *shell).emitters[0].quantum_yield
        for shell in (((1.0, 25.0), 3.0), ((3000.0, 280.0), 3.0), ((3000.0, 280.0), 12.0))
    ]
    assert yields[1] == pytest.approx(0.67, abs=0.01)
    assert yields[0] < 0.05
    assert yields[2] < yields[1]


def test_ideal_mixing_is_beer_and_lambert() -> None:
    """Absorbance is proportional to concentration and light path; the shape does not change."""
    chemistry = made("ideal-mixing", {"D": {"dye": 1e-3}}, extinction_l_mol_cm=5000.0)
    for share in (1.0, 0.5, 0.25):
        product = chemistry.product(Parcel(shares={"D": share}, mol_per_l={"dye": share * 1e-3}))
        wanted = 5000.0 * share * 1e-3 * 0.1016
        assert EYE.absorption.at(product, 365.0) == pytest.approx(wanted)
    assert chemistry.product(Parcel(shares={"D": 0.0}, mol_per_l={"dye": 0.0})) == Product()


@pytest.mark.parametrize("name", ["ideal-mixing", "halide-exchange"])
def test_what_a_chemistry_lacks_is_said_with_an_example(name: str) -> None:
    """The message shows what to write."""
    with pytest.raises(InputError, match=r"contains = \{"):
        made(name, {"A": {"Pb": 1.0}})


@pytest.mark.parametrize("offer", CHEMISTRIES, ids=lambda one: one.name)
def test_every_chemistry_is_gold(offer: Any) -> None:
    """Each passes the whole suite that a third party's has to pass."""
    assert score_offer(offer).level is Level.GOLD


@pytest.mark.parametrize("offer", CHEMISTRIES, ids=lambda one: one.name)
def test_every_chemistry_tells_its_source(offer: Any) -> None:
    """Each module says what is published, fitted and assumed; only the stand-in is invented."""
    assert offer in installed().offers("chemistry").values()
    cls = offer.load()
    assert cls.invented is (offer.name == "stand-in")
    told = (import_module(cls.__module__).__doc__ or "").lower()
    words = ("invented",) if cls.invented else ("source", "published", "fitted", "assumed")
    assert all(word in told for word in words)
