"""Hold a wheel to the stable ABI it claims: its tag, the names of its modules, its symbols.

Run as ``abi3.py cp311 DIRECTORY``. abi3audit knows which symbols belong to the stable ABI and since
when; given a file it asks no network, and its report is JSON.
"""

from __future__ import annotations

import argparse
import io
import json
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.inside.elf import MAGIC, exports
from pipeline.inside.shared import RefusedError, one_wheel, run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

SETTINGS = {
    "setuptools": "set `py_limited_api=True` on the extension, and "
    '`options={{"bdist_wheel": {{"py_limited_api": "{tag}"}}}}` in `setup.py`',
    "scikit-build-core": 'set `wheel.py-api = "{tag}"` below `[tool.scikit-build]`',
    "meson": "set `limited_api` on the extension module, and `limited-api = true` below "
    "`[tool.meson-python]`",
}
"""How a backend is told, by the first word it signs ``WHEEL`` with."""


def main(arguments: Sequence[str]) -> None:
    """Check the wheel in a directory."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("tag")
    parser.add_argument("directory", type=Path)
    given = parser.parse_args(arguments)
    wheel = one_wheel(given.directory)
    refuse_tag(wheel, given.tag)
    refuse_names(wheel)
    refuse_symbols(_report(wheel), given.tag)


def refuse_tag(wheel: Path, tag: str) -> None:
    """Refuse a wheel that is not tagged for the stable ABI since ``tag``, such as ``cp311``."""
    python, abi = wheel.name.removesuffix(".whl").split("-")[-3:-1]
    if python == tag and "abi3" in abi.split("."):
        return
    raise RefusedError(
        f"`{wheel.name}` is tagged `{python}-{abi}`, and `abi3: {tag}` promises `{tag}-abi3`",
        hint=_how(_generator(wheel), tag),
    )


def _generator(wheel: Path) -> str:
    """Return what the backend signs its wheels with, such as ``setuptools (80.9.0)``."""
    with zipfile.ZipFile(wheel) as archive:
        name = next(name for name in archive.namelist() if name.endswith(".dist-info/WHEEL"))
        lines = archive.read(name).decode().splitlines()
    return next((line.partition(":")[2].strip() for line in lines if "Generator:" in line), "")


def _how(generator: str, tag: str) -> str:
    found = {name: text for name, text in SETTINGS.items() if generator.startswith(name)}
    told = [f"with {name} {text}" for name, text in (found or SETTINGS).items()]
    return "; ".join(told).format(tag=tag)


def refuse_names(wheel: Path) -> None:
    """Refuse extension modules whose name does not say that they keep to the stable ABI."""
    wrong = [name for name in _modules(wheel) if not name.endswith(".abi3.so")]
    if wrong:
        raise RefusedError(
            *(
                f"`{name}` is an extension module without `.abi3` in its name, so not every "
                "Python that installs the wheel can import it"
                for name in wrong
            ),
            hint="build every extension with the limited API, or take `abi3` out of the stage",
        )


def _modules(wheel: Path) -> Iterator[str]:
    """Yield the extension modules: ELF files with the function that an import calls."""
    with zipfile.ZipFile(wheel) as archive:
        for name in sorted(archive.namelist()):
            if name.endswith(".so"):
                data = archive.read(name)
                if data.startswith(MAGIC) and exports(io.BytesIO(data), "PyInit_"):
                    yield name


def _report(wheel: Path) -> Sequence[Mapping[str, Any]]:
    """Return abi3audit's findings, one for each file of the wheel."""
    with tempfile.TemporaryDirectory() as scratch:
        report = Path(scratch) / "report.json"
        command = ["abi3audit", "--strict", "--report", f"--output={report}", str(wheel)]
        done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False)
        text = report.read_text() if report.exists() else ""
    if not text:
        said = " ".join(done.stderr.split())
        raise RefusedError(f"abi3audit cannot read `{wheel.name}`: {said}")
    files: Sequence[Mapping[str, Any]] = json.loads(text)["specs"][str(wheel)]["wheel"]
    return files


def refuse_symbols(files: Sequence[Mapping[str, Any]], tag: str) -> None:
    """Refuse a wheel whose files use more of Python than the stable ABI of ``tag`` has.

    ``files`` are those of abi3audit's report.
    """
    foreign = [
        f"`{file['name']}` uses `{symbol}`, which is not in the stable ABI of any Python"
        for file in files
        for symbol in sorted(file["result"]["non_abi3_symbols"])
    ]
    later = [
        f"`{file['name']}` uses `{symbol}`, which is in the stable ABI since Python {added}, and "
        f"the wheel is tagged `{tag}`"
        for file in files
        for symbol, added in sorted(file["result"]["future_abi3_objects"].items())
    ]
    if foreign or later:
        raise RefusedError(
            *foreign,
            *later,
            hint=f"define `Py_LIMITED_API` as `{_macro(tag)}` and mend what the compiler then "
            "finds, or declare another `abi3`",
        )


def _macro(tag: str) -> str:
    """Return the value of Py_LIMITED_API for a tag: ``0x030B0000`` for ``cp311``."""
    return f"0x03{int(tag.removeprefix('cp3')):02X}0000"


if __name__ == "__main__":
    sys.exit(run(main))
