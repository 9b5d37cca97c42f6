"""The differences between real F4Ts, as options of the emulated one."""

from typing import Literal

from attrs import define

from flowrig_watlow.registers import WordOrder
from flowrig_watlow.temperature import TemperatureUnit

__all__ = ["F4TTraits"]


@define(kw_only=True)
class F4TTraits:
    """Properties that differ between firmware versions and installations; may change at any time.

    Attributes:
        unit: unit of every temperature in SCPI.
        knows_unit: whether the firmware has the query and the command for its unit.
        knows_error: whether the firmware has the query for the state of the sensor.
        hides_open_sensor: whether a broken sensor shows 9.91E+37 and no error.
        newline_on_write: whether every write is answered by a plain newline.
        tells_errors: whether a bad command is answered by `ERROR`; silence otherwise.
        comments_errors: whether a bad command is answered by a line "Inbound SCPI ERROR: ...".
        modbus_unit: unit of every temperature in Modbus, which the panel sets apart from SCPI's.
        word_order: which half of a float comes first in Modbus.
        data_map: Modbus registers: 1 for those of the F4T, 2 or 3 for those of the older F4.
        takes_s: time [s] after which a set point that was sent by SCPI is the set point.
        refuses_sets: whether the controller ignores every write without an error.
        set_point_min_c: lowest set point [°C]; lower ones are ignored.
        set_point_max_c: highest set point [°C]; higher ones are ignored.
        state_words: words for the state of a profile that does not run, that runs, that pauses.
        loops: number of control loops; loops without a plate have a sensor at 25 °C.
        reply_piece: bytes of an answer that go out at once; 0 sends it whole.
        rejects: whether every SCPI command is answered by `ERROR`.
    """

    unit: TemperatureUnit = TemperatureUnit.CELSIUS
    knows_unit: bool = True
    knows_error: bool = True
    hides_open_sensor: bool = False
    newline_on_write: bool = False
    tells_errors: bool = False
    comments_errors: bool = False
    modbus_unit: TemperatureUnit = TemperatureUnit.CELSIUS
    word_order: WordOrder = WordOrder.LOW_FIRST
    data_map: Literal[1, 2, 3] = 1
    takes_s: float = 0.0
    refuses_sets: bool = False
    set_point_min_c: float = -100.0
    set_point_max_c: float = 400.0
    state_words: tuple[str, str, str] = ("IDLE", "RUN", "HOLD")
    loops: int = 1
    reply_piece: int = 0
    rejects: bool = False
