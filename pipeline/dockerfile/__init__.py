"""Dockerfiles: the documented subset, read into frozen values. Used to plan and to build."""
