"""HTTP and downloads, for whoever may use the network: retries, resuming, digests checked."""
