"""`python -m flowrig.campaign.optimizer FOLDER`: a run's optimizer, asked through pipes.

A run starts this by itself. It reads questions from its standard input and answers on its standard
output; whatever else is printed goes to the standard error. It ends as soon as its input does.
"""

import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TextIO

from flowrig.campaign.optimizer.host import InProcessOptimizer, Row
from flowrig.campaign.optimizer.memory import limit_memory
from flowrig.campaign.optimizer.messages import decoded, encoded, plain
from flowrig.learning.from_campaign import NoSurrogateError, surrogates_of
from flowrig.plugins.registry import Plugins
from flowrig.profile import load_profile
from flowrig.run_record.changes import PROFILE_NAME


def main() -> None:
    """Answer questions until nobody asks any more."""
    _leave_signals_to_the_run()
    with _answers() as answers:
        serve(Path(sys.argv[1]), _lines(sys.stdin), answers)


def serve(folder: Path, lines: Iterator[str], answers: TextIO) -> None:
    """Answer the questions of a run.

    Args:
        folder: the run's folder.
        lines: what the run says.
        answers: where the answers go.
    """
    begin = decoded(next(lines))
    sys.path[:] = begin["path"]
    limit_memory(begin["memory_gb"])
    profile = load_profile(folder / PROFILE_NAME, Plugins.discover())
    assert profile.campaign is not None
    surrogates = surrogates_of(folder, profile.campaign, begin["seed"])
    host, rows = InProcessOptimizer(profile, begin["seed"], surrogates), list[Row]()
    for line in lines:
        question = decoded(line)
        rows.extend(question["rows"])
        answers.write(_answer(host, rows, question))
        answers.flush()


def _answer(host: InProcessOptimizer, rows: list[Row], question: dict[str, Any]) -> str:
    try:
        suggestions = host.suggest(question["stage"], rows, question["count"])
        return encoded({"suggestions": [plain(one) for one in suggestions]})
    except NoSurrogateError as error:
        return encoded({"wrong_input": str(error)})
    except Exception as error:
        traceback.print_exc()
        return encoded({"error": str(error) or repr(error)})


def _leave_signals_to_the_run() -> None:
    """Ctrl-C reaches every process of a terminal; what it means, the run decides."""
    for name in ("SIGINT", "SIGBREAK", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)


def _answers() -> TextIO:
    """Standard output, kept for answers alone: what an optimizer prints goes elsewhere."""
    own = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return os.fdopen(own, "w", encoding="utf-8", newline="\n")


def _lines(stream: TextIO) -> Iterator[str]:
    """What the run says; when it says no more, whatever is under way here ends too."""
    said: SimpleQueue[str] = SimpleQueue()

    def read() -> None:
        for line in stream:
            said.put(line)
        os._exit(0)

    threading.Thread(target=read, daemon=True).start()
    while True:
        yield said.get()


if __name__ == "__main__":
    main()
