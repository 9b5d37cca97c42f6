"""What a plugin implements to tell people what happens in a run."""

from abc import ABC, abstractmethod
from enum import StrEnum
from typing import Any

from attrs import frozen

__all__ = ["Message", "Observer", "ObserverSettings", "Priority"]


class Priority(StrEnum):
    """How soon a person has to know."""

    NORMAL = "normal"
    """When the person looks next."""
    HIGH = "high"
    """Soon: the run waits for a person."""
    URGENT = "urgent"
    """Now: the run has failed, or a safety rule has tripped."""


@frozen(kw_only=True)
class Message:
    """What a person is told.

    Attributes:
        kind: "hold", "trip", "failure", "end", "waste", "quality" or "test".
        run: name of the run's folder.
        rig: name of the rig's profile.
        text: for people, one or more lines.
        priority: how soon a person has to know.
        wall: when it happened, ISO 8601 in UTC.
    """

    kind: str
    run: str
    rig: str
    text: str
    priority: Priority
    wall: str

    @property
    def title(self) -> str:
        """Rig, kind and run in one line."""
        return f"{self.rig or 'flowrig'}: {self.kind} ({self.run})"


@frozen(kw_only=True)
class ObserverSettings:
    """Base of every observer's settings class.

    A path in a field is relative to the file with the settings. No field holds a secret: it names
    the file or the environment variable that does.
    """

    def objection(self) -> str:
        """Why these settings are not possible, in one phrase; "" if they are.

        It names the key in backticks, and ends with what would fit: "`topic` is empty; expected
        the name of a topic".
        """
        return ""


class Observer(ABC):
    """Delivers messages, in a thread of its own beside the run.

    A plugin offers one by the hook `flowrig_observers`, as `Offer(kind="observer", …)`.

    Args:
        settings: an instance of the observer's settings class.

    Raises:
        InputError: a secret that the settings name is not there; the message does not contain it.
    """

    def __init__(self, settings: Any) -> None:
        self.settings = settings

    @abstractmethod
    def send(self, message: Message) -> None:
        """Deliver a message, and return when it has arrived.

        Raises:
            InputError: it is refused, and would be refused again, for instance because of the
                token. It is not sent again.
            OSError: it did not arrive, and may arrive later; it is sent again.

        The text of both is shown to people, and must contain no secret. Of another error only the
        class is shown.
        """
