"""The SCPI commands of the emulated F4T, without a transport."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrig.clock import VirtualClock
from flowrig_watlow.emulator.command_table import short_form
from flowrig_watlow.emulator.controller import F4TController, F4TTraits
from flowrig_watlow.emulator.emulator import F4TProtocol
from flowrig_watlow.temperature import TemperatureUnit

COMMANDS = (
    "*IDN?",
    ":UNIT:TEMPERATURE?",
    ":UNIT:TEMPERATURE F",
    ":SOURCE:CLOOP1:PVALUE?",
    ":SOURCE:CLOOP1:SPOINT 42.5",
    ":SOURCE:CLOOP1:SPOINT?",
    ":OUTPUT2:STATE ON",
    ":OUTPUT2:STATE?",
    "NONSENSE",
)


class Plate:
    """A plate at 25 °C that keeps the last set point it was given."""

    temperature_c = 25.0
    set_point_c = 0.0

    def control(self, set_point_c: float) -> None:
        self.set_point_c = set_point_c


class Bench:
    """One emulated F4T without any transport."""

    def __init__(self, **traits: object) -> None:
        self.clock = VirtualClock()
        self.plate = Plate()
        self.traits = F4TTraits(**traits)
        controller = F4TController(self.plate, self.clock, 1, 20.0, self.traits)
        self.protocol = F4TProtocol(controller)

    def say(self, line: str) -> str:
        """The answer to one line."""
        return self.protocol.feed(f"{line}\n".encode()).decode()


@given(
    lines=st.lists(st.sampled_from(COMMANDS), max_size=8),
    ends=st.lists(st.sampled_from([b"\n", b"\r", b"\r\n"]), min_size=8, max_size=8),
    cuts=st.lists(st.integers(0, 200), max_size=10),
    traits=st.fixed_dictionaries(
        {"newline_on_write": st.booleans(), "tells_errors": st.booleans()}
    ),
)
def test_answers_do_not_depend_on_the_pieces(lines, ends, cuts, traits):
    """However a stream is cut, the same bytes come back."""
    stream = b"".join(line.encode() + end for line, end in zip(lines, ends, strict=False))
    bounds = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    pieces = [stream[low:high] for low, high in itertools.pairwise(bounds)]
    in_pieces = Bench(**traits).protocol

    answers = b"".join(in_pieces.feed(piece) for piece in pieces)

    assert answers == Bench(**traits).protocol.feed(stream)


@given(st.binary(max_size=200))
def test_noise_breaks_nothing(noise):
    """After any bytes the next valid line is answered."""
    bench = Bench()
    bench.protocol.feed(noise + b"\n")

    assert bench.say("*IDN?").startswith('"Watlow Electric"')


@pytest.mark.parametrize(
    "line",
    [
        ":SOURCE:CLOOP1:PVALUE?",
        "SOURCE:CLOOP1:PVALUE?",
        ":source:cloop1:pvalue?",
        ":SOUR:CLO1:PVAL?",
        ":SOURce:CLOop:PVALue?",
        "  :SOURCE:CLOOP1:PVALUE?  ",
    ],
)
def test_every_spelling_is_understood(line):
    """Long and short forms, any case, with and without the leading colon mean the same."""
    assert Bench().say(line) == "25.00\n"


@pytest.mark.parametrize(
    ("keyword", "short"),
    [
        ("SOURCE", "SOUR"),
        ("CLOOP", "CLO"),
        ("PVALUE", "PVAL"),
        ("TEMPERATURE", "TEMP"),
        ("IDLE", "IDLE"),
    ],
)
def test_short_forms_follow_scpi(keyword, short):
    """The short forms are those that the controller's manual prints in capitals."""
    assert short_form(keyword) == short


@pytest.mark.parametrize(
    "line",
    [
        ":SOURCE:CLOOP2:PVALUE?",
        ":SOURCE:CLOO1:PVALUE?",
        ":SOURCE:CLOOP1:SPOINT 1_0",
        ":SOURCE:CLOOP1:SPOINT nan",
        ":SOURCE:CLOOP1:SPOINT 401",
        ":SOURCE:CLOOP1:RRATE -1",
        ":SOURCE:CLOOP1:RACTION PERHAPS",
        ":OUTPUT8:STATE?",
        ":SOURCE:CLOOP1:RRATE 1e999",
        ":SOURCE:CLOOP1:PVALUE? 1",
        ":UNITS:TEMPERATURE C",
        ":PROGRAM:NUMBER 41",
        ":PROGRAM:STEP 1.5",
        ":PROGRAM:SELECTED:STATE JUMP",
        "SYST:ERR?",
    ],
)
def test_bad_command_is_silent_or_an_error(line):
    """A refused command changes nothing; the answer is `ERROR` only with that trait."""
    silent, telling = Bench(), Bench(tells_errors=True)

    assert silent.say(line) == ""
    assert telling.say(line) == "ERROR\n"
    assert telling.say(":SOURCE:CLOOP1:SPOINT?") == "20.00\n"


