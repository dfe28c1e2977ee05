"""Assemble the image ``compiler`` once: ``assemble_once.py REPOSITORY STORE PLATFORM``."""

from __future__ import annotations

import sys
from pathlib import Path

from pipeline.images.assemble import assemble
from pipeline.lock.file import load
from pipeline.store.store import Store

repository, store, platform = sys.argv[1:]
with Store.open(Path(store)) as opened:
    assemble("compiler", load(Path(repository) / "pipeline.lock"), platform, opened)
