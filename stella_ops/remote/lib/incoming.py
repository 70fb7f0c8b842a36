"""Content on its way in: a stream from the controller, plain or in compressed chunks.

``stella_ops/transport/sending.py`` is the other end, and says what the argument ``_content_stream`` holds.
"""

import struct
import zlib

from stella_ops.remote.lib.task import ModuleFailure

# As much as fits the processor's cache on its way through, and as the pipes hold at once.
PIECE = 262144
# No chunk of the controller's is longer.
CHUNK = 1048576
_MARK = struct.Struct(">BI")
_PLAIN, _PACKED = 0, 1


class StreamError(ModuleFailure):
    """The stream makes no sense, or ended too early."""


def plain(stream):
    """Buffers of a stream; each is to be used before the next is asked for."""
    read = getattr(stream, "readinto1", None) or stream.readinto
    room = memoryview(bytearray(PIECE))
    while True:
        count = read(room)
        if not count:
            return
        yield room[:count]


def chunks(stream):
    """Buffers of a stream that is made of marked chunks."""
    while True:
        mark = stream.read(_MARK.size)
        if not mark:
            return
        if len(mark) < _MARK.size:
            raise StreamError("the content ended in the middle of a chunk")
        kind, size = _MARK.unpack(mark)
        if kind not in (_PLAIN, _PACKED) or size > 2 * CHUNK:
            raise StreamError("the content is no stream of chunks")
        data = stream.read(size)
        if len(data) < size:
            raise StreamError("the content ended in the middle of a chunk")
        if kind == _PACKED:
            unpacking = zlib.decompressobj()
            try:
                data = unpacking.decompress(data, CHUNK)
            except zlib.error as error:
                raise StreamError("the content arrived damaged: {}".format(error))
            if not unpacking.eof and unpacking.unconsumed_tail:
                raise StreamError("the content is no stream of chunks")
        yield data
