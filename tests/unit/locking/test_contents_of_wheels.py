"""Two packages of one set that install the same path are told when locking."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from typing import TYPE_CHECKING

import pytest

from pipeline.locking.contents import PIECE, Remote, paths
from pipeline.network.transport import Client
from tests.unit.locking.conftest import status

if TYPE_CHECKING:
    from tests.unit.locking.conftest import Site


def wheel(files: dict[str, str], name: str = "thing", padding: int = 0) -> bytes:
    """Return a wheel with files, and as many bytes before them as they are long."""
    info = f"{name}-1.dist-info"
    rows = []
    for path, text in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=")
        rows.append(f"{path},sha256={digest.decode()},{len(text)}\n")
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("large.bin", b"0" * padding)
        for path, text in {**files, f"{info}/RECORD": "".join(rows)}.items():
            archive.writestr(path.replace("INFO", info), text)
    return stream.getvalue()


def test_what_a_wheel_installs_is_read_with_its_programs() -> None:
    files = {
        "cv2/__init__.py": "1",
        "thing-1.data/purelib/more.py": "",
        "thing-1.data/scripts/run": "#!python",
        "thing-1.data/data/share/doc": "",
        "thing-1.dist-info/entry_points.txt": "[console_scripts]\nGo = thing:main\n",
    }
    found = paths(zipfile.ZipFile(io.BytesIO(wheel(files))))
    assert set(found) == {
        "site-packages/cv2/__init__.py", "site-packages/more.py", "bin/run", "share/doc", "bin/Go",
    }  # fmt: skip
    assert found["bin/Go"] == "thing:main"


@pytest.mark.parametrize("padding", [0, 3 * PIECE])
def test_of_a_wheel_elsewhere_its_end_alone_is_asked_for(site: Site, padding: int) -> None:
    data = wheel({"a.py": "1"}, padding=padding)
    site.script("/files/a.whl", _ranged(data))
    remote = io.BufferedReader(Remote(Client(), f"{site.address}/files/a.whl", len(data)), PIECE)
    assert set(paths(zipfile.ZipFile(remote))) == {"site-packages/a.py"}
    (asked,) = [headers["Range"] for path, headers in site.requests if path == "/files/a.whl"]
    assert asked == f"bytes={max(0, len(data) - PIECE)}-{len(data) - 1}"


def test_a_server_without_parts_is_asked_no_further(site: Site) -> None:
    site.script("/files/a.whl", status(200))
    remote = Remote(Client(), f"{site.address}/files/a.whl", 100)
    with pytest.raises(LookupError):
        remote.read(10)


def _ranged(data: bytes):  # type: ignore[no-untyped-def]  # noqa: ANN202
    def answer(request) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
        start, _, end = request.headers["Range"].removeprefix("bytes=").partition("-")
        part = data[int(start) : int(end) + 1]
        request.send_response(206)
        request.send_header("Content-Length", str(len(part)))
        request.end_headers()
        request.wfile.write(part)

    return answer
