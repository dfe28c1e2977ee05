"""A matrix of the library that CMake built in, and what Cython's code makes of it."""

import sys

from scoring_matrices import ScoringMatrix

blosum = ScoringMatrix.from_name("BLOSUM62")
assert blosum.is_symmetric()
shuffled = blosum.shuffle("WYVACD")
rows = [list(row) for row in (blosum[0], shuffled[0])]
sys.stdout.write(f"told: {blosum.alphabet} {blosum.min()} {blosum.max()} {rows}\n")
