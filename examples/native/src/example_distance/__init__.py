"""The edit distance of two pieces of bytes."""

from example_distance._distance import distance

__all__ = ["distance"]
