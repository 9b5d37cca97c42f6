"""python-seabreeze's OBP protocol with the lamp-enable message, and without swallowed refusals."""

import struct
from typing import Any, Final

from seabreeze.pyseabreeze.exceptions import SeaBreezeError
from seabreeze.pyseabreeze.protocol import OBPProtocol

from flowrig_ocean.obp import Flag, Message

__all__ = ["HdxProtocolError", "HdxRefusal", "HdxSeabreezeProtocol"]

REFUSED: Final = int(Flag.NACK | Flag.HARDWARE_EXCEPTION)


class HdxRefusal(Exception):  # noqa: N818 - an answer, not a fault
    """The spectrometer answered with a NACK; the text is its reason."""


class HdxProtocolError(Exception):
    """The answer is no OBP frame."""


class HdxSeabreezeProtocol(OBPProtocol):
    """OBP as the HDX speaks it.

    python-seabreeze 2.11 drops every SeaBreezeError while it waits for an acknowledgement, so that
    a refused setting looks like an accepted one, and answers a refused query with another read
    that can only time out. Both are avoided here by exceptions of another family.
    """

    msgs = {  # noqa: RUF012 - python-seabreeze's own table, extended
        **OBPProtocol.msgs,
        Message.SET_LAMP_ENABLE: struct.Struct("<B").pack,
    }

    def _check_incoming_message_header(self, header: bytes, *, _raw: bool = False) -> Any:
        if len(header) >= 8:
            flags, error = struct.unpack_from("<HH", header, 4)
            if flags & REFUSED:
                raise HdxRefusal(self.OBP.ERROR_CODES.get(error, f"error number {error}"))
        try:
            return super()._check_incoming_message_header(header, _raw=_raw)
        except SeaBreezeError as error:
            raise HdxProtocolError(str(error)) from error
