"""An optimizer in a process of its own, with a deadline: the side of the run."""

import os
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue

from flowrig.campaign.optimizer.host import OptimizerFailedError, OptimizerHost, Row
from flowrig.campaign.optimizer.messages import decoded, encoded, suggestion
from flowrig.errors import NothingLeftError
from flowrig.interfaces import Suggestion
from flowrig.learning.blas_threads import VARIABLES
from flowrig.learning.from_campaign import NoSurrogateError

__all__ = ["LOG_NAME", "OptimizerProcess"]

LOG_NAME = "optimizer.log"
"""File in the run's folder with everything that the optimizer's process wrote to the terminal."""


class OptimizerProcess(OptimizerHost):
    """Sends requests to a process of its own, which starts with the first request.

    Args:
        folder: the run's folder, with the frozen profile.
        seed: of the run.
        deadline_s: longest wait [s] for an answer, the start of the process included.
        memory_gb: limit on the memory of the process, in 10⁹ bytes.
    """

    def __init__(self, folder: Path, seed: int, deadline_s: float, memory_gb: float) -> None:
        self._folder = folder
        self._deadline_s = deadline_s
        self._begin = {"path": sys.path, "seed": seed, "memory_gb": memory_gb}
        self._answers: SimpleQueue[str | None] = SimpleQueue()
        self._process: subprocess.Popen[str] | None = None
        self._closed = False
        self._lock = threading.Lock()  # a run may close this while another thread waits
        self._sent = 0
        self._stage = ""

    def suggest(
        self, stage: str, rows: Sequence[Row], count: int, pending: Sequence[Row] = ()
    ) -> list[Suggestion]:
        """Send the new experiments to the process, and wait for its answer.

        Raises:
            OptimizerFailedError: the process ended, missed its deadline, or gave no valid answer.
            NothingLeftError: there is nothing left to suggest.
            NoSurrogateError: the optimizer needs a surrogate, and the campaign names none.
        """
        process = self._started()
        anew = stage != self._stage  # another stage may learn from other experiments
        news = [dict(row) for row in (rows if anew else rows[self._sent :])]
        self._stage, self._sent = stage, len(rows)
        waiting = [dict(row) for row in pending]
        message = {"stage": stage, "rows": news, "count": count, "anew": anew, "pending": waiting}
        request = encoded(message)
        threading.Thread(target=_write, args=(process, request), daemon=True).start()
        try:
            line = self._answers.get(timeout=self._deadline_s)
        except Empty:
            self.close()
            raise OptimizerFailedError(f"no answer within {_duration(self._deadline_s)}") from None
        if line is None:
            raise OptimizerFailedError(self._ending(process))
        return _suggestions_in(line)

    def close(self) -> None:
        """End the process at once."""
        with self._lock:
            self._closed = True
            if self._process is not None:
                self._process.kill()

    def _started(self) -> "subprocess.Popen[str]":
        with self._lock:
            if self._closed:
                raise OptimizerFailedError("its process was ended")
            if self._process is None:
                self._process = self._start()
            return self._process

    def _start(self) -> "subprocess.Popen[str]":
        try:
            with (self._folder / LOG_NAME).open("ab") as log:
                process = subprocess.Popen(  # noqa: S603 - this Python, and a folder
                    [sys.executable, "-P", "-m", "flowrig.campaign.optimizer", str(self._folder)],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log,
                    encoding="utf-8",
                    env=os.environ | VARIABLES,
                )
        except OSError as error:
            raise OptimizerFailedError(f"its process did not start: {error}") from error
        threading.Thread(target=self._listen, args=(process,), daemon=True).start()
        _write(process, encoded(self._begin))
        return process

    def _listen(self, process: "subprocess.Popen[str]") -> None:
        """Pass on the answers of the process until it ends, then close its pipes."""
        assert process.stdout is not None
        with process.stdout, suppress(ValueError):  # half a line of one that was ended
            for line in process.stdout:
                self._answers.put(line)
        process.wait()
        self._answers.put(None)
        with suppress(OSError):
            assert process.stdin is not None
            process.stdin.close()

    def _ending(self, process: "subprocess.Popen[str]") -> str:
        code, log = process.returncode, self._folder / LOG_NAME
        how = f"exit code {code}" if code >= 0 else f"signal {-code}"
        return f"its process ended with {how}; see {log}"


def _write(process: "subprocess.Popen[str]", line: str) -> None:
    """Write a line to a process. If the process has ended, the missing answer shows it."""
    assert process.stdin is not None
    with suppress(OSError, ValueError):
        process.stdin.write(line)
        process.stdin.flush()


def _suggestions_in(line: str) -> list[Suggestion]:
    try:
        answer = decoded(line)
        if "wrong_input" in answer:
            raise NoSurrogateError(str(answer["wrong_input"]))
        if "nothing_left" in answer:
            raise NothingLeftError(str(answer["nothing_left"]))
        if "error" in answer:
            raise OptimizerFailedError(str(answer["error"]))
        return [suggestion(one) for one in answer["suggestions"]]
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise OptimizerFailedError(f"its answer makes no sense: {line[:80]!r}") from error


def _duration(duration_s: float) -> str:
    return f"{duration_s / 60:g} min" if duration_s >= 60.0 else f"{duration_s:g} s"
