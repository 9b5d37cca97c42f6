"""The class of a generator that a profile names."""

import re
import warnings
from importlib import import_module
from importlib.metadata import distribution, packages_distributions

from gest_api import Generator

from flowrig.errors import InputError

__all__ = ["find_generator"]

STANDARD = "gest-api"


def find_generator(name: str) -> type[Generator]:
    """The class that "module:Class" names.

    Importing a module runs its code, and a profile may come from an untrusted source. So only
    modules of installed distributions that require gest-api are imported.

    Raises:
        InputError: there is no such module or class, the class is no generator, or it belongs to
            no distribution that requires gest-api.
    """
    module_name, _, class_name = name.partition(":")
    _require_trusted(name, module_name.partition(".")[0])
    try:
        with warnings.catch_warnings():  # deprecations inside other packages
            warnings.simplefilter("ignore")
            found = getattr(import_module(module_name), class_name)
    except (ImportError, AttributeError) as error:
        raise InputError(f"the generator {name!r} does not load: {error}") from error
    if not (isinstance(found, type) and issubclass(found, Generator)):
        raise InputError(f"{name!r} is no gest_api.Generator")
    return found


def _require_trusted(name: str, package: str) -> None:
    providers = packages_distributions().get(package, [])
    if not providers:
        raise InputError(f"the generator {name!r} needs the package {package!r}; install it")
    if not any(_requires_standard(provider) for provider in providers):
        raise InputError(
            f"the generator {name!r} belongs to {', '.join(providers)}, which does not require "
            f"{STANDARD}; add it to the requirements of the distribution, or offer the generator "
            "as a plugin of its own"
        )


def _requires_standard(provider: str) -> bool:
    found = distribution(provider)
    names = [found.metadata["Name"], *(found.requires or [])]
    return any(re.match(r"[\w.-]+", name)[0].lower() == STANDARD for name in names)  # type: ignore[index]
