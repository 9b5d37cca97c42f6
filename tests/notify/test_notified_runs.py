"""Who is told what happens in a run, and that nobody who is told can harm the run."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from message_server import serving
from some_events import begun, ended
from watched_rig import QUICK, WORLD, run_watched

from flowrig.errors import InputError
from flowrig.interfaces.observer import Message, Observer
from flowrig.journal.events import (
    Checked,
    Event,
    EventData,
    FractionMade,
    HoldBegun,
    QualityFlag,
    SafeStateSought,
    SymptomFound,
    Tripped,
    WasteLevel,
    WasteLevels,
)
from flowrig.operator.notify import Notifier, notifier
from flowrig.operator.notify.messages import Messages
from flowrig_notify.http import Webhook
from flowrig_notify.log import DailyLog
from flowrig_notify.settings import LogSettings, WebhookSettings

TOKEN = "tk_a-word-that-nobody-may-see"
WALL = "2026-12-01T05:00:00+00:00"
SMALL = '[streams.CuI]\nsyringe = { volume = "0.5 mL", inner_diameter = "3.26 mm" }\n'


@pytest.fixture(autouse=True)
def nearby(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy, and no waits before a message is sent again."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("LAB_TOKEN", TOKEN)
    monkeypatch.setattr(notifier, "WAITS_S", (0.0, 0.0))


class Broken(Observer):
    """Raises what no observer should."""

    def send(self, message: Message) -> None:
        raise ValueError(f"{TOKEN} is wrong")


class Blocked(Observer):
    """Delivers nothing before it is let go."""

    def __init__(self) -> None:
        super().__init__(None)
        self.begun, self.let_go = threading.Event(), threading.Event()
        self.sent: list[str] = []

    def send(self, message: Message) -> None:
        self.begun.set()
        assert self.let_go.wait(120.0)
        self.sent.append(message.text)


def webhook(url: str) -> Webhook:
    return Webhook(WebhookSettings(url=url, token_env="LAB_TOKEN", without_tls=True))


def event(data: EventData) -> Event[EventData]:
    return Event(1, 0.0, WALL, data)


def test_a_hold_is_told_and_bad_servers_neither_slow_nor_end_the_run(tmp_path: Path) -> None:
    profile = tmp_path / "held.toml"
    profile.write_text(QUICK.format(experiments=4) + WORLD + SMALL, encoding="utf-8")
    said: list[str] = []
    with serving() as good, serving(500) as bad, serving(0) as hung:
        observers = {
            "good": webhook(good.url),
            "bad": webhook(bad.url),
            "hung": webhook(hung.url),
            "broken": Broken(None),
            "log": DailyLog(LogSettings(folder=tmp_path / "told")),
        }
        with Notifier(observers, "run", said.append, close_s=1.0) as listener:
            outcome, _, _ = run_watched(profile, tmp_path / "run", listeners=[listener])
    assert outcome.state == "held", outcome.reason
    kinds = [one["kind"] for one in good.got]
    assert kinds == ["hold", "end"]
    hold = good.got[0]
    assert (hold["rig"], hold["run"], hold["priority"]) == ("held", "run", "high")
    assert "refill CuI" in hold["message"]
    assert "the run waits until" in hold["message"]
    assert set(good.tokens) == {f"Bearer {TOKEN}"}
    assert len(bad.got) == 3 * len(kinds)
    assert len(hung.got) == 1
    text = "\n".join(said)
    assert text.count("HTTP status 500") == 1
    assert "notify.bad: 2 of 2 messages have not arrived" in text
    assert "notify.hung: 2 of 2 messages have not arrived" in text
    assert "the observer fails with ValueError" in text
    assert "notify.good" not in text
    (log,) = (tmp_path / "told").iterdir()
    assert [line.split()[2] for line in log.read_text(encoding="utf-8").splitlines()] == [
        "high", "high",
    ]  # fmt: skip
    kept = b"".join(one.read_bytes() for one in (tmp_path / "run").rglob("*") if one.is_file())
    for secret in (TOKEN, good.url):
        assert secret not in text
        assert secret.encode() not in kept


def test_a_full_queue_drops_the_oldest_and_the_end_does_not_wait() -> None:
    said: list[str] = []
    slow = Blocked()
    with Notifier({"slow": slow}, "run", said.append, close_s=0.0) as listener:
        listener(event(SafeStateSought(reached=False, steps=(), text="first")))
        assert slow.begun.wait(60.0)
        for number in range(notifier.MOST_WAITING + 7):
            listener(event(SafeStateSought(reached=False, steps=(), text=f"{number}")))
    assert said == ["notify.slow: 58 of 58 messages have not arrived"]
    slow.let_go.set()


def test_what_waits_at_the_end_is_sent() -> None:
    said: list[str] = []
    slow = Blocked()
    threading.Timer(0.05, slow.let_go.set).start()
    with Notifier({"slow": slow}, "run", said.append, close_s=120.0) as listener:
        for number in range(notifier.MOST_WAITING):
            listener(event(SafeStateSought(reached=False, steps=(), text=f"{number}")))
    assert said == []
    assert slow.sent == [f"{number}" for number in range(notifier.MOST_WAITING)]


def told(*data: EventData) -> list[tuple[str, str, str]]:
    """Kind, priority and text of what people are told of some events."""
    messages = Messages("run")
    messages.of(event(begun()))
    found = [one for data_of_one in data for one in messages.of(event(data_of_one))]
    assert {(one.run, one.rig, one.wall) for one in found} <= {("run", "x", WALL)}
    return [(one.kind, one.priority, one.text) for one in found]


def full(share: float) -> WasteLevels:
    return WasteLevels(vessels={"waste": WasteLevel(filled_ul=1e4 * share, capacity_ul=1e4)})


def test_trips_failures_and_ends_are_told() -> None:
    trip = Tripped(rule="too-hot", device="plate", cause="hot", remedy="look", action="safe")
    unsafe = SafeStateSought(reached=False, steps=(), text="the plate may be hot")
    safe = SafeStateSought(reached=True, steps=(), text="all is off")
    assert told(trip, unsafe, safe, ended("failed"), ended("finished")) == [
        ("trip", "urgent", "too-hot: plate: hot; look"),
        ("failure", "urgent", "the plate may be hot"),
        ("failure", "urgent", "failed"),
        ("end", "normal", "finished"),
    ]


def test_a_waste_is_told_once_until_it_is_emptied() -> None:
    levels = [full(0.7), full(0.8), full(0.9), full(0.0), full(0.85)]
    assert [text for _, _, text in told(*levels)] == [
        "waste: 8.0 of 10 mL, 80% full: empty it soon",
        "waste: 8.5 of 10 mL, 85% full: empty it soon",
    ]


def test_doubts_and_drifts_are_told_once() -> None:
    flag = QualityFlag(check="slow", quality="doubtful", text="it drifts")
    vial = FractionMade(
        stage="make", number=2, volume_ul=1.0, started_s=0.0, ended_s=1.0, experiments=(),
        mean={}, sd={}, kept=True, reason="", told=("PLQY drifts by 3 %",),
    )  # fmt: skip
    symptom = SymptomFound(symptom="drift", text="the model lags behind")
    checked = [Checked(index=number, flags=(flag,)) for number in (1, 2)]
    assert [text for _, _, text in told(*checked, vial, symptom, symptom)] == [
        "experiment 1 is doubtful, slow: it drifts",
        "fraction 2: PLQY drifts by 3 %",
        "the model lags behind",
    ]


def test_a_hold_for_results_has_no_end() -> None:
    hold = HoldBegun(
        why="results", text="enter a yield", refill=(), empty=(), gate="", longest_s=0.0,
        until_s=0.0, flows=(),
    )  # fmt: skip
    ((_, priority, text),) = told(hold)
    assert priority == "high"
    assert text.startswith("enter a yield\nthe rig is in its safe state")


@pytest.mark.parametrize(
    ("status", "again"), [(500, True), (429, True), (403, False), (404, False), (307, False)]
)
def test_a_refusal_is_told_without_secrets(status: int, again: bool) -> None:
    message = Messages("run").of(event(ended()))[0]
    with serving(status) as server:
        problem, is_sent_again = notifier.attempt(webhook(server.url + "/secret"), message)
    assert str(status) in problem
    assert is_sent_again is again
    assert len(server.got) == 1
    assert TOKEN not in problem
    assert "secret" not in problem


def test_a_closed_port_is_tried_again() -> None:
    with serving() as server:
        pass
    message = Messages("run").of(event(ended()))[0]
    problem, again = notifier.attempt(webhook(server.url), message)
    assert again
    assert problem.startswith("the server does not answer: ")


FILE = """\
[notify.phone]
use = "ntfy"
topic = "lab"
server = "{url}"
without_tls = true
token_file = "token.txt"

