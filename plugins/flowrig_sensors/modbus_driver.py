"""Driver for sensors that keep their values in Modbus registers."""

import math
from collections.abc import Mapping

from flowrig.clock import Clock
from flowrig.errors import ConnectionLostError, NotReadyError, ProtocolError
from flowrig.interfaces import Identity
from flowrig_kinds import Sensor
from flowrig_sensors.modbus_link import ModbusLink, RtuLink, TcpLink
from flowrig_sensors.modbus_protocol import (
    ModbusRefusedError,
    WrongReplyError,
    read_request,
    registers_in,
    value_of,
)
from flowrig_sensors.modbus_settings import ModbusRegister, ModbusSensorSettings
from flowrig_serial.port import comports
from flowrig_serial.ports import ListPorts, find_port

__all__ = ["ModbusSensor"]


class ModbusSensor(Sensor):
    """An instrument that keeps numbers in registers; the profile has their numbers and forms.

    It is only read: functions 3 and 4.

    Args:
        name: the device's name in the rig profile.
        settings: address, station and registers.
        clock: gives the time stamps of readings.
        list_ports: lists the serial ports of this computer.
    """

    settings: ModbusSensorSettings

    def __init__(
        self,
        name: str,
        settings: ModbusSensorSettings,
        clock: Clock | None = None,
        list_ports: ListPorts = comports,
    ) -> None:
        super().__init__(name, settings, clock)
        self._list_ports = list_ports
        self._link: ModbusLink | None = None

    def _do_open(self) -> None:
        self._do_close()
        settings = self.settings
        try:
            if settings.protocol == "tcp":
                self._link = TcpLink(
                    settings.address, settings.station, settings.deadline_s, self.wire
                )
            else:
                port = find_port(settings.address, self._list_ports)
                self._link = RtuLink(
                    port, settings.station, settings.baud, settings.parity, self.wire
                )
        except (OSError, ValueError) as error:
            message = f"{settings.address} does not open: {error}"
            raise self._fault(ConnectionLostError, message) from error

    def _do_close(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.close()

    def _do_identify(self) -> Identity:
        """Modbus names no instrument: a register that can be read shows that there is one."""
        self._number(next(iter(self.settings.channels.values())))
        return Identity("Modbus", f"station {self.settings.station}")

    def _do_read(self) -> Mapping[str, float]:
        return {
            name: self._number(channel) * channel.scale + channel.offset
            for name, channel in self.settings.channels.items()
        }

    def _number(self, channel: ModbusRegister) -> float:
        if self._link is None:
            raise self._fault(NotReadyError, "the link is closed")
        what = f"{channel.table} register {channel.register}"
        try:
            reply = self._link.exchange(read_request(channel), self.settings.deadline_s)
            registers = registers_in(reply, channel)
        except WrongReplyError as error:
            raise self._fault(ProtocolError, f"{error}", what, error.reply) from error
        except ModbusRefusedError as error:
            raise self._fault(ProtocolError, f"{error}", what) from error
        except OSError as error:
            raise self._fault(ConnectionLostError, f"{error}", what) from error
        value = value_of(registers, channel.form, low_first=self.settings.word_order == "low-first")
        return value if math.isfinite(value) else math.nan
