"""Compilers for other platforms: which there are, and the files that put them to use. Pure."""
