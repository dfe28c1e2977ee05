"""That the list is the one Cython made, and does what lists do until it is frozen."""

import sys

import frozenlist

assert frozenlist.FrozenList is frozenlist._frozenlist.FrozenList
made = frozenlist.FrozenList([3, 1, 2])
made.append(5)
made.insert(0, 4)
made.freeze()
try:
    made.append(6)
except RuntimeError as error:
    same = hash(made) == hash(tuple(made))
    sys.stdout.write(f"told: {list(made)} {same} {error}\n")
