"""A set of offers under the names of the shipped plugins, light and independent of them."""

from pathlib import Path

import pytest
from attrs import field, frozen, validators

from flowrig.interfaces.device import DeviceSettings
from flowrig.interfaces.optimizer import OptimizerSettings
from flowrig.interfaces.surrogate import SurrogateSettings
from flowrig.plugins import DriverOffer, Offer
from flowrig.plugins.registry import InstalledPlugin, ListedOffer, Plugins
from flowrig.problem.objective import MaximumResponse, PlqyProxy

TARGET = "nowhere:Nothing"


@frozen(kw_only=True)
class PumpSettings(DeviceSettings):
    model: str


@frozen(kw_only=True)
class HeaterSettings(DeviceSettings):
    set_point_min_c: float = 0.0
    set_point_max_c: float = 200.0
    idle_c: float = 20.0


@frozen(kw_only=True)
class SpectrometerSettings(DeviceSettings):
    integration_time_us: int = field(default=8000, validator=validators.ge(6000))
    light_source: str = "none"


@frozen(kw_only=True)
class WorldSettings:
    chemistry: str


@frozen(kw_only=True)
class BayesSettings(OptimizerSettings):
    acquisition: str


OFFERS = (
    DriverOffer(
        kind="pump",
        name="chemyx-fusion",
        target=TARGET,
        settings=PumpSettings,
        limits={"rate_ul_min": (0.0001, 504_000.0), "inner_diameter_mm": (0.1, 60.0)},
    ),
    DriverOffer(
        kind="heater",
        name="watlow-f4t",
        target=TARGET,
        settings=HeaterSettings,
        limits={"temperature_c": (-100.0, 400.0)},
    ),
    DriverOffer(
        kind="spectrometer",
        name="ocean-hdx",
        target=TARGET,
        settings=SpectrometerSettings,
        limits={"integration_time_us": (6000.0, 10_000_000.0)},
    ),
    Offer(kind="optimizer", name="lhs", target=TARGET, settings=OptimizerSettings),
    Offer(kind="optimizer", name="bayes", target=TARGET, settings=BayesSettings),
    Offer(kind="surrogate", name="enn", target=TARGET, settings=SurrogateSettings),
    Offer(kind="surrogate", name="gp", target=TARGET, settings=SurrogateSettings),
    Offer(kind="objective", name="plqy-proxy", target=TARGET, settings=PlqyProxy),
    Offer(kind="objective", name="maximum", target=TARGET, settings=MaximumResponse),
    Offer(kind="world", name="fluidic", target=TARGET, settings=WorldSettings),
)


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty folder from which a plugin ships profiles."""
    return tmp_path_factory.mktemp("shelf")


@pytest.fixture(scope="session")
def plugins(shelf: Path) -> Plugins:
    """Plugins that offer what the reference profile names."""
    plugin = InstalledPlugin("light", "flowrig-light", "1.0")
    return Plugins(tuple(ListedOffer(plugin, offer) for offer in OFFERS), ((plugin, shelf),))
