"""Supervision of streams that should flow."""

from collections.abc import Iterator

from flowrig.safety_rules.snapshot import Snapshot, Trip

__all__ = ["StreamWatch"]


class StreamWatch:
    """Every stream that was started has to flow until it is stopped."""

    name = "stream-stopped"

    def check(self, snapshot: Snapshot) -> Iterator[Trip]:
        """Streams that were started and do not flow."""
        for name, stream in snapshot.streams.items():
            if stream.wanted and not stream.flows:
                yield Trip(
                    self.name,
                    stream.pump,
                    f"the pump of {name} should run and is {stream.state}",
                    "look for an empty syringe or a blocked line",
                )

    def refuse(self, before: Snapshot, after: Snapshot) -> Iterator[Trip]:
        """No command breaks this rule."""
        yield from ()
