"""What the drivers of pumps and heaters have in common: a part in the commands of a folder."""

from collections.abc import Callable
from typing import Any

from flowrig.errors import (
    ConnectionLostError,
    DeviceError,
    NotReadyError,
    ProtocolError,
    UnknownOutcomeError,
)
from flowrig.interfaces import Device, Identity
from flowrig_dropfolder.commands import Commands, Member, join
from flowrig_dropfolder.layout import Status
from flowrig_dropfolder.settings import CommandSettings

__all__ = ["FolderDevice"]


class FolderDevice(Device):
    """A device that has a column in `FR.csv`."""

    settings: CommandSettings
    _commands: Commands | None = None
    _leave: Callable[[], None] | None = None
    _member: Member

    def _do_open(self) -> None:
        self._connect()
        try:
            self._folder.open(self._member)
        except OSError as error:
            raise self._fault(ConnectionLostError, str(error)) from error

    def _connect(self) -> None:
        if self._commands is not None:
            return
        settings = self.settings
        self._member = Member(self.name, self.wire, settings.deadline_s, settings.watchdog_s or 0.0)
        part = settings.uses_only()
        self._commands, self._leave = join(
            settings.address, part, self._member, settings.rows, settings.idle_c
        )

    def _do_close(self) -> None:
        if self._leave is not None:
            self._leave()
        self._commands = self._leave = None

    def _do_identify(self) -> Identity:
        self._ask()
        return Identity("program of the lab", f"drop folder, {self.settings.uses_only()}")

    @property
    def _folder(self) -> Commands:
        if self._commands is None:
            raise self._fault(NotReadyError, "the folder is not open")
        return self._commands

    def _ask(self) -> Status:
        return self._folder.ask(self._member)

    def _told(self, send: Callable[[], Any]) -> Any:
        """Give a command; what is not confirmed has an unknown outcome."""
        try:
            return send()
        except (ConnectionLostError, ProtocolError) as error:
            raise self._unknown(error) from error

    def _unknown(self, error: DeviceError) -> UnknownOutcomeError:
        return self._fault(
            UnknownOutcomeError,
            f"the program did not confirm it: {error.message}",
            error.command,
            error.reply,
        )

    def _do_send_safe_action(self) -> None:
        self._connect()
        self._folder.send_rest(self._member)
