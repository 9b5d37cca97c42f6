"""The commands to the pumps and the heater of one folder, and what its program says of them."""

import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Final

from attrs import define, field

from flowrig.errors import ConnectionLostError, DeviceError, ProtocolError
from flowrig.interfaces import WireLog
from flowrig_dropfolder.layout import (
    ASK,
    COMMANDS,
    STATUS,
    TEMPERATURE,
    BadRow,
    Layout,
    Status,
    numbers_of,
    row_of,
    status_of,
)
from flowrig_dropfolder.share import POLL_S, Share

__all__ = ["Commands", "Member", "join", "last_number"]

STABLE_S: Final = 0.05
"""Time [s, real time] for which a file must not change before it counts as wrong."""

GATHER_S: Final = 0.05
"""Time [s, real time] in which pumps that start together come into one row of `FR.csv`."""

AGAIN_S: Final = 1.0
"""Interval [s, real time] at which off and stop are written again until they are confirmed."""

RATE_SHARE: Final = 0.005
"""Largest difference between two flow rates that are the same, as a share, by rounding."""

LEAST_UL_MIN: Final = 1e-6
"""Flow rate [µL/min] below which nothing flows."""


class _SilentError(ConnectionLostError):
    """The folder is there, and the program does not answer."""


def _has_read(row: int, status: Status) -> bool:
    return status.row >= row


def _rests(row: int, is_done: Callable[[Status], bool], status: Status) -> bool:
    return status.row >= row and is_done(status)


@define
class Member:
    """A device behind the folder.

    Attributes:
        name: its name in the profile.
        wire: its log of bytes.
        deadline_s: longest wait [s, real time] for an answer.
        watchdog_s: time [s] without news after which the program has to stop everything; 0 for
            never.
    """

    name: str
    wire: WireLog
    deadline_s: float
    watchdog_s: float = 0.0


