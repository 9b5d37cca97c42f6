"""Writes messages to a text file, one a day."""

from datetime import datetime

from flowrig.interfaces.observer import Message, Observer
from flowrig.journal.visible import visible_line
from flowrig_notify.settings import LogSettings

__all__ = ["DailyLog"]


class DailyLog(Observer):
    """Appends a line for each message to the file of its day, local time, in a folder."""

    settings: LogSettings

    def send(self, message: Message) -> None:
        """Append a message; see `Observer.send`."""
        when = datetime.fromisoformat(message.wall).astimezone()
        text = " | ".join(message.text.splitlines())
        line = f"{when:%Y-%m-%d %H:%M:%S} {message.priority} {message.title}: {text}"
        self.settings.folder.mkdir(parents=True, exist_ok=True)
        file = self.settings.folder / f"flowrig-{when:%Y-%m-%d}.log"
        with file.open("a", encoding="utf-8") as stream:
            stream.write(visible_line(line) + "\n")
