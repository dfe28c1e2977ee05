"""One module a stage kind: how it becomes a recipe, or what it does on the host."""
