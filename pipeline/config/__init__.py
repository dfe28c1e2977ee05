"""Declarations: YAML text with positions into frozen, typed values."""
