"""What is attached to this computer: each driver looks for its own instruments, side by side.

A driver takes part through its offer, `DriverOffer(discover="module:function")`. The function gets
a `Discovery` and yields what it finds. It sends nothing but questions that change nothing, to
nobody but those that a person has named: what else sits on a port or at an address is not known.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TypeVar

from attrs import field, frozen

from flowrig.errors import FlowrigError
from flowrig.interfaces.device import Identity
from flowrig.plugins.offers import DriverOffer, import_target, require_installed

__all__ = ["ALL", "Discovery", "Found", "LookFor", "NoAnswer", "Survey", "survey"]

T = TypeVar("T")

ALL = "all"
"""Stands for every serial port that is attached."""


@frozen(kw_only=True)
class Found:
    """An instrument, or a port behind which there may be one.

    Attributes:
        driver: name of the driver that it is for, or may be for.
        address: what a profile says for it.
        identity: who it is; None for a port that was not asked.
        settings: further keys that a profile needs for it, as it writes them.
        note: what else a person should know.
    """

    driver: str
    address: str
    identity: Identity | None = None
    settings: Mapping[str, str | int] = field(factory=dict)
    note: str = ""


@frozen(kw_only=True)
class NoAnswer:
    """Somebody who was named, and is not known to be one of a driver's instruments.

    Attributes:
        driver: name of the driver that asked.
        address: who was asked.
        reason: in one clause.
    """

    driver: str
    address: str
    reason: str


LookFor = Callable[["Discovery"], Iterable[Found | NoAnswer]]
"""What `DriverOffer.discover` names."""


class Discovery:
    """What a person allows, and help with keeping to it.

    Args:
        ports: serial ports that may be asked, as a person or a driver calls them; `ALL` is each.
        hosts: who may be asked on the network, as "host" or "host:port".
        deadline_s: longest wait [s] for one answer.
        is_narrowed: whether the person named the one driver that is to look.

    Attributes:
        ports: serial ports that may be asked.
        hosts: who may be asked on the network.
        deadline_s: longest wait [s] for one answer.
    """

    def __init__(
        self,
        *,
        ports: Iterable[str] = (),
        hosts: Iterable[str] = (),
        deadline_s: float = 1.0,
        is_narrowed: bool = False,
    ) -> None:
        self.ports = tuple(ports)
        self.hosts = tuple(hosts)
        self.deadline_s = deadline_s
        self._is_narrowed = is_narrowed
        self._turns: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def may_ask(self, *names: str) -> bool:
        """Whether a serial port that is attached may be asked.

        Args:
            names: all that it is called: "/dev/ttyUSB0", "usb:A10KZP45".
        """
        return ALL in self.ports or any(name in self.ports for name in names)

    def ports_besides(self, attached: Iterable[str]) -> tuple[str, ...]:
        """Ports that a person named and that are not attached: links, device servers, typos.

        Args:
            attached: all that the attached ones are called.
        """
        known = {ALL, *attached}
        return tuple(port for port in self.ports if port not in known)

    def endpoints(self, port: int) -> tuple[str, ...]:
        """Who may be asked on the network, each as "host" or "host:port".

        A host with another port than the usual one is asked only where a person named the one
        driver to look: who listens there is not known to speak this protocol.

        Args:
            port: the TCP port on which the driver's instruments listen.
        """
        return tuple(
            host
            for host in self.hosts
            if self._is_narrowed or ":" not in host or host.endswith(f":{port}")
        )

    @contextmanager
    def turn(self, port: str) -> Iterator[None]:
        """Keep other drivers from a serial port while one asks there."""
        with self._lock:
            turn = self._turns.setdefault(port, threading.Lock())
        with turn:
            yield

    def each(self, addresses: Sequence[str], ask: Callable[[str], Iterable[T]]) -> Iterator[T]:
        """Ask at several addresses at once; answers come in the order in which they arrive.

        Args:
            addresses: whom to ask.
            ask: asks at one address, in a thread of its own.

        Raises:
            Exception: whatever `ask` raises.
        """
        answers: SimpleQueue[tuple[T | None, BaseException | None]] = SimpleQueue()

        def work(address: str) -> None:
            error: BaseException | None = None
            try:
                for answer in ask(address):
                    answers.put((answer, None))
            except Exception as trouble:
                error = trouble
            answers.put((None, error))

        for address in addresses:
            threading.Thread(target=work, args=(address,), daemon=True).start()
        busy = len(addresses)
        while busy:
            answer, error = answers.get()
            if error is not None:
                raise error
            if answer is None:
                busy -= 1
            else:
                yield answer


@frozen
class Survey:
    """What came of looking.

    Attributes:
        found: instruments, and ports behind which there may be one.
        unanswered: who was named, and is not known to be one of a driver's instruments.
        skipped: drivers that could not look, or not to the end, each with the reason.
    """

    found: tuple[Found, ...]
    unanswered: tuple[NoAnswer, ...]
    skipped: Mapping[str, str]


def survey(offers: Iterable[DriverOffer], ask: Discovery, patience_s: float = 20.0) -> Survey:
    """Let drivers look for their instruments, side by side.

    What a driver has found counts, even if it then fails or hangs.

    Args:
        offers: the drivers; those that do not take part are left out.
        ask: what a person allows.
        patience_s: longest wait [s] for all of them together.
    """
    looks = [_Look(offer, ask) for offer in offers if offer.discover]
    end_s = time.monotonic() + patience_s
    for look in looks:
        look.thread.join(max(0.0, end_s - time.monotonic()))
    seen = [one for look in looks for one in tuple(look.seen)]
    return Survey(
        tuple(one for one in seen if isinstance(one, Found)),
        tuple(one for one in seen if isinstance(one, NoAnswer)),
        {look.driver: reason for look in looks if (reason := look.why_not(patience_s))},
    )


class _Look:
    """One driver's look around, in a thread that may hang without holding anybody up."""

    def __init__(self, offer: DriverOffer, ask: Discovery) -> None:
        self.driver = offer.name
        self.seen: list[Found | NoAnswer] = []
        self.thread = threading.Thread(target=self._work, args=(offer, ask), daemon=True)
        self._trouble = ""
        self.thread.start()

    def why_not(self, patience_s: float) -> str:
        """Why it did not look to the end; empty if it did."""
        if self.thread.is_alive():
            return f"it was still looking after {patience_s:g} s"
        return self._trouble

    def _work(self, offer: DriverOffer, ask: Discovery) -> None:
        try:
            require_installed([offer])
            look_for: LookFor = import_target(offer.discover, f"the driver {offer.name!r}")
            for one in look_for(ask):
                self.seen.append(one)
        except FlowrigError as error:
            self._trouble = str(error)
        except Exception as error:
            self._trouble = f"{type(error).__name__}: {error}"
