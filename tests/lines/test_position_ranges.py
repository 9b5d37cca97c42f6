"""Ranges of positions: `line = [1, 16]` in place of sixteen names."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_lines import PLUGINS, RIG, S01

from flowrig.profile import Profile, ProfileError, load_profile_text

TUBES = f"""
extends = "{S01.as_posix()}"

[devices.tubes]
driver = "vici"
address = "COM22"
safe = "drain"
positions = {{ drain = 1, tube = RANGE }}

[path]
cell_pl = {{ to = "diverter" }}
diverter = {{ kind = "valve", valve = "tubes", to = {{ drain = "waste", tube = "vials" }} }}
vials = {{ kind = "vessel", volume = "500 mL" }}
"""


def with_tubes(text: str) -> Profile:
    return load_profile_text(TUBES.replace("RANGE", text), "tubes.toml", PLUGINS)


def test_a_range_is_the_same_as_its_names() -> None:
    """The lines of a scan, in the order of their numbers."""
    names = "off = 9, line_1 = 3, line_2 = 4, line_3 = 5, line_4 = 6"
    plain = "off = 1, one = 2, two = 3, three = 4, four = 5"
    assert plain in RIG
    written, ranged = (
        load_profile_text(RIG.replace(plain, one), "mine.toml", PLUGINS)
        for one in (names, "off = 9, line = [3, 6]")
    )
    assert ranged.devices == written.devices
    assert ranged.analysis.scans == written.analysis.scans
    assert ranged.analysis.scans["hdx_pl"].positions == ("line_1", "line_2", "line_3", "line_4")


@given(first=st.integers(2, 60), more=st.integers(1, 30))
@settings(max_examples=5, deadline=None)
def test_positions_count_from_1_whatever_their_numbers_are(first: int, more: int) -> None:
    """And a valve of the path leads all of them where its outlet for the range says."""
    profile = with_tubes(f"[{first}, {first + more}]")
    positions = dict(profile.devices["tubes"].settings.positions)  # type: ignore[attr-defined]
    expected = {f"tube_{n}": first + n - 1 for n in range(1, more + 2)}
    assert positions == {"drain": 1, **expected}
    outlets = profile.path["diverter"].to
    assert outlets == {"drain": "waste", **dict.fromkeys(expected, "vials")}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[2]", "8:33: got an array; expected the number of a position, or the first and the"),
        ("[3, 3]", "8:33: got an array"),
        ("[4, 2]", "8:33: got an array"),
        ("[2, 1e9]", "8:33: got an array"),
        ("[2, 100000]", "8:33: got an array"),
        ("['a', 'b']", "8:33: got an array"),
        ("[2, 4], tube_3 = 9", "8:41: 'tube_3' is a position of the range 'tube' too"),
    ],
)
def test_what_is_no_range_is_said_once_at_its_place(text: str, said: str) -> None:
    with pytest.raises(ProfileError) as caught:
        with_tubes(text)
    (problem,) = caught.value.problems
    assert said in str(problem)
