"""Image declarations, locked, assembled into layers without running anything."""
