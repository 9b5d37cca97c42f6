"""Discovery of attached instruments: each driver looks for its own, side by side.

A driver takes part through its offer, `DriverOffer(discover="module:function")`. The function gets
a `Discovery` and yields the instruments that it finds. It sends only queries that change nothing,
and only to ports and addresses that a person has named: any other may belong to another device.

Drivers ask at one place one after the other, by `DriverOffer.discover_order`: the query of one
instrument can be a command to another, so that who is least likely to do harm asks first, and
nobody asks any more where an instrument has answered.
"""

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from queue import SimpleQueue
from typing import TypeVar

from attrs import field, frozen

from flowrig.claims import claim, places
from flowrig.errors import FlowrigError, InUseError
from flowrig.interfaces.device import Identity
from flowrig.plugins.offers import DriverOffer, import_target, require_installed

__all__ = ["ALL", "Discovery", "Found", "LookFor", "NoAnswer", "Survey", "survey"]

T = TypeVar("T")

ALL = "all"
"""Name that stands for every attached serial port."""

DECLARE_S = 10.0
"""Time [s, real time] from the start within which a driver says where it asks."""

WAIT_S = 15.0
"""Longest wait [s, real time] for the drivers that ask at a place before."""


@frozen(kw_only=True)
class Found:
    """An instrument, or a port behind which there may be one.

    Attributes:
        driver: name of the driver that controls it, or may control it.
        address: as a profile writes it.
        identity: of the instrument; None for a port that was not asked.
        settings: further keys that a profile needs for it, as a profile writes them.
        note: further information for a person.
    """

    driver: str
    address: str
    identity: Identity | None = None
    settings: Mapping[str, str | int] = field(factory=dict)
    note: str = ""


@frozen(kw_only=True)
class NoAnswer:
    """An address that a person named, where no instrument of a driver has answered.

    Attributes:
        driver: name of the driver that asked.
        address: where it asked.
        reason: in one clause.
    """

    driver: str
    address: str
    reason: str


LookFor = Callable[["Discovery"], Iterable[Found | NoAnswer]]
"""The function that `DriverOffer.discover` names."""


