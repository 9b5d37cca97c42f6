"""The files of a drop folder: whole ones are read, all others are told."""

import errno
import math
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowrig_dropfolder.frames import frames_of, head_of, wavelengths_of
from flowrig_dropfolder.layout import LAYOUTS, BadRow, Layout, Status, row_of, status_of
from flowrig_dropfolder.share import Share

NUMBERS = st.floats(0.0, 1e4, allow_nan=False).map(lambda value: round(value, 4))


def status_file(asked: int, row: int, temperature_c: float, rate: float) -> bytes:
    names = "asked,row,watchdog,temperature,set_point,CuI,CuI_state"
    values = f"{asked},{row},60,{temperature_c},120,{rate},{int(rate > 0)}"
    return f"{names}\n{values}\n".encode()


def frames_file(counts: np.ndarray, number: int = 17) -> bytes:
    """A file with frames, shape `frames x pixels`."""
    rows = [f"{number},{len(counts)},8000,1", *(",".join(map(str, one)) for one in counts.T)]
    return ("\n".join(rows) + "\n").encode()


COUNTS = st.integers(1, 4).flatmap(
    lambda frames: st.lists(
        st.lists(st.integers(0, 65_535), min_size=3, max_size=3),
        min_size=frames, max_size=frames,
    )
).map(lambda rows: np.array(rows, np.uint16))  # fmt: skip


def test_the_published_columns_are_those_of_the_paper() -> None:
    """FR.csv has the columns of Sadeghi et al. (2025), and two numbers behind them."""
    values = {"temperature": 150.0, "CuI": 100.04, "PFO": 350.0}
    row = Layout(LAYOUTS["sadeghi-2025"], {"residence_times": 2.0}).row(values, 7, 5)
    assert row == b"150,100.04,0,0,0,350,2,0,7,5\n"


@given(st.lists(NUMBERS, min_size=4, max_size=4))
def test_a_status_is_read_whole_or_not_at_all(values: list[float]) -> None:
    """No beginning of a file is taken for the file: a number that is cut is another number."""
    asked, row, temperature_c, rate = round(values[0]), round(values[1]), values[2], values[3]
    data = status_file(asked, row, temperature_c, rate)
    assert status_of(data) == Status(
        asked, row, 60.0, temperature_c, 120.0, {"CuI": rate}, {"CuI": int(rate > 0)}
    )
    assert status_of(data.replace(b"\n", b"\r\n")) == status_of(data)
    assert all(status_of(data[:end]) is None for end in range(len(data)))


def test_files_of_labview_in_any_country_are_read() -> None:
    """Tabs or semicolons between the words, and then a comma as the decimal sign."""
    points = b"asked,row,temperature\n3,2,149.8\n"
    for data in (
        b"asked;row;temperature\r\n3;2;149,8\r\n", b"asked\trow\ttemperature\n3\t2\t149.8\n",
    ):  # fmt: skip
        assert str(status_of(data)) == str(status_of(points))
    frames = frames_of(b"17\t2\t8000\t1\r\n1,0\t2,0\r\n3\t4\r\n", 2, 2)
    assert frames is not None
    assert frames.tolist() == [[1, 3], [2, 4]]
    wavelengths_nm = wavelengths_of(b"200,5;201\n")
    assert wavelengths_nm is not None
    assert wavelengths_nm.tolist() == [200.5, 201.0]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (2 * status_file(1, 1, 20.0, 0.0), "4 rows"),
        (b"asked,temperature\n1,20\n", "no column 'row'"),
        (b"asked,row,CuI\n1,2\n", "2 numbers where 3"),
        (b"asked,row,CuI\n1,2,1_0\n", "no row of numbers"),
        (b"asked,row,CuI\n1,2.5,10\n", "no whole number"),
        (b"asked,asked\n1,2\n", "twice"),
        (b"asked,row,CuI\n1,2,\xb3\n", "no row of numbers"),
    ],
)
def test_a_wrong_status_is_told(data: bytes, why: str) -> None:
    """A file that is complete and wrong gives no value, and the reason."""
    with pytest.raises(BadRow, match=why):
        status_of(data)