[notify.book]
use = "log"
folder = "told"
"""


def test_a_test_message_goes_to_everyone(tmp_path: Path, flowrig: Callable[..., Result]) -> None:
    file = tmp_path / "notify.toml"
    (tmp_path / "token.txt").write_text(f"{TOKEN}\n", encoding="utf-8")
    with serving() as server:
        file.write_text(FILE.format(url=server.url), encoding="utf-8")
        assert flowrig("notify", "test", file).output == "phone: arrived\nbook: arrived\n"
        server.status = 401
        done = flowrig("notify", "test", file, code=1)
    assert "phone: did not arrive: the server answers with the HTTP status 401" in done.output
    assert TOKEN not in done.output
    (got, _) = server.got
    assert got == {
        "topic": "lab",
        "title": "flowrig: test (no run)",
        "message": "a test message: runs will tell here what happens",
        "priority": 3,
    }
    assert server.tokens[0] == f"Bearer {TOKEN}"
    assert (tmp_path / "told").is_dir()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "nobody is told"),
        ('extends = "x"\n', "this file extends no other"),
        ('[notfy.a]\nuse = "log"\n', "notify.toml:1:2: unknown key 'notfy'"),
        ('[notify.a]\nuse = "ntfi"\n', "did you mean 'ntfy'"),
        ('[notify.a]\nuse = "ntfy"\n', "missing key 'topic'"),
        (f'[notify.a]\nuse = "ntfy"\ntopic = "t"\ntoken = "{TOKEN}"\n', "unknown key 'token'"),
        (f'[notify.a]\nuse = "webhook"\nurl = "http://x/{TOKEN}"\n', "`without_tls = true`"),
        (f'[notify.a]\nuse = "webhook"\nurl = "ftp://x/{TOKEN}"\n', "begins with https://"),
        (f'[notify.a]\nuse = "webhook"\nurl = "https://u:{TOKEN}@x"\n', "begins with https://"),
        ('[notify.a]\nuse = "ntfy"\ntopic = "t"\ntimeout = "1 h"\n', "0.1 s to 60 s"),
        ('[notify.a]\nuse = "ntfy"\ntopic = "t"\ntoken_env = "NO_TOKEN"\n', "NO_TOKEN holds no"),
        ('[notify.a]\nuse = "ntfy"\ntopic = "t"\ntoken_file = "no"\n', "cannot be read"),
    ],
)
def test_a_wrong_file_is_refused_before_a_run_begins(
    tmp_path: Path, flowrig: Callable[..., Result], text: str, says: str
) -> None:
    file = tmp_path / "notify.toml"
    file.write_text(text, encoding="utf-8")
    words = ("run", "cs3cu2i5-heatup-chem3", "--simulate", "--out", tmp_path / "run")
    done = flowrig(*words, "--notify", file, code=2)
    assert says in done.output
    assert TOKEN not in done.output
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("token", ["", "two words", "a\nb", "µ"])
def test_what_is_no_token_is_refused_and_not_shown(tmp_path: Path, token: str) -> None:
    file = tmp_path / "token.txt"
    file.write_text(token, encoding="utf-8")
    with pytest.raises(InputError, match="holds no token") as raised:
        Webhook(WebhookSettings(url="https://x", token_file=file))
    assert not token or token not in str(raised.value)
