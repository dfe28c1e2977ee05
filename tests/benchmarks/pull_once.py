"""Pull and unpack an image of a registry: `python pull_once.py STORE REFERENCE`."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from pipeline.images.based import Base
from pipeline.locking.fetch import fetch
from pipeline.locking.places import registries
from pipeline.locking.settings import Settings
from pipeline.registry.pin import pin
from pipeline.registry.reference import Reference
from pipeline.store.store import Store

place, reference = sys.argv[1:]
settings = Settings(environ=os.environ)
documents = registries(settings).documents(Reference.parse(reference))
base, _ = pin(documents, "linux/amd64")
with Store.open(Path(place)) as store:
    fetch(base.blobs, store, settings)
    Base(base, store).directory()