class Discovery:
    """The ports and hosts that a person allows to ask, and helpers for drivers that ask.

    Args:
        ports: serial ports that may be asked, by their names; `ALL` allows each.
        hosts: hosts that may be asked, as "host" or "host:port".
        deadline_s: longest wait [s] for one answer.
        is_narrowed: whether the person named the one driver that looks.

    Attributes:
        ports: serial ports that may be asked.
        hosts: hosts that may be asked.
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
        self._driver = ""
        self._complete: dict[str, str] = {}
        self._turns = _Turns()

    def may_ask(self, *names: str) -> bool:
        """Whether a serial port that is attached may be asked.

        Args:
            names: all names of the port: "/dev/ttyUSB0", "usb:A10KZP45".
        """
        return ALL in self.ports or any(name in self.ports for name in names)

    def ports_besides(self, attached: Iterable[str]) -> tuple[str, ...]:
        """Ports that a person named and that are not listed: links, device servers, typing errors.

        Args:
            attached: all names of the attached ports.
        """
        known = {ALL, *attached}
        return tuple(port for port in self.ports if port not in known)

    def endpoints(self, port: int) -> tuple[str, ...]:
        """Hosts that may be asked, each as "host" or "host:port".

        A host with another port than the usual one is asked only if a person named the driver:
        otherwise a device with another protocol may listen there.

        Args:
            port: the TCP port on which the driver's instruments listen.
        """
        wanted = tuple(
            host
            for host in self.hosts
            if self._is_narrowed or ":" not in host or host.endswith(f":{port}")
        )
        self._complete |= {host: f"{host}:{port}" for host in wanted if ":" not in host}
        return wanted

    @property
    def is_narrowed(self) -> bool:
        """Whether the person named the one driver that looks."""
        return self._is_narrowed

    @contextmanager
    def turn(self, address: str) -> Iterator[bool]:
        """Within this context no other driver asks on a serial port, or at a host.

        Yields:
            whether no other driver has found its instrument there; otherwise nothing may be sent.

        Raises:
            FlowrigError: another driver does not come to an end there.
        """
        with self._turns.of(self._driver, self._complete.get(address, address)) as is_unknown:
            yield is_unknown

    def queue(self, drivers: Iterable[str]) -> None:
        """Name the drivers that take turns, in their order."""
        self._turns.order = tuple(drivers)

    def finish(self) -> None:
        """Note that this driver asks nobody any more."""
        self._turns.finish(self._driver)

    def by(self, driver: str) -> "Discovery":
        """The same permissions, for the driver with a name."""
        mine = copy(self)
        mine._driver, mine._complete = driver, {}
        return mine

    def each(
        self, addresses: Sequence[str], ask: Callable[[str], Iterable[T]]
    ) -> Iterator[T | NoAnswer]:
        """Ask at several addresses at once; answers come in the order in which they arrive.

        An address that another program of this computer uses is not asked.

        Args:
            addresses: where to ask.
            ask: asks at one address, in a thread of its own.

        Raises:
            Exception: the error that `ask` raises.
        """
        self._turns.declare(self._driver, [self._complete.get(one, one) for one in addresses])
        answers: SimpleQueue[tuple[T | NoAnswer | None, BaseException | None]] = SimpleQueue()

        def work(address: str) -> None:
            error: BaseException | None = None
            try:
                with self._claimed(address):
                    for answer in ask(address):
                        if isinstance(answer, Found) and answer.identity is not None:
                            self._turns.known.add(self._complete.get(address, address))
                        answers.put((answer, None))
            except InUseError as trouble:
                reason = f"not asked, because it is {trouble.use}"
                answers.put((NoAnswer(driver=self._driver, address=address, reason=reason), None))
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

    @contextmanager
    def _claimed(self, address: str) -> Iterator[None]:
        taken = claim(places([self._complete.get(address, address)]), address)
        try:
            yield
        finally:
            taken.release()


class _Turns:
    """Who asks where, and who may ask next.

    Attributes:
        order: the drivers that take turns, in their order; any other waits for nobody.
        known: places where an instrument has answered.
    """

    def __init__(self) -> None:
        self.order: tuple[str, ...] = ()
        self.known: set[str] = set()
        self._begin_s = time.monotonic()
        self._changed = threading.Condition()
        self._declared: dict[str, set[str]] = {}
        self._finished: set[str] = set()
        self._had: set[tuple[str, str]] = set()
        self._busy: set[str] = set()

    def declare(self, driver: str, places: Iterable[str]) -> None:
        """Note where a driver asks."""
        with self._changed:
            self._declared.setdefault(driver, set()).update(places)
            self._changed.notify_all()

    def finish(self, driver: str) -> None:
        """Note that a driver asks nowhere any more."""
        with self._changed:
            self._finished.add(driver)
            self._changed.notify_all()

    @contextmanager
    def of(self, driver: str, place: str) -> Iterator[bool]:
        """The turn of a driver at a place; see `Discovery.turn`."""
        end_s = time.monotonic() + WAIT_S
        with self._changed:
            while place in self._busy or self._is_before(driver, place):
                if time.monotonic() > end_s:
                    raise FlowrigError(f"another driver does not come to an end at {place}")
                self._changed.wait(0.1)
            self._busy.add(place)
        try:
            yield place not in self.known
        finally:
            with self._changed:
                self._busy.discard(place)
                self._had.add((driver, place))
                self._changed.notify_all()

    def _is_before(self, driver: str, place: str) -> bool:
        """Whether another driver has to ask at a place before."""
        if driver not in self.order:
            return False
        may_declare = time.monotonic() < self._begin_s + DECLARE_S
        for other in self.order[: self.order.index(driver)]:
            if other in self._finished or (other, place) in self._had:
                continue
            if place in self._declared.get(other, ()) or (
                other not in self._declared and may_declare
            ):
                return True
        return False


@frozen
class Survey:
    """The result of a discovery.

    Attributes:
        found: instruments, and ports behind which there may be one.
        unanswered: addresses that a person named, where no instrument of a driver has answered.
        skipped: drivers that could not finish, each with the reason.
    """

    found: tuple[Found, ...]
    unanswered: tuple[NoAnswer, ...]
    skipped: Mapping[str, str]


def survey(offers: Iterable[DriverOffer], ask: Discovery, patience_s: float = 20.0) -> Survey:
    """Let drivers look for their instruments, side by side.

    Instruments that a driver has found count even if the driver fails or hangs afterwards.

    Args:
        offers: the drivers; those without discovery are left out.
        ask: the ports and hosts that a person allows.
        patience_s: longest wait [s] for all of them together.
    """
    looking = [offer for offer in offers if offer.discover]
    ask.queue(one.name for one in sorted(looking, key=lambda one: one.discover_order))
    looks = [_Look(offer, ask.by(offer.name)) for offer in looking]
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
    """The discovery of one driver, in a thread of its own: a driver that hangs delays no other."""

    def __init__(self, offer: DriverOffer, ask: Discovery) -> None:
        self.driver = offer.name
        self.seen: list[Found | NoAnswer] = []
        self.thread = threading.Thread(target=self._work, args=(offer, ask), daemon=True)
        self._trouble = ""
        self.thread.start()

    def why_not(self, patience_s: float) -> str:
        """Why the driver did not finish; empty if it did."""
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
        finally:
            ask.finish()
