import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella_ops.remote.runner import child, program
from stella_ops.transport import frames

FRAMES = st.lists(
    st.tuples(st.sampled_from(sorted(frames.FROM_HOST)), st.integers(0, 2**32 - 1), st.binary(max_size=300)), max_size=8
)


@given(FRAMES, st.lists(st.integers(1, 60)))
def test_frames_come_out_as_they_went_in_however_they_are_cut(
    sent: list[tuple[int, int, bytes]], cuts: list[int]
) -> None:
    data = b"".join(frames.encode(*frame) for frame in sent)
    decoder = frames.FrameDecoder()
    got: list[tuple[int, int, bytes]] = []
    for size in cuts:
        got += decoder.feed(data[:size])
        data = data[size:]
    got += decoder.feed(data)
    assert got == sent


@given(st.binary(min_size=9, max_size=40))
def test_what_is_no_frame_is_refused_at_once_and_shown(junk: bytes) -> None:
    length, kind, _ = frames.HEADER.unpack_from(junk)
    decoder = frames.FrameDecoder()
    if kind in frames.FROM_HOST and length <= frames.FRAME_LIMIT:
        assert len(list(decoder.feed(junk))) <= 4
    else:
        with pytest.raises(frames.FrameError, match="no frame, but"):
            list(decoder.feed(junk))


def test_a_line_that_somebody_printed_is_shown() -> None:
    decoder = frames.FrameDecoder()
    assert list(decoder.feed(frames.encode(frames.RESULT, 1, b"{}"))) == [(frames.RESULT, 1, b"{}")]
    with pytest.raises(frames.FrameError, match="You have new mail"):
        list(decoder.feed(b"You have new mail.\n"))


def test_both_halves_agree() -> None:
    for name in (
        "MAGIC",
        "CODE",
        "TASK",
        "DATA",
        "CANCEL",
        "ALIVE",
        "HELLO",
        "RESULT",
        "CRASH",
        "SKIPPED",
        "FRAME_LIMIT",
    ):
        assert getattr(program, name) == getattr(frames, name), name
    assert program.HEADER.format == frames.HEADER.format
    assert child.RESULT_LIMIT < frames.FRAME_LIMIT
