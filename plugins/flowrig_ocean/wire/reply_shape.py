"""The form of an OBP reply that is the same on every HDX, for the comparison of traces."""

from flowrig_ocean.wire.obp_frame import Frame, FrameReader, Message

__all__ = ["reply_shape"]


def reply_shape(reply: bytes, channel: str) -> str:
    """Message types, flags, error numbers and lengths of the frames in a reply.

    The length of a serial number is left out, because it differs between instruments.
    """
    frames = FrameReader().feed(reply)
    if not frames:
        return f"{len(reply)} bytes without an OBP frame"
    return ", ".join(map(_shape, frames))


def _shape(frame: Frame) -> str:
    known = frame.message in Message._value2member_map_
    name = Message(frame.message).name if known else f"message {frame.message:#010x}"
    text = f"{name} flags {int(frame.flags):#x} error {int(frame.error)}"
    if frame.message == Message.GET_SERIAL_NUMBER:
        return text
    return f"{text} payload of {len(frame.payload)} bytes"
