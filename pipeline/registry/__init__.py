"""Images of registries: references, credentials, the client, reading manifests (OCI)."""
