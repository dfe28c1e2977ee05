"""Version, changelog, git, what an index accepts."""
