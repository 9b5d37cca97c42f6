"""`python -m flowrig.campaign.optimizer FOLDER`: the optimizer of a run, as a process.

The run starts it. It reads requests from its standard input and writes answers to its standard
output; everything else that is printed goes to the standard error. It ends when its input ends.
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
from flowrig.errors import NothingLeftError
from flowrig.learning.from_campaign import NoSurrogateError, surrogates_of
from flowrig.plugins.registry import Plugins
from flowrig.profile import load_profile
from flowrig.run_record.changes import PROFILE_NAME


def main() -> None:
    """Answer requests until the run closes the input."""
    _leave_signals_to_the_run()
    with _answers() as answers:
        serve(Path(sys.argv[1]), _lines(sys.stdin), answers)


def serve(folder: Path, lines: Iterator[str], answers: TextIO) -> None:
    """Answer the requests of a run.

    Args:
        folder: the run's folder.
        lines: messages of the run, see `flowrig.campaign.optimizer.messages`.
        answers: stream for the answers.
    """
    begin = decoded(next(lines))
    sys.path[:] = begin["path"]
    limit_memory(begin["memory_gb"])
    profile = load_profile(folder / PROFILE_NAME, Plugins.discover(warn=False))
    assert profile.campaign is not None
    surrogates = surrogates_of(folder, profile.campaign, begin["seed"], profile.space)
    host, rows = InProcessOptimizer(profile, begin["seed"], surrogates), list[Row]()
    for line in lines:
        request = decoded(line)
        if request.get("anew"):
            rows.clear()
        rows.extend(request["rows"])
        answers.write(_answer(host, rows, request))
        answers.flush()


def _answer(host: InProcessOptimizer, rows: list[Row], request: dict[str, Any]) -> str:
    try:
        suggestions = host.suggest(
            request["stage"], rows, request["count"], request.get("pending", ())
        )
        return encoded({"suggestions": [plain(one) for one in suggestions]})
    except NoSurrogateError as error:
        return encoded({"wrong_input": str(error)})
    except NothingLeftError as error:
        return encoded({"nothing_left": str(error)})
    except Exception as error:
        traceback.print_exc()
        return encoded({"error": str(error) or repr(error)})


def _leave_signals_to_the_run() -> None:
    """Ignore Ctrl-C, which reaches every process of a terminal; the run alone reacts to it."""
    for name in ("SIGINT", "SIGBREAK", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)


def _answers() -> TextIO:
    """The standard output for answers alone; what an optimizer prints goes to the error stream."""
    own = os.dup(sys.stdout.fileno())
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return os.fdopen(own, "w", encoding="utf-8", newline="\n")


def _lines(stream: TextIO) -> Iterator[str]:
    """Messages of the run; the process ends with its input, also in the middle of a computation."""
    messages: SimpleQueue[str] = SimpleQueue()

    def read() -> None:
        for line in stream:
            messages.put(line)
        os._exit(0)  # not sys.exit: the main thread may compute for minutes

    threading.Thread(target=read, daemon=True).start()
    while True:
        yield messages.get()


if __name__ == "__main__":
    main()
