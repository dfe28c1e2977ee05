"""Working inside a stage's image: the locked environment, the checkout's packages editable."""