@pytest.mark.parametrize(
    ("command", "question", "answer"),
    [
        (":UNIT:TEMPERATURE F", ":UNIT:TEMPERATURE?", "F"),
        (":UNIT:TEMPERATURE:DISPLAY F", ":UNIT:TEMPERATURE:DISPLAY?", "F"),
        (":SOURCE:CLOOP1:IDLE 18", ":SOURCE:CLOOP1:IDLE?", "18.00"),
        (":SOURCE:CLOOP1:RRATE 2.5", ":SOURCE:CLOOP1:RRATE?", "2.50"),
        (":SOURCE:CLOOP1:RTIME 12", ":SOURCE:CLOOP1:RTIME?", "12.00"),
        (":OUTPUT7:STATE ON", ":OUTPUT7:STATE?", "ON"),
        (":PROGRAM:STEP 3", ":PROGRAM:SELECTED:STEP?", "3"),
        (":PROGRAM:SELECTED:STATE PAUSE", ":PROGRAM:SELECTED:STATE?", "HOLD"),
    ],
)
def test_a_value_that_was_set_is_read_back(command, question, answer):
    """A write has no answer, or a newline with that trait, and its query returns the new value."""
    assert Bench().say(command) == ""
    bench = Bench(newline_on_write=True)

    assert bench.say(command) == "\n"
    assert bench.say(question) == f"{answer}\n"


def test_only_a_profile_that_exists_is_started():
    """A profile number without a name holds no profile and cannot be started."""
    bench = Bench(tells_errors=True)
    assert bench.say(":PROGRAM:NUMBER 2") == ""
    assert bench.say(":PROGRAM:NAME?") == '""\n'
    assert bench.say(":PROGRAM:SELECTED:STATE START") == "ERROR\n"
    assert bench.say(":PROGRAM:SELECTED:STATE?") == "IDLE\n"


def test_output_has_a_name():
    """Events carry the name that the integrator gave them."""
    assert Bench().say(":OUTPUT1:NAME?") == '"Event 1"\n'


def test_unit_changes_what_is_shown_and_nothing_else():
    """In °F the same plate shows other numbers; a rate has no offset."""
    bench = Bench(unit=TemperatureUnit.FAHRENHEIT)
    bench.say(":SOURCE:CLOOP1:SPOINT 212")
    bench.say(":SOURCE:CLOOP1:RRATE 1.8")
    bench.say(":UNIT:TEMPERATURE C")

    assert bench.plate.set_point_c == pytest.approx(100.0)
    assert bench.say(":SOURCE:CLOOP1:SPOINT?") == "100.00\n"
    assert bench.say(":SOURCE:CLOOP1:RRATE?") == "1.00\n"


@pytest.mark.parametrize(("scale", "after_s"), [("MINUTES", 60.0), ("HOURS", 3600.0)])
def test_ramp_moves_the_set_point_only_where_it_is_on(scale, after_s):
    """The active set point follows the rate with the ramp on, and jumps with the ramp off."""
    bench = Bench()
    for line in (f":SOURCE:CLOOP1:RSCALE {scale}", ":SOURCE:CLOOP1:RRATE 5"):
        bench.say(line)
    bench.say(":SOURCE:CLOOP1:SPOINT 30")
    assert bench.plate.set_point_c == 30.0

    bench.say(":SOURCE:CLOOP1:RACTION SETPOINT")
    bench.say(":SOURCE:CLOOP1:SPOINT 42")
    shown = []
    for _ in range(4):
        bench.clock.sleep(after_s)
        shown.append(bench.say(":SOURCE:CLOOP1:SPOINT?"))

    assert shown == ["35.00\n", "40.00\n", "42.00\n", "42.00\n"]
    assert bench.plate.set_point_c == 42.0


PRINTED = {
    ":SOURce:CLOop1:PVALue?": "25.00",
    ":SOURce:CLOop1:ERRor?": "NONE",
    ":SOURce:CLOop1:SPOint?": "20.00",
    ":SOURce:CLOop1:IDLE?": "20.00",
    ":SOURce:CLOop1:RTIMe?": "0.00",
    ":SOURce:CLOop1:RRATe?": "1.00",
    ":SOURce:CLOop1:RSCAle?": "MINUTES",
    ":SOURce:CLOop1:RACTion?": "OFF",
    ":UNIT:TEMPerature?": "C",
    ":UNIT:TEMPerature:DISPlay?": "C",
    ":OUTPut5:STATe?": "OFF",
    ":OUTPut5:NAME?": '"Event 5"',
    ":PROGram:SELected:NUMBer?": "1",
    ":PROGram:SELected:NAME?": '"Heat Only"',
    ":PROGram:SELected:STATe?": "IDLE",
    ":PROGram:SELected:STEP?": "1",
    ":PROGram:SELected:STEP:TYPE?": "NONE",
    ":PROGram:SELected:STEP:TIME:ELApsed?": "0",
    ":PROGram:SELected:STEP:TIME:REMain?": "0",
    ":PROGram:SELected:SPOint1?": "20.00",
    ":KEY1:STATe?": "OFF",
    ":KEY1:NAME?": '"Key 1"',
}
"""Queries as Watlow and TestEquity print them, with the short forms in capitals."""


