"""OBP frames, compared with the encoder and decoder of python-seabreeze."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st
from seabreeze.pyseabreeze.protocol import OBPProtocol

from flowrig_ocean.wire.obp_frame import Frame, FrameReader

frames = st.builds(
    Frame,
    message=st.integers(0, 2**32 - 1),
    payload=st.binary(max_size=200),
    flags=st.integers(0, 63),
    error=st.integers(0, 255),
)


class UnboundProtocol(OBPProtocol):
    """The encoder and decoder without a transport."""

    def __init__(self):
        """Leave the transport out."""


def pieces(data, cuts):
    """Cut bytes at arbitrary places."""
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:end] for start, end in pairwise(places)]


@given(sent=st.lists(frames, max_size=5), cuts=st.lists(st.integers(0, 10_000), max_size=20))
def test_frames_survive_any_chunking(sent, cuts):
    """However a stream is cut into pieces, the frames that come out are those that went in."""
    reader = FrameReader()
    stream = b"".join(frame.encode() for frame in sent)
    received = [frame for piece in pieces(stream, cuts) for frame in reader.feed(piece)]
    assert received == sent


@given(frame=frames, noise=st.binary(max_size=100).map(lambda data: data.replace(b"\xc1", b"")))
def test_noise_before_a_frame_is_passed_over(frame, noise):
    """Bytes before a frame that cannot begin one are skipped."""
    assert FrameReader().feed(noise + frame.encode()) == [frame]


@given(frame=frames, junk=st.binary(max_size=58))
def test_a_false_start_does_not_swallow_the_next_frame(frame, junk):
    """Start bytes without a valid header are skipped."""
    false_start = b"\xc1\xc0\xff\xff" + junk.replace(b"\xc1", b"")
    assert FrameReader().feed(false_start + frame.encode()) == [frame]


@given(frame=frames, cut=st.integers(1, 63))
def test_a_frame_that_comes_again_is_read_again(frame, cut):
    """Also between pieces of the same frame, which are no frame by themselves."""
    reader, data = FrameReader(), frame.encode()
    assert reader.feed(data) == reader.feed(data) == [frame]
    assert reader.feed(data[:cut]) == []
    assert reader.feed(data[cut:]) == [frame]
    assert reader.feed(data + data) == [frame, frame]


@given(frame=frames)
def test_seabreeze_reads_what_we_write(frame):
    """Python-seabreeze finds the payload that was encoded."""
    assert UnboundProtocol()._extract_message_data(frame.encode()) == frame.payload


@given(message=st.integers(0, 2**32 - 1), payload=st.binary(max_size=200), ack=st.booleans())
def test_we_read_what_seabreeze_writes(message, payload, ack):
    """A request of python-seabreeze decodes to its message, payload and request for an ACK."""
    data = UnboundProtocol()._construct_outgoing_message(message, payload, request_ack=ack)
    assert FrameReader().feed(data) == [Frame(message, payload, flags=4 if ack else 0)]
    assert Frame(message, payload, flags=4 if ack else 0).encode() == data


@given(frame=frames, length=st.integers(17, 255))
def test_more_immediate_data_than_there_is_room_for_is_no_frame(frame, length):
    """A frame with a length of more than 16 bytes of immediate data is skipped."""
    impossible = bytearray(Frame(message=0).encode())
    impossible[23] = length
    assert FrameReader().feed(bytes(impossible) + frame.encode()) == [frame]
