"""Matrix, graph, rendering of Dockerfiles and keys. Pure."""
