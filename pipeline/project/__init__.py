"""Projects as their own files describe them: names, requirements, layouts, entry points."""
