"""The built-in Dockerfile templates, one a kind of container stage, over a common base."""
