"""The driver's seat: of all pages that may steer, one does."""

import hmac
import secrets
import threading
import time
from typing import Any

__all__ = ["Seat"]


class Seat:
    """Who steers now. Whoever takes the seat has it until somebody else takes it, or leaves it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._key = ""
        self._since = 0.0
        self._number = 0

    def take(self) -> dict[str, Any]:
        """Take the seat, also from somebody else.

        Returns:
            the key by which a page proves that it has the seat, and the number that all pages see.
        """
        with self._lock:
            self._key, self._since = secrets.token_urlsafe(24), time.time()
            self._number += 1
            return {"key": self._key, "number": self._number}

    def leave(self, key: str) -> bool:
        """Leave the seat empty; returns whether the key was that of the seat."""
        with self._lock:
            if not self._is(key):
                return False
            self._key = ""
            return True

    def is_held_with(self, key: str) -> bool:
        """Whether a key is that of the seat."""
        with self._lock:
            return self._is(key)

    def as_json(self) -> dict[str, Any] | None:
        """Number of who has the seat, and since when [s since 1970]; None where nobody has it."""
        with self._lock:
            return {"number": self._number, "since": self._since} if self._key else None

    def _is(self, key: str) -> bool:
        return bool(self._key) and hmac.compare_digest(
            key.encode(errors="replace"), self._key.encode()
        )
