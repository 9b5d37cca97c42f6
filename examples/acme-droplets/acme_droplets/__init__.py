"""What this distribution offers to flowrig; nothing heavy is imported here."""

from collections.abc import Sequence

from acme_droplets.settings import DropletSettings
from flowrig.plugins import DriverOffer, KindOffer, hookimpl


@hookimpl
def flowrig_kinds() -> Sequence[KindOffer]:
    """A kind of device that flowrig does not know."""
    return [
        KindOffer(
            name="droplets",
            interface="acme_droplets.kind:DropletGenerator",
            summary="makes droplets at a frequency [Hz], and counts them",
            safe=0.0,
            placed=True,
            body="acme_droplets.kind:DropletBody",
            conformance="acme_droplets.conformance:DropletConformance",
        )
    ]


@hookimpl
def flowrig_drivers() -> Sequence[DriverOffer]:
    """A driver of this kind; other distributions can offer more of them."""
    return [
        DriverOffer(
            kind="droplets",
            name="acme-droplets",
            target="acme_droplets.driver:AcmeDroplets",
            settings=DropletSettings,
            summary="ACME droplet generators over serial",
            needs=("serial",),
            install="acme-droplets",
            emulator="acme_droplets.emulator:DropletEmulator",
        )
    ]
