"""Python layers: locked wheels unpacked into a prefix, nothing run, for any architecture.

An environment is a virtual environment as ``python -m venv`` lays it out (PEP 405), made for an
interpreter that need not be on this machine. The same wheels give the same bytes, at any place:
paths written into it are those it has inside the step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.errors import VerificationError
from pipeline.images.root import Root, seal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    Wheels = Sequence[tuple[str, Path]]

CONFIGURATION = "home = {home}\ninclude-system-site-packages = false\nversion = {python}\n"


def unpack_wheels(
    wheels: Wheels,
    prefix: Path,
    *,
    python: str,
    prefix_inside: str = "/env",
    interpreter: str = "",
    scripts: bool = True,
) -> None:
    """Make a virtual environment in ``prefix``, an empty directory, with ``wheels`` installed.

    ``wheels`` are pairs of file name and file; ``python`` is ``3.11``; ``prefix_inside`` where the
    environment will stand when it is used; ``interpreter`` the Python that it is for there, by
    default ``/usr/bin/python3.11``. No bytecode is made. Raises VerificationError for a wheel that
    is broken, unsafe, or has a file that another one has too.
    """
    interpreter = interpreter or f"/usr/bin/python{python}"
    with Root(prefix) as root:
        _skeleton(root, python, interpreter)
        _install(wheels, root, _schemes(python), f"{prefix_inside}/bin/python", scripts=scripts)
    seal(prefix)


def unpack_system(wheels: Wheels, directory: Path, *, python: str, interpreter: str = "") -> None:
    """Unpack ``wheels`` into an image's layer, where its ``python`` finds them.

    ``interpreter`` is where that Python stands, by default Debian's place, as in `unpack_wheels`.
    Debian's finds packages below ``/usr/local`` in ``dist-packages``; any other one below its own
    prefix in ``site-packages``. Raises VerificationError as `unpack_wheels` does.
    """
    interpreter = interpreter or f"/usr/bin/python{python}"
    with Root(directory) as root:
        _install(wheels, root, _system_schemes(python, interpreter), interpreter, scripts=True)
    seal(directory)


def _install(
    wheels: Wheels, root: Root, schemes: Mapping[str, str], interpreter: str, *, scripts: bool
) -> None:
    if not wheels:
        return
    # Imported late: a run that finds everything made needs neither the library nor zipfile.
    from pipeline.images.wheelinstall import install_wheel  # noqa: PLC0415

    for name, path in sorted(wheels):
        distribution = name.partition("-")[0]
        try:
            install_wheel(
                name,
                path,
                root,
                schemes={**schemes, "headers": f"{schemes['headers']}/{distribution}"},
                interpreter=interpreter,
                scripts=scripts,
            )
        except FileNotFoundError as error:
            raise VerificationError(
                f"the wheel `{name}` is not in the store", hint="run `pipeline fetch`"
            ) from error


def skeleton(python: str, interpreter: str) -> tuple[dict[str, bytes], dict[str, str]]:
    """Return the files of an empty environment, and its links with their targets."""
    home = interpreter.rpartition("/")[0]
    files = {"pyvenv.cfg": CONFIGURATION.format(home=home, python=python).encode()}
    links = {"lib64": "lib", "bin/python": interpreter}
    return files, links | dict.fromkeys(("bin/python3", f"bin/python{python}"), "python")


def _skeleton(root: Root, python: str, interpreter: str) -> None:
    files, links = skeleton(python, interpreter)
    for name, data in files.items():
        root.file(name.encode(), [data], program=False)
    root.directory(f"lib/python{python}/site-packages".encode())
    for name, target in links.items():
        root.link(name.encode(), target.encode())


def _schemes(python: str) -> Mapping[str, str]:
    packages = f"lib/python{python}/site-packages"
    return {
        "purelib": packages,
        "platlib": packages,
        "scripts": "bin",
        "data": ".",
        "headers": f"include/site/python{python}",
    }


def _system_schemes(python: str, interpreter: str) -> Mapping[str, str]:
    own = interpreter.removesuffix(f"/bin/python{python}").lstrip("/")
    prefix, name = ("usr/local", "dist-packages") if own == "usr" else (own, "site-packages")
    packages = f"{prefix}/lib/python{python}/{name}"
    return {
        "purelib": packages,
        "platlib": packages,
        "scripts": f"{prefix}/bin",
        "data": prefix,
        "headers": f"{prefix}/include/python{python}",
    }
