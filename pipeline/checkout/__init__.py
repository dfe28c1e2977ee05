"""The working tree as input: which files a stage sees, as a tree with digests."""
