"""A run that uses every part of a store without end, to be killed or raced by the tests.

Arguments: the store, a directory of its own, a seed, and how many rounds (0: until killed). It
prints a line when it has begun.
"""

from __future__ import annotations

import itertools
import random
import sys
from pathlib import Path

from pipeline.files import remove_tree, sha256_bytes
from pipeline.store.store import Result, Store

SHARED = 20
"""So many keys are there: few enough that two runs often want the same."""


def content(key: int) -> list[tuple[str, bytes]]:
    """Return the files of a key, the same in every process."""
    chance = random.Random(key)  # noqa: S311 (the same numbers every time are the point)
    return [
        (
            f"directory{number % 3}/file{number}",
            chance.randbytes(chance.choice((10, 5000, 3 << 19))),
        )
        for number in range(12)
    ]


def write(directory: Path, key: int) -> None:
    """Write the files of a key below a directory."""
    for name, data in content(key):
        path = directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)


def round_of_work(store: Store, own: Path, key: int) -> None:
    """Build one key unless its result is known, then use it as a directory and from scratch."""
    name = sha256_bytes(str(key).encode())
    if store.get_result(name) is None:
        write(own, key)
        tree = store.add_tree(own)
        remove_tree(own)
        own.mkdir()
        row = Result(tree=tree.digest, seconds=0.0, engine="busy", label=str(key), made=0.0)
        store.put_result(name, row)
    result = store.get_result(name)
    if result is None:
        raise SystemExit(f"the result of {key} is not there right after it was written")
    tree = store.load_tree(result.tree)
    store.derived("source", name, lambda path: store.materialise(tree, path, epoch=0))
    with store.scratch("busy") as path:
        store.materialise(tree, path / "tree", epoch=0)
        found = [(name, (path / "tree" / name).read_bytes()) for name, _ in content(key)]
        if found != content(key):
            raise SystemExit(f"the files of {key} are not what was written")


def main(root: str, own: str, seed: str, rounds: str) -> None:
    """Work until killed or for so many rounds."""
    chance = random.Random(seed)  # noqa: S311 (repeatable, not secret)
    directory = Path(own)
    directory.mkdir(exist_ok=True)
    with Store.open(Path(root)) as store:
        print("begun", flush=True)  # noqa: T201 (the test waits for it)
        for _ in range(int(rounds)) if int(rounds) else itertools.count():
            round_of_work(store, directory, chance.randrange(SHARED))


if __name__ == "__main__":
    main(*sys.argv[1:])
