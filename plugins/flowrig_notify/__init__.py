"""Plugin `notify`: tells people what happens in a run, by ntfy, a webhook or a log file."""

from collections.abc import Sequence

from flowrig.plugins import Offer, hookimpl
from flowrig_notify.settings import LogSettings, NtfySettings, WebhookSettings

__all__ = ["flowrig_observers"]


@hookimpl
def flowrig_observers() -> Sequence[Offer]:
    """Offer the observers."""
    return [
        Offer(
            kind="observer",
            name="ntfy",
            target="flowrig_notify.http:Ntfy",
            settings=NtfySettings,
            summary="messages to a phone, by a topic of an ntfy server",
        ),
        Offer(
            kind="observer",
            name="webhook",
            target="flowrig_notify.http:Webhook",
            settings=WebhookSettings,
            summary="messages as JSON to an address",
        ),
        Offer(
            kind="observer",
            name="log",
            target="flowrig_notify.log:DailyLog",
            settings=LogSettings,
            summary="messages to a text file, one a day",
        ),
    ]
