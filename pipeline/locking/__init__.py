"""The lock: its types, staleness, resolving (the only networked planner) and fetching."""
