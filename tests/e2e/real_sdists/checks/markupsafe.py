"""What MarkupSafe's C code escapes, which must be what its Python code escapes."""

import sys

from markupsafe import Markup, _native, _speedups

text = "<a href='ü'>\"&\"</a>" * 3
assert _speedups._escape_inner(text) == _native._escape_inner(text)
sys.stdout.write(f"told: {Markup('<b>%s</b>') % text}\n")
