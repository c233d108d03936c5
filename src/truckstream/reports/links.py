"""Saved links: views of the pages under a name, the same for everybody. They lie beside the archive's files.

One small file each, named by its id: two people who save at the same moment do not lose each other's, and any
backend that has an archive has them.
"""

import secrets
from typing import Final

import msgspec

from truckstream.core.errors import InvalidInput, StorageDamaged
from truckstream.core.instants import format_instant
from truckstream.http.problems import Conflict, NotFound
from truckstream.ports import ArchiveStore
from truckstream.reports.answers import Link

PREFIX: Final = "reports/links/"
MOST_LINKS: Final = 1_000
_NAME_CHARACTERS: Final = 200
_QUERY_CHARACTERS: Final = 8_000


class NewLink(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a page sends to save a link: the query string of its address, without `?`."""

    name: str
    query: str


class LinkStore:
    """The links of an archive."""

    def __init__(self, archive: ArchiveStore) -> None:
        self._archive = archive

    def list(self) -> list[Link]:
        """Return all links by name. Raises StorageDamaged naming one that cannot be read."""
        found = []
        for file in self._archive.list(PREFIX):
            try:
                found.append(msgspec.json.decode(self._archive.get(file.key), type=Link))
            except KeyError:
                continue  # removed this moment
            except msgspec.MsgspecError as error:
                raise StorageDamaged(f"{file.key}: {error}", hint="Remove the file from the archive.") from error
        return sorted(found, key=lambda link: (link.name.casefold(), link.created_at, link.link_id))

    def add(self, link: NewLink, now_ms: int) -> Link:
        """Store a link. Raises InvalidInput, and Conflict when there are too many."""
        name, query = " ".join(link.name.split()), link.query.removeprefix("?")
        if not name or len(name) > _NAME_CHARACTERS:
            raise InvalidInput(f"name: must have 1 to {_NAME_CHARACTERS} characters")
        if len(query) > _QUERY_CHARACTERS or any(ord(character) < 32 for character in query):
            raise InvalidInput(f"query: must be one line of at most {_QUERY_CHARACTERS:,} characters")
        try:
            f"{name}{query}".encode()
        except UnicodeEncodeError as error:
            raise InvalidInput("name: holds characters that are none") from error
        if len(self._archive.list(PREFIX)) >= MOST_LINKS:
            raise Conflict(f"there are {MOST_LINKS:,} links already", hint="Delete one that nobody needs.")
        made = Link(link_id=secrets.token_hex(8), name=name, query=query, created_at=format_instant(now_ms))
        self._archive.put(_key(made.link_id), msgspec.json.encode(made))
        return made

    def remove(self, link_id: str) -> None:
        """Remove a link. Raises NotFound."""
        key = _key(link_id)
        if not any(file.key == key for file in self._archive.list(key)):
            raise NotFound(f"there is no link {link_id[:40]!r}")
        self._archive.delete([key])


def _key(link_id: str) -> str:
    if len(link_id) != 16 or any(character not in "0123456789abcdef" for character in link_id):
        raise NotFound(f"there is no link {link_id[:40]!r}")
    return f"{PREFIX}{link_id}.json"
