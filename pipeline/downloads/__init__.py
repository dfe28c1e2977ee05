"""The download cache: exact files beside the user's store, and bundles of them to carry away."""
