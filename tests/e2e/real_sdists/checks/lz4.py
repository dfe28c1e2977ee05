"""What lz4 squeezes, as a block and as a frame, and that it comes back."""

import hashlib
import sys

import lz4
import lz4.block
import lz4.frame

data = bytes(range(256)) * 512
block = lz4.block.compress(data, mode="high_compression", compression=9)
frame = lz4.frame.compress(data, content_checksum=True)
assert lz4.block.decompress(block) == data
assert lz4.frame.decompress(frame) == data
digests = [hashlib.sha256(made).hexdigest() for made in (block, frame)]
sys.stdout.write(f"told: {lz4.library_version_string()} {digests}\n")
