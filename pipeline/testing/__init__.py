"""Containers for tests: services that a test run starts, reaches and leaves nothing of."""