class Commands:
    """The rows of `FR.csv` that all devices of a folder write together.

    A row says what every device shall do, so that each row replaces all before it, and one that is
    read twice or not at all does no harm. A value that nobody here has told is the one that the
    program reported last. Threads wait for answers without holding the lock: a stop never waits for
    the answer to a question.

    Args:
        share: the folder.
        layout: columns of `FR.csv`.
        idle_c: set point [°C] of a heater that is off.
    """

    def __init__(self, share: Share, layout: Layout, idle_c: float) -> None:
        self.layout = layout
        self.idle_c = idle_c
        self.share = share
        self.members: dict[str, Member] = {}
        self._lock = threading.Lock()
        self._told: dict[str, float] = {}
        self._told_in: dict[str, int] = {}
        self._row = self._asked = self._answered = 0
        self._changes = self._written = 0
        self._seen: bytes | None = None

    def open(self, member: Member) -> Status:
        """Connect, and ask the program what it does.

        Raises:
            OSError: the folder is not there.
            DeviceError: the program does not answer, or has no watchdog where one is wanted.
        """
        self.share.connect()
        with self._lock:
            self._row = max(self._row, *self._numbers())
            self._asked = max(self._asked, self._row)
        status = self.ask(member)
        wanted_s = self._watchdog_s()
        if status.watchdog_s != wanted_s:
            raise ProtocolError(
                f"the program says that it stops everything after {status.watchdog_s:g} s without "
                f"news, and {wanted_s:g} s are wanted: repeat the second number of {ASK} in the "
                f"column 'watchdog' of {STATUS}, or leave out `watchdog`",
                device=member.name,
            )
        return status

    def ask(self, member: Member) -> Status:
        """Ask the program, and return its answer.

        Raises:
            ConnectionLostError: there is none within the deadline, or the folder is gone.
            ProtocolError: it is not readable.
        """
        number = self._question(member)
        return self._await(member, lambda status: status.asked >= number)

    def tell(self, member: Member, column: str, value: float, *, gather: bool = False) -> Status:
        """Write a value, and wait until the program has carried it out.

        Args:
            member: the device.
            column: its column.
            value: flow rate [µL/min] or set point [°C].
            gather: whether devices that are told at the same time shall share the row.

        Raises:
            DeviceError: the program does not answer; the value may be carried out nevertheless.
        """
        try:
            number = self._command(member, column, value, gather=gather)
            return self._await(member, partial(_has_read, number))
        except DeviceError:
            # No later row, which is about another device, may carry out what failed here.
            with self._lock:
                if self._told.get(column) == value:
                    self._told[column] = self._rest(column)
            raise

    def insist(
        self,
        member: Member,
        column: str,
        value: float,
        is_done: Callable[[Status], bool],
    ) -> None:
        """Write a value of rest again and again, until the program says that it rests.

        Args:
            member: the device.
            column: its column.
            value: the value.
            is_done: whether the program reports it.

        Raises:
            DeviceError: the program did not confirm it.
        """
        end_s = time.monotonic() + member.deadline_s
        while True:
            number = self._command(member, column, value)
            left_s = max(end_s - time.monotonic(), 0.0)
            rests = partial(_rests, number, is_done)
            try:
                self._await(member, rests, min(AGAIN_S, left_s))
            except _SilentError:
                if time.monotonic() >= end_s:
                    raise
            else:
                return

    def send_rest(self, member: Member) -> None:
        """Write a row in which every pump stands still and the heater is off, and wait for nothing.

        A device that cannot be opened does not know what the others do.

        Raises:
            OSError: the folder is not there.
        """
        with self._lock:
            self._row = max(self._row, *self._numbers()) + 1
            self._told.clear()
            self._write_row(member, {TEMPERATURE: self.idle_c})

    def in_force(self, column: str) -> float:
        """Value that the program works with, as far as it is known; 0 if it is not."""
        with self._lock:
            return self._told.get(column, 0.0)

    def _rest(self, column: str) -> float:
        return self.idle_c if column == TEMPERATURE else 0.0

    def _watchdog_s(self) -> float:
        wanted_s = [one.watchdog_s for one in self.members.values() if one.watchdog_s]
        return min(wanted_s, default=0.0)

    def _question(self, member: Member) -> int:
        with self._lock:
            self._asked += 1
            self._send(member, ASK, row_of([self._asked, self._watchdog_s()]))
            return self._asked

    def _command(self, member: Member, column: str, value: float, *, gather: bool = False) -> int:
        """Write a value; returns the number of a row with it."""
        with self._lock:
            self._told[column] = value
            self._told_in[column] = self._row + 1
            self._changes += 1
            change = self._changes
        if gather:
            time.sleep(GATHER_S)
        with self._lock:
            if not gather or self._written < change:
                self._row += 1
                self._told_in[column] = self._row
                self._written = self._changes
                self._write_row(member, self._told)
            else:
                self._told_in[column] = self._row
            return self._row

    def _write_row(self, member: Member, values: Mapping[str, float]) -> None:
        self._send(member, COMMANDS, self.layout.row(values, self._row, self._answered))

    def _send(self, member: Member, name: str, row: bytes) -> None:
        member.wire.sent(f"{name} ".encode("ascii") + row)
        try:
            self.share.write(name, row, member.name)
        except OSError as error:
            raise ConnectionLostError(
                str(error), device=member.name, command=f"{name}: {row.decode('ascii').strip()}"
            ) from error

    def _await(
        self, member: Member, is_answer: Callable[[Status], bool], most_s: float | None = None
    ) -> Status:
        end_s = time.monotonic() + (member.deadline_s if most_s is None else most_s)
        wrong: tuple[bytes | None, float] = (None, 0.0)
        while True:
            data, status, reason = self._look(member)
            if status is not None and is_answer(status):
                return status
            now_s = time.monotonic()
            if reason and data != wrong[0]:
                wrong = (data, now_s + STABLE_S)
            elif reason and now_s >= wrong[1]:
                raise ProtocolError(f"{STATUS}: {reason}", device=member.name)
            if now_s >= end_s:
                raise _SilentError(self._silence(data, status), device=member.name)
            time.sleep(POLL_S)

    def _look(self, member: Member) -> tuple[bytes | None, Status | None, str]:
        """The contents of `Status.csv` with what they say, or why they say nothing."""
        self.share.look()
        try:
            data = self.share.read(STATUS)
        except OSError as error:
            raise ConnectionLostError(str(error), device=member.name) from error
        if data is None:
            return None, None, ""
        with self._lock:
            if data != self._seen:
                self._seen = data
                member.wire.received(data)
            try:
                status = status_of(data)
            except BadRow as reason:
                return data, None, str(reason)
            if status is not None:
                self._answered = status.asked
                self._learn(status)
        return data, status, ""

    def _learn(self, status: Status) -> None:
        """Take what the program reports for what the next rows repeat.

        A device that somebody has stopped at the program is not started again by a row that is
        about another one.
        """
        found = dict(status.rates_ul_min)
        if TEMPERATURE in self.layout.columns and status.set_point_c == status.set_point_c:
            found[TEMPERATURE] = status.set_point_c
        for column, value in found.items():
            if column not in self.layout.columns or self._told_in.get(column, 0) > status.row:
                continue
            told = self._told.get(column)
            if told is None or abs(value - told) > max(RATE_SHARE * abs(told), LEAST_UL_MIN):
                self._told[column] = value

    def _silence(self, data: bytes | None, status: Status | None) -> str:
        if data is None:
            return f"there is no {STATUS}: does the program run, and watch this folder?"
        if status is None:
            return f"{STATUS} is not written to its end"
        if status.row >= self._row and status.asked >= self._asked:
            return (
                f"the program has read row {status.row} of {COMMANDS}, and reports something else"
            )
        return (
            f"the program does not answer: {STATUS} is at question {status.asked} and row "
            f"{status.row}, flowrig at {self._asked} and {self._row}"
        )

    def _numbers(self) -> list[int]:
        """The numbers of all files that are there."""
        found = [last_number(self.share, COMMANDS, -2), last_number(self.share, ASK, 0)]
        try:
            status = status_of(self.share.read(STATUS) or b"")
        except BadRow:
            status = None
        return [0, *found, *((status.asked, status.row) if status else ())]


