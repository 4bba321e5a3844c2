#!/usr/bin/env python3
"""Writes update_int4.json: golden vectors of the int4 updates of docs/protocol.md, "Files and blobs".

Independent of the C++ code: fp32 is emulated by rounding Python's doubles through struct, which is
exact for one quotient, product or sum of fp32 values; Philox4x32-10 is written from its paper.

    tests/vectors/make_update_int4.py > tests/vectors/update_int4.json
"""
import json
import math
import struct

MASK = 0xFFFFFFFF


def f32(x):
    return struct.unpack("<f", struct.pack("<f", x))[0]


def from_bits(bits):
    return struct.unpack("<f", struct.pack("<I", bits))[0]


def hex_of(values):
    return "0x" + b"".join(struct.pack("<f", v) for v in values).hex()


def philox(key, index):
    """Word `index` of the stream of the 64-bit key."""
    block = index // 4
    c = [block & MASK, block >> 32, 0, 0]
    k = [key & MASK, key >> 32]
    for _ in range(10):
        p0 = 0xD2511F53 * c[0]
        p1 = 0xCD9E8D57 * c[2]
        c = [(p1 >> 32) ^ c[1] ^ k[0], p1 & MASK, (p0 >> 32) ^ c[3] ^ k[1], p0 & MASK]
        k = [(k[0] + 0x9E3779B9) & MASK, (k[1] + 0xBB67AE85) & MASK]
    return c[index % 4]


def encode(delta, key):
    out = b"TSRU" + struct.pack("<HHQ", 1, 1, len(delta))
    decoded = []
    for first in range(0, len(delta), 64):
        block = delta[first:first + 64]
        scale = f32(max(abs(x) for x in block) / 7.0)
        levels = [0] * 64
        if scale != 0:
            for i, x in enumerate(block):
                u = (philox(key, first + i) >> 8) * 2.0 ** -24
                levels[i] = max(-7, min(7, math.floor(f32(f32(x / scale) + u))))
        out += struct.pack("<f", scale)
        out += bytes((levels[i] & 15) | (levels[i + 1] & 15) << 4 for i in range(0, 64, 2))
        decoded += [f32(scale * q) for q in levels[:len(block)]]
    return out, decoded


def noise(count, key, exponent_range):
    """Floats of both signs, magnitudes spread over 2^[low, high), from Philox itself."""
    low, high = exponent_range
    values = []
    for i in range(count):
        a, b = philox(key, 2 * i), philox(key, 2 * i + 1)
        sign = -1.0 if b & 1 else 1.0
        exponent = low + b // 2 % (high - low)
        values.append(f32(sign * (1 + (a >> 9) * 2.0 ** -23) * 2.0 ** exponent))
    return values


def cases():
    largest = from_bits(0x7F7FFFFF)
    smallest = from_bits(1)
    yield "one element", 1, [1.0]
    yield "one zero", 1, [0.0]
    yield "zeros of both signs", 2, [0.0, -0.0] * 32
    yield "exact levels", 3, [float(q) for q in range(-7, 8)]
    yield "63 elements", 0x0123456789ABCDEF, noise(63, 11, (-12, -4))
    yield "64 elements", 0xFFFFFFFFFFFFFFFF, noise(64, 12, (-12, -4))
    yield "65 elements", 0x8000000000000001, noise(65, 13, (-12, -4))
    between = noise(64, 14, (-3, 3)) + [0.0] * 64 + noise(9, 15, (-3, 3))
    yield "a zero block between others", 7, between
    yield "two hundred, wide range", 8, noise(200, 16, (-60, 60))
    yield "the largest floats", 9, [largest, -largest, largest / 2, 1.0]
    yield "subnormals", 10, [smallest * k for k in (1, -3, 10, 100, -64)]
    yield "subnormals whose scale is 0", 11, [smallest, -smallest * 3, 0.0]
    yield "smallest scale", 12, [smallest * 4, -smallest * 4, smallest]


def main():
    vectors = []
    for name, key, delta in cases():
        update, decoded = encode(delta, key)
        vectors.append({
            "name": name,
            "key": f"0x{key:016x}",
            "dimension": len(delta),
            "delta": hex_of(delta),
            "update": "0x" + update.hex(),
            "decoded": hex_of(decoded),
        })
    print(json.dumps({"vectors": vectors}, indent=1))


if __name__ == "__main__":
    main()
