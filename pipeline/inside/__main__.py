"""Starts a program of this directory: ``python /inside finish --suffix=cuda13 /built /out``.

Python puts a directory that it is given on the module path, under ``-P`` and PYTHONSAFEPATH too,
and then not the working directory, where the source lies. So programs find what they import of
ours, and nothing of the source is taken for a module of the standard library.
"""

import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    del sys.argv[0]
    runpy.run_path(str(Path(__file__).with_name(f"{sys.argv[0]}.py")), run_name="__main__")
