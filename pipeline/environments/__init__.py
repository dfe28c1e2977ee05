"""Locked virtual environments on the host, for people and their tools."""
