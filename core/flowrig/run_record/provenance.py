"""Provenance of each measurement: its devices, versions, profile, light reference and seed."""

from collections.abc import Mapping
from typing import Any

from attrs import asdict, frozen

from flowrig.journal.events import Calibrated, ChangesAccepted, Measured, Opened, Resumed
from flowrig.run_record.reader import RunRecord

__all__ = ["Provenance", "provenance_as_json", "provenance_of"]

_KINDS = (ChangesAccepted, Resumed, Opened, Calibrated, Measured)


@frozen(kw_only=True)
class Provenance:
    """Provenance of a measurement.

    Attributes:
        index: number of the experiment.
        event: number of the event that holds it, and its arrays.
        wall: time of writing, ISO 8601 in UTC.
        session: 1 before the run was first resumed, 2 after that, and so on.
        seed: of the run.
        simulated: whether the instruments were emulated.
        profile: name of the rig.
        profile_digest: SHA-256 of the profile's content, accepted changes included.
        versions: of flowrig, Python, every plugin's distribution and the packages they use.
        devices: "vendor", "model", "serial_number" and "firmware" by device, as the device reported
            them when it was opened.
        reference_event: number of the event with dark and lamp reference; None without one.
        reference_s: rig time [s] of that reference.
    """

    index: int
    event: int
    wall: str
    session: int
    seed: int
    simulated: bool
    profile: str
    profile_digest: str
    versions: Mapping[str, str]
    devices: Mapping[str, Mapping[str, str]]
    reference_event: int | None
    reference_s: float | None


def provenance_of(record: RunRecord) -> list[Provenance]:
    """Provenance of every measurement of a run, in order of time.

    It follows from the order of the events alone, and so also for journals of older versions.
    """
    found: list[Provenance] = []
    begun = record.start.data
    digest, versions = begun.profile_digest, dict(begun.versions)
    session, devices = 1, dict[str, Mapping[str, str]]()
    reference_event: int | None = None
    reference_s: float | None = None
    for event in record.journal.events(*_KINDS):
        match event.data:
            case ChangesAccepted() as accepted:
                digest = accepted.profile_digest
                versions |= accepted.versions
            case Resumed() as resumed:
                session += 1
                versions |= resumed.versions
            case Opened() as opened:
                devices = {name: who.as_json() for name, who in opened.devices.items()}
            case Calibrated():
                reference_event, reference_s = event.sequence, event.time_s
            case Measured() as measured:
                found.append(
                    Provenance(
                        index=measured.index,
                        event=event.sequence,
                        wall=event.wall,
                        session=session,
                        seed=record.seed,
                        simulated=record.simulated,
                        profile=begun.profile,
                        profile_digest=digest,
                        versions=dict(versions),
                        devices=devices,
                        reference_event=reference_event,
                        reference_s=reference_s,
                    )
                )
    return found


def provenance_as_json(record: RunRecord) -> list[dict[str, Any]]:
    """Provenance of every measurement of a run as plain JSON values."""
    return [asdict(one) for one in provenance_of(record)]
