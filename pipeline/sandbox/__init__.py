"""Linux namespaces as data: spec, system calls, mounts, launch. Standard library only."""
