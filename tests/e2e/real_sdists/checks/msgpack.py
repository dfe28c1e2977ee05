"""What msgpack packs with its C code, which must be what its Python code packs."""

import sys

import msgpack
from msgpack import _cmsgpack, fallback

data = {"int": [0, -1, 2**63, -(2**63)], "float": 1.5, "bytes": b"\0\xff", "text": "ü" * 40}
packed = _cmsgpack.Packer().pack(data)
assert packed == fallback.Packer().pack(data)
assert msgpack.Unpacker is _cmsgpack.Unpacker
assert msgpack.unpackb(packed) == data
stamp = msgpack.Timestamp(1_700_000_000, 5)
assert msgpack.unpackb(msgpack.packb(stamp)) == stamp
sys.stdout.write(f"told: {packed.hex()}\n")
