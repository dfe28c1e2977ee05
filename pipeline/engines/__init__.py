"""What builds recipes: the Engine protocol, its implementations, the Dockerfile parser."""
