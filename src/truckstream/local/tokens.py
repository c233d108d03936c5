"""Access tokens of a data directory: a file of hashes that only its owner may read."""

import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

from truckstream.core.errors import InvalidInput, StorageDamaged
from truckstream.http.tokens import StoredToken
from truckstream.local.database import make_directory, storage_errors

_MODE: Final = 0o600
_decode = msgspec.json.Decoder(list[StoredToken]).decode


class TokenFile:
    """`http.tokens.TokenBook` in one small JSON file. Processes may share it; it is read anew when it changed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        # Both in one assignment: threads that read at once must not keep the older tokens under the newer stamp.
        self._read: tuple[tuple[int, int, int] | None, dict[str, StoredToken]] = (None, {})

    def find(self, token_id: str) -> StoredToken | None:
        """Return the token of this id."""
        return self._renew().get(token_id)

    def list(self) -> Sequence[StoredToken]:
        """Return all tokens, the oldest first."""
        return sorted(self._renew().values(), key=lambda token: (token.created_ms, token.token_id))

    def trucks(self) -> Sequence[str]:
        """Return the trucks that have a device's token."""
        return [token.truck_id for token in self._renew().values() if token.truck_id is not None]

    def add(self, token: StoredToken) -> None:
        """Keep a token."""
        with self._locked():
            self._write([*self.list(), token])

    def revoke(self, token_id: str) -> StoredToken:
        """Forget a token; its sessions end with it. Raises InvalidInput when there is none of this id."""
        with self._locked():
            tokens = self.list()
            found = next((token for token in tokens if token.token_id == token_id), None)
            if found is None:
                raise InvalidInput(f"no token {token_id!r}", hint="'truckstream tokens list' prints the ids.")
            self._write([token for token in tokens if token is not found])
        return found

    def _renew(self) -> dict[str, StoredToken]:
        known, tokens = self._read
        try:
            with storage_errors(self._path):
                status = self._path.stat() if self._path.exists() else None
                stamp = (status.st_mtime_ns, status.st_ino, status.st_size) if status else None
                if stamp == known:
                    return tokens
                found = _decode(self._path.read_bytes()) if stamp else []
        except msgspec.DecodeError as error:
            raise StorageDamaged(
                f"{self._path}: {error}", hint="Correct the file, or remove it and create new tokens."
            ) from error
        tokens = {token.token_id: token for token in found}
        self._read = (stamp, tokens)
        return tokens

    def _write(self, tokens: Sequence[StoredToken]) -> None:
        draft = self._path.with_suffix(".tmp")
        with storage_errors(self._path):
            draft.unlink(missing_ok=True)
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE), "wb") as file:
                file.write(msgspec.json.format(msgspec.json.encode(tokens), indent=2) + b"\n")
                file.flush()
                os.fsync(file.fileno())
            draft.replace(self._path)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        with storage_errors(self._path):
            make_directory(self._path.parent)
            handle = os.open(self._path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, _MODE)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)