def capitals(printed):
    """The short form of a header as it is printed."""
    return "".join(one for one in printed if not one.islower())


@pytest.mark.parametrize(("printed", "answer"), PRINTED.items())
def test_printed_forms_are_understood(printed, answer):
    """Long and short forms, in any case, with and without the leading colon and optional nodes."""
    short = capitals(printed)
    forms = {printed, printed.upper(), printed.lower(), short, short.lower()}
    forms |= {form.removeprefix(":") for form in forms}
    forms |= {form.replace(":SELected", "").replace("KEY1:STATe", "KEY1") for form in forms}
    for form in forms:
        assert Bench(tells_errors=True).say(form) == f"{answer}\n", form


@pytest.mark.parametrize(
    ("command", "query", "answer"),
    [
        ("RSCAle HOURs", "RSCAle?", "HOURS"),
        ("RSCAle MINutes", "RSCAle?", "MINUTES"),
        ("RACTion STArtup", "RACTion?", "STARTUP"),
        ("RACTion SETPoint", "RACTion?", "SETPOINT"),
        ("RACTion BOTH", "RACTion?", "BOTH"),
    ],
)
def test_printed_words_are_understood(command, query, answer):
    """Words behind a command have long and short forms, too."""
    for said in (command, command.upper(), capitals(command.partition(" ")[0]) + " "
                 + capitals(command.partition(" ")[2])):  # fmt: skip
        bench = Bench(tells_errors=True)
        assert bench.say(f":SOUR:CLO1:{said}") == ""
        assert bench.say(f":SOUR:CLO1:{query}") == f"{answer}\n"


def test_a_query_needs_no_line_end():
    """A query is complete with its question mark, alone or in front of another one."""
    protocol = Bench().protocol
    assert protocol.feed(b":SOURCE:CLOOP1:PVALUE?") == b"25.00\n"
    assert protocol.feed(b":UNIT:TEMPERATURE?:SOURCE:CLOOP1:SPOINT?") == b"C\n20.00\n"
    assert protocol.feed(b"*IDN?;:UNIT:TEMPERATURE?").count(b"\n") == 2
    assert protocol.feed(b"\r\n") == b""
    assert protocol.feed(b":SOURCE:CLOOP1:PVALUE?\r\n") == b"25.00\n"


def test_a_command_needs_no_line_end():
    """A command without a line end is carried out when the next request begins."""
    bench = Bench(newline_on_write=True)
    assert bench.protocol.feed(b":SOURCE:CLOOP1:SPOINT 50") == b""
    assert bench.protocol.feed(b":SOURCE:CLOOP1:SPOINT?") == b"\n50.00\n"


def test_a_profile_moves_the_set_point():
    """A profile ramps, soaks, pauses and ends; meanwhile a set point has no effect."""
    bench = Bench()
    shown = []
    for line, wait_s in (
        (":PROGRAM:SELECTED:STATE START", 300.0),
        (":SOURCE:CLOOP1:SPOINT 90", 0.0),
        (":PROGRAM:SELECTED:STATE PAUSE", 1000.0),
        (":PROGRAM:SELECTED:STATE RESUME", 300.0),
        ("*IDN?", 700.0),
    ):
        bench.say(line)
        bench.clock.sleep(wait_s)
        shown.append(
            tuple(
                bench.say(f":PROGRAM:{query}?" if query else ":SOURCE:CLOOP1:SPOINT?").strip()
                for query in ("", "STATE", "STEP")
            )
        )

    assert shown == [
        ("35.00", "RUN", "1"),
        ("35.00", "RUN", "1"),
        ("35.00", "HOLD", "1"),
        ("50.00", "RUN", "2"),
        ("50.00", "IDLE", "1"),
    ]


def test_a_comment_answers_a_bad_command():
    """Firmware of another kind answers a bad command with a line about it."""
    assert Bench(comments_errors=True).say("NONSENSE?").startswith("Inbound SCPI ERROR:")


def test_further_loops_answer():
    """A controller with two loops keeps their set points apart."""
    bench = Bench(loops=2)
    bench.say(":SOURCE:CLOOP2:SPOINT 70")

    assert bench.say(":SOURCE:CLOOP2:SPOINT?") == "70.00\n"
    assert bench.say(":SOURCE:CLOOP2:PVALUE?") == "25.00\n"
    assert bench.plate.set_point_c == 20.0
