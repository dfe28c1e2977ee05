"""Wheels and sdists: one writer, strict readers, normalising, auditing, comparing."""
