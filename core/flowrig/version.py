"""The version of flowrig."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    pass

__all__ = ["__version__"]


__version__ = "0.1.0"
