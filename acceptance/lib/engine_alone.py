"""Writes an ONNX model of one op that ONNX Runtime alone has (`com.microsoft.UnfoldTensor`), byte by byte: no tool is needed.

    python engine_alone.py MODEL
"""

import sys


def field(number, payload):
    """A field of a message: bytes with their length, or a number."""
    if isinstance(payload, int):
        return varint(number << 3) + varint(payload)
    payload = payload.encode() if isinstance(payload, str) else payload
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def varint(number):
    out = b""
    while number > 127:
        out, number = out + bytes([number & 127 | 128]), number >> 7
    return out + bytes([number])


def value(name, inner=b""):
    # float, of one dimension of any size, or of more.
    shape = field(1, field(2, "n")) + inner
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, shape)))


def number(name, value):
    """An attribute that is a whole number."""
    return field(5, field(1, name) + field(3, value) + field(20, 2))


# Windows of one number each: `[n]` becomes `[n, 1]`.
node = field(1, "x") + field(2, "y") + field(4, "UnfoldTensor") + number("size", 1) + field(7, "com.microsoft")
graph = field(1, node) + field(2, "alone") + field(11, value("x")) + field(12, value("y", field(1, field(1, 1))))
opsets = field(8, field(2, 17)) + field(8, field(1, "com.microsoft") + field(2, 1))
with open(sys.argv[1], "wb") as file:
    file.write(field(1, 8) + field(7, graph) + opsets)
