"""The lock as a value and as a file: its types, strict reading, writing."""
