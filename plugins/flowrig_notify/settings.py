"""Settings of the observers."""

from pathlib import Path
from urllib.parse import urlsplit

from attrs import frozen

from flowrig.interfaces.observer import ObserverSettings

__all__ = ["HttpSettings", "LogSettings", "NtfySettings", "WebhookSettings"]


@frozen(kw_only=True)
class HttpSettings(ObserverSettings):
    """Settings of an observer that sends by HTTP.

    Attributes:
        token_file: file with the token that the server asks for, sent as `Bearer` authorization.
        token_env: environment variable with this token.
        timeout_s: longest time [s] without an answer of the server.
        without_tls: whether the address may begin with `http://`; whoever is on the network can
            then read along, and take the token.
    """

    token_file: Path | None = None
    token_env: str = ""
    timeout_s: float = 10.0
    without_tls: bool = False

    def objection(self) -> str:
        """A finite time, and one token."""
        if not 0.1 <= self.timeout_s <= 60.0:
            return f"`timeout` is {self.timeout_s:g} s; expected 0.1 s to 60 s"
        if self.token_file is not None and self.token_env:
            return "`token_file` and `token_env` are both given; expected one of them"
        return ""

    def _address_objection(self, key: str, address: str) -> str:
        """An objection to an address, without the address, which may be secret."""
        fits = f"`{key}` does not fit; expected an address that begins with https://"
        try:
            parts = urlsplit(address)
            parts.port  # noqa: B018 - raises for a port that is no number
        except ValueError:
            return fits
        if not address.isascii() or not address.isprintable() or " " in address:
            return fits
        if parts.scheme not in ("https", "http") or not parts.hostname or "@" in parts.netloc:
            return fits
        if parts.scheme == "http" and not self.without_tls:
            return f"{fits}, or `without_tls = true`"
        return ""


@frozen(kw_only=True)
class NtfySettings(HttpSettings):
    """Settings of `ntfy`.

    Attributes:
        topic: that the phone subscribes to. Who knows its name can read along, unless the server
            asks for a token.
        server: address of the ntfy server.
    """

    topic: str
    server: str = "https://ntfy.sh"

    def objection(self) -> str:
        """A topic and an address."""
        if not self.topic.strip():
            return "`topic` is empty; expected the name of a topic"
        return self._address_objection("server", self.server) or HttpSettings.objection(self)


@frozen(kw_only=True)
class WebhookSettings(HttpSettings):
    """Settings of `webhook`.

    Attributes:
        url: address that gets the messages.
    """

    url: str

    def objection(self) -> str:
        """An address."""
        return self._address_objection("url", self.url) or HttpSettings.objection(self)


@frozen(kw_only=True)
class LogSettings(ObserverSettings):
    """Settings of `log`.

    Attributes:
        folder: where the files are, one a day; it is made if it is not there.
    """

    folder: Path
