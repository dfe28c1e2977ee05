"""The content-addressed cache on disk: blobs, trees, results, layers."""
