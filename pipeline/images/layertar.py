"""Reading the layers of images that others made (OCI image specification 1.1, layers).

Beyond what packages hold there are pax headers, whiteouts, and devices, which are left out: a step
has a ``/dev`` of its own. A device hides what lower layers have in its place, as a whiteout does,
so it is read as one. Owners and extended attributes are passed over.
"""

from __future__ import annotations

from pipeline.errors import VerificationError
from pipeline.images.names import NAME_LIMIT, WHITEOUT, plain
from pipeline.images.tar import BLOCK, Member, TarReader, stored_name

DEVICES = frozenset({b"3", b"4", b"6"})
PAX_LIMIT = 1 << 20
PAX_NAMES = {b"path": b"L", b"linkpath": b"K", b"size": b"size"}
"""The records that matter, and the GNU header that says the same."""


class LayerTar(TarReader):
    """Iterates over the members of a layer; a whiteout is a file whose name begins as one."""

    thing = "image"

    def _tells(self, header: bytes, names: dict[bytes, bytes]) -> bool:
        match header[156:157]:
            case b"x":
                names |= self._records()
            case b"g":
                # For all that follow; tools write comments here, and we take nothing else.
                if self._records():
                    raise self.refusal(stored_name(header), "names or sizes all members alike")
            case _:
                return super()._tells(header, names)
        return True

    def _records(self) -> dict[bytes, bytes]:
        """Return the records of a pax header that matter (POSIX.1-2001, pax)."""
        if self._left > PAX_LIMIT:
            raise VerificationError(f"`{self._label}` has a pax header of {self._left} bytes")
        data = b"".join(self.content())
        found: dict[bytes, bytes] = {}
        while data:
            digits, _, _ = data.partition(b" ")
            length = int(digits) if digits.isdigit() and len(digits) < 8 else 0
            record = data[len(digits) + 1 : length]
            if not record.endswith(b"\n") or length > len(data):
                raise VerificationError(f"`{self._label}` has a broken pax header")
            key, _, value = record[:-1].partition(b"=")
            if key.startswith(b"GNU.sparse."):
                raise self.refusal(value, "is a sparse file")
            if key in PAX_NAMES:
                found[PAX_NAMES[key]] = value
            data = data[length:]
        return found

    def _member(self, header: bytes, names: dict[bytes, bytes]) -> Member:
        if size := names.get(b"size"):
            if not size.isdigit() or len(size) > 18:
                raise VerificationError(f"`{self._label}` has a pax header with a broken size")
            self._left = int(size)
            self._padding = -self._left % BLOCK
        if any(len(names.get(key, b"")) > NAME_LIMIT for key in (b"L", b"K")):
            raise VerificationError(f"`{self._label}` has a name of absurd length")
        if header[156:157] in DEVICES:
            return self._left_out(names.get(b"L") or stored_name(header))
        return super()._member(header, names)

    def _left_out(self, raw: bytes) -> Member:
        parent, slash, name = self._plain(raw, raw).rpartition(b"/")
        return Member(path=parent + slash + WHITEOUT + name, kind="file")

    def _path(self, raw: bytes) -> bytes:
        return plain(raw, whiteouts=True)
