"""Observers that send messages by HTTP, with the standard library."""

import http.client
import json
import os
import urllib.error
import urllib.request
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, Final

from flowrig.errors import InputError
from flowrig.interfaces.observer import Message, Observer, Priority
from flowrig_notify.settings import HttpSettings, NtfySettings, WebhookSettings

__all__ = ["Ntfy", "Webhook"]

LONGEST_TEXT: Final = 3000
"""Length of the longest text; ntfy turns a message of more than 4,096 bytes into an attachment."""

PRIORITIES: Final[Mapping[Priority, int]] = {
    Priority.NORMAL: 3,
    Priority.HIGH: 4,
    Priority.URGENT: 5,
}
"""Those of https://docs.ntfy.sh/publish/#message-priority."""

PASSES: Final = (408, 425, 429)
"""Refusals after which a server takes the same request later."""


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the token is for the server of the settings alone."""

    def redirect_request(self, *_args: Any, **_how: Any) -> None:
        """Let the redirect be an error."""


class _Http(Observer):
    """Posts JSON.

    Args:
        settings: address, timeout and the place of the token.

    Raises:
        InputError: the token is not there, or no token.
    """

    settings: HttpSettings

    def __init__(self, settings: HttpSettings) -> None:
        super().__init__(settings)
        self._token = _token(settings)
        self._opener = urllib.request.build_opener(_NoRedirect)

    @property
    @abstractmethod
    def _url(self) -> str:
        """The address that gets the messages."""

    @abstractmethod
    def _content(self, message: Message) -> Mapping[str, Any]:
        """The JSON of a message."""

    def send(self, message: Message) -> None:
        """Post a message; see `Observer.send`."""
        headers = {"Content-Type": "application/json", "User-Agent": "flowrig"}
        if self._token:
            headers["Authorization"] = f"Bearer {self._token}"
        body = json.dumps(self._content(message)).encode()
        request = urllib.request.Request(self._url, body, headers)  # noqa: S310 - http or https
        # What urllib says may contain the address or the token; `from None` keeps it apart.
        try:
            with self._opener.open(request, timeout=self.settings.timeout_s):
                return
        except urllib.error.HTTPError as error:
            status = error.code
            error.close()
        except (OSError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", error)
            name = getattr(reason, "strerror", None) or type(reason).__name__
            raise OSError(f"the server does not answer: {name}") from None
        text = f"the server answers with the HTTP status {status}"
        if status < 500 and status not in PASSES:
            hint = "; look at the address" if status < 400 else "; look at address and token"
            raise InputError(text + hint)
        raise OSError(text)


class Ntfy(_Http):
    """Publishes messages to a topic of an ntfy server (https://docs.ntfy.sh/publish/)."""

    settings: NtfySettings

    @property
    def _url(self) -> str:
        return self.settings.server

    def _content(self, message: Message) -> Mapping[str, Any]:
        return {
            "topic": self.settings.topic,
            "title": message.title,
            "message": _short(message.text),
            "priority": PRIORITIES[message.priority],
        }


class Webhook(_Http):
    """Posts messages as JSON to an address. Slack and Mattermost show the key `text`."""

    settings: WebhookSettings

    @property
    def _url(self) -> str:
        return self.settings.url

    def _content(self, message: Message) -> Mapping[str, Any]:
        return {
            "text": f"{message.title}\n{_short(message.text)}",
            "kind": message.kind,
            "run": message.run,
            "rig": message.rig,
            "message": message.text,
            "priority": message.priority,
            "time": message.wall,
        }


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_TEXT else f"{text[:LONGEST_TEXT]}…"


def _token(settings: HttpSettings) -> str:
    """The token that the settings name; "" if they name none.

    Raises:
        InputError: it is not there, or cannot be sent; the message does not contain it.
    """
    if settings.token_file is not None:
        where = f"`token_file`: {settings.token_file}"
        try:
            token = settings.token_file.read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
            raise InputError(f"{where} cannot be read: {reason}") from None
    elif settings.token_env:
        where = f"`token_env`: the environment variable {settings.token_env}"
        token = os.environ.get(settings.token_env, "").strip()
    else:
        return ""
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise InputError(f"{where} holds no token; expected one word of ASCII characters")
    return token