def last_number(share: Share, name: str, position: int) -> int:
    """The number in a row that flowrig has written earlier; 0 if there is none.

    Args:
        share: the folder.
        name: of the file.
        position: of the number in the row.

    Raises:
        OSError: the folder is gone.
    """
    data = (share.read(name) or b"").strip()
    try:
        return int(numbers_of(data, data.count(b",") + 1)[position])
    except (BadRow, ValueError, OverflowError):
        return 0


@define
class _Folders:
    """The folders that devices of this process use."""

    lock: threading.Lock = field(factory=threading.Lock)
    open: dict[str, Commands] = field(factory=dict)


_folders = _Folders()


def join(
    folder: str, part: str, member: Member, layout: Layout, idle_c: float
) -> tuple[Commands, Callable[[], None]]:
    """The commands of a folder, which all its devices share.

    Args:
        folder: its path.
        part: what the device uses of it.
        member: the device.
        layout: columns of `FR.csv`.
        idle_c: set point [°C] of a heater that is off.

    Returns:
        the commands, and a function that leaves them.

    Raises:
        DeviceError: another device uses this part, or the devices of the folder do not agree.
    """
    with _folders.lock:
        commands = _folders.open.get(folder)
        if commands is None:
            commands = Commands(Share(folder, member.deadline_s), layout, idle_c)
        elif (commands.layout, commands.idle_c) != (layout, idle_c):
            raise DeviceError(
                "the devices of one folder need the same columns, constants and idle",
                device=member.name,
            )
        elif part in commands.members:
            raise DeviceError(f"another device uses {part} of the folder", device=member.name)
        _folders.open[folder] = commands
        commands.members[part] = member

    def leave() -> None:
        with _folders.lock:
            if commands.members.get(part) is member:
                del commands.members[part]
            if not commands.members and _folders.open.get(folder) is commands:
                del _folders.open[folder]

    return commands, leave
