"""Off, stop and shut for instruments that answer too late to be opened."""

from collections.abc import Callable

from flowrig.errors import NotReadyError, UnknownOutcomeError, UnsupportedError
from flowrig.interfaces import Device

__all__ = ["even_unopened"]


def even_unopened(device: Device, action: Callable[[], None]) -> Callable[[], None]:
    """The action that brings a device to rest, also where the device is not open.

    An instrument that answers later than its deadline cannot be opened, and obeys all the same. So
    a device that is not open is sent its safe action, and the outcome is unknown.

    Args:
        device: the device.
        action: its `off` or `stop`, or the call that shuts its light.

    Returns:
        the action; it raises UnknownOutcomeError where it was sent to a device that is not open.
    """

    def act() -> None:
        try:
            action()
        except NotReadyError as closed:
            try:
                device.send_safe_action()
            except UnsupportedError:
                raise closed from None
            raise UnknownOutcomeError(
                "it does not answer; it was told to come to rest, and nothing confirms that",
                device=device.name,
            ) from closed

    return act