def test_a_broken_sensor_is_not_a_number() -> None:
    """LabVIEW writes NaN for a thermocouple that is open."""
    status = status_of(b"asked,row,temperature,set_point\n1,1,NaN,120\n")
    assert status is not None
    assert math.isnan(status.temperature_c)


@given(COUNTS)
def test_frames_are_read_whole_or_not_at_all(counts: np.ndarray) -> None:
    """No beginning of a file gives frames, and its first row is about the take."""
    frames, pixels = counts.shape
    data = frames_file(counts)
    found = frames_of(data, frames, pixels)
    assert found is not None
    assert (found == counts).all()
    assert found.dtype == np.uint16
    assert all(frames_of(data[:end], frames, pixels) is None for end in range(len(data)))
    head = head_of(data)
    assert head is not None
    assert (head.number, head.frames, head.integration_time_us) == (17, frames, 8000)


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b"5,6", b"5,NaN", "pixel 3 of frame 2 is not a number"),
        (b"5,6", b"5,", "pixel 3 of frame 2 is not a number"),
        (b"5,6", b"5", "row 4 has not one number for each of 2 frames"),
        (b"5,6", b"5,6,7", "row 4 has not"),
        (b"5,6", b"5,6\n7,8", "4 rows of pixels where 3"),
        (b"5,6", b"5,-30", "no dark is subtracted"),
        (b"5,6", b"5,70000", "raw counts"),
        (b"5,6", b"5,6 counts", "belong to no number"),
    ],
)
def test_wrong_frames_are_told(old: bytes, new: bytes, why: str) -> None:
    """Frames of a wrong length, with gaps, or without their dark are never used."""
    data = frames_file(np.array([[1, 3, 5], [2, 4, 6]], np.uint16)).replace(old, new)
    with pytest.raises(BadRow, match=why):
        frames_of(data, 2, 3)


def test_wavelengths_stand_in_a_row_or_in_a_column() -> None:
    """Both spellings of `Wavelength_Abs.csv` are read; a half-written one is not."""
    for data in (b"200,200.5,201\n", b"200\r\n200.5\r\n201\r\n"):
        found = wavelengths_of(data)
        assert found is not None
        assert found.tolist() == [200.0, 200.5, 201.0]
        assert wavelengths_of(data[:-1]) is None
    with pytest.raises(BadRow, match="rise"):
        wavelengths_of(b"200,199\n")


def test_a_file_that_another_program_has_open_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A sharing violation of Windows is no loss of the instrument."""
    refusals = 3

    def once_more(act):
        def wrapped(self: Path, *arguments):
            nonlocal refusals
            if refusals:
                refusals -= 1
                raise PermissionError(errno.EACCES, "used by another process")
            return act(self, *arguments)

        return wrapped

    share = Share(str(tmp_path), 5.0)
    monkeypatch.setattr(Path, "replace", once_more(Path.replace))
    share.write("FR.csv", b"1\n")
    refusals = 3
    monkeypatch.setattr(Path, "read_bytes", once_more(Path.read_bytes))
    assert share.read("FR.csv") == b"1\n"
    assert share.names() == ["FR.csv"]


def test_a_folder_that_is_gone_is_told_and_comes_back(tmp_path: Path) -> None:
    """Every access says that the folder is not there, and works again when it is."""
    folder = tmp_path / "drop"
    share = Share(str(folder), 0.05)
    for access in (
        share.connect, share.names, lambda: share.read("a"), lambda: share.write("a", b"1\n"),
    ):  # fmt: skip
        with pytest.raises(FileNotFoundError, match=r"the folder .* is not there"):
            access()
    folder.mkdir()
    share.connect()
    share.write("a", row_of([1.0]))
    assert share.read("a") == b"1\n"
    assert share.read("b") is None
