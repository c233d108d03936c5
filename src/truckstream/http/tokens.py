"""Access tokens: how they look, how they are kept (as a hash), and the doorman that checks them.

A token is `ts_ID_SECRET`; the secret has 256 bits, so a plain SHA-256 of it is as good as a slow hash. A browser
signs in once and gets a cookie that is a signature by that hash: it ends when the token is revoked, and it needs
no memory here.
"""

import hashlib
import hmac
import re
import secrets
import time
from collections.abc import Callable, Mapping
from http.cookies import CookieError, SimpleCookie
from typing import Final, Protocol

import msgspec

from truckstream.http.access import NOBODY, SAFE_METHODS, Caller, Role
from truckstream.http.limits import RateLimit
from truckstream.http.problems import NotAllowed, NotSignedIn

COOKIE: Final = "truckstream_session"
SESSION_S: Final = 14 * 86_400
PAGE_HEADER: Final = "x-truckstream"
_TOKEN: Final = re.compile(r"ts_([0-9a-f]{8})_([A-Za-z0-9_-]{43})")
_SESSION: Final = re.compile(r"([0-9a-f]{8})\.([0-9]{1,15})\.([0-9a-f]{64})")


class StoredToken(msgspec.Struct, frozen=True):
    """A token as it is kept. `name`: who acts, for people to read. `truck_id`: the one a device may send for."""

    token_id: str
    role: Role
    name: str
    created_ms: int
    secret_hash: str
    truck_id: str | None = None


class TokenBook(Protocol):
    """The tokens that are valid now; a revoked one is gone at the next call."""

    def find(self, token_id: str) -> StoredToken | None:
        """Return the token of this id."""
        ...


def new_token(role: Role, name: str, truck_id: str | None, now_ms: int) -> tuple[str, StoredToken]:
    """Return a fresh token, to be shown once, and what to keep of it."""
    token_id, secret = secrets.token_hex(4), secrets.token_urlsafe(32)
    kept = StoredToken(token_id, role, name or f"{role}-{token_id}", now_ms, _hash(secret), truck_id)
    return f"ts_{token_id}_{secret}", kept


class TokenDoor:
    """Lets in who brings a valid token or session; limits how often each may come, and how often one may guess.

    Args:
        book: the valid tokens.
        clock: ms since the epoch, for the end of sessions.
        seconds: a growing clock for limits.
    """

    def __init__(
        self, book: TokenBook, clock: Callable[[], int], seconds: Callable[[], float] = time.monotonic
    ) -> None:
        self._book = book
        self._clock = clock
        self._requests = RateLimit(50, 300, seconds)
        self._gateways = RateLimit(1_000, 4_000, seconds)
        self._strangers = RateLimit(10, 100, seconds)
        self._failures = RateLimit(1 / 6, 10, seconds)

    def caller(self, headers: dict[str, str], method: str, address: str) -> Caller:
        """Return who asks; nobody when no token came. Raises NotSignedIn, NotAllowed or SlowDown."""
        kind, _, given = headers.get("authorization", "").partition(" ")
        if given:
            if kind.lower() != "bearer":
                raise NotSignedIn("only 'Authorization: Bearer TOKEN' is understood")
            caller = self._by_token(given.strip(), address)
        else:
            caller = self._by_session(headers.get("cookie", ""))
            if caller.role is not None and method not in SAFE_METHODS and headers.get(PAGE_HEADER) != "1":
                raise NotAllowed(
                    "a change with a session needs the header X-Truckstream: 1",
                    hint="Pages send it by themselves; programs send 'Authorization: Bearer TOKEN' instead.",
                )
        if caller.role is None:
            self._strangers.take(address)
        else:
            sends_for_all = caller.role == "device" and caller.truck_id is None
            (self._gateways if sends_for_all else self._requests).take(caller.name)
        return caller

    def sign_in(self, token: str, address: str) -> tuple[Caller, str]:
        """Return the caller of a token and the session to keep in a cookie. Raises NotSignedIn or SlowDown."""
        caller = self._by_token(token, address)
        match = _TOKEN.fullmatch(token)
        kept = self._book.find(match[1]) if match else None
        if kept is None:  # revoked within this moment
            raise NotSignedIn("the token is not valid")
        expires_ms = self._clock() + SESSION_S * 1000
        return caller, f"{kept.token_id}.{expires_ms}.{_signature(kept, expires_ms)}"

    def knows(self, headers: Mapping[str, str]) -> bool:
        """Return whether a request that was let in and goes on would be let in now; no limit counts it."""
        _, _, given = headers.get("authorization", "").partition(" ")
        if given:
            return self._kept(given.strip()) is not None
        return self._by_session(headers.get("cookie", "")).role is not None

    def _by_token(self, token: str, address: str) -> Caller:
        # By token as well: many devices share an address, and one whose token was revoked must not keep out the others.
        match = _TOKEN.fullmatch(token)
        guess = f"{address} {match[1] if match else ''}"
        self._failures.check(guess)
        kept = self._kept(token)
        if kept is None:
            self._failures.take(guess)
            self._strangers.take(address)
            raise NotSignedIn("the token is not valid", hint="Check it, or ask for a new one; it may be revoked.")
        return Caller(kept.role, kept.name, kept.truck_id)

    def _kept(self, token: str) -> StoredToken | None:
        """Return the token as it is kept, None when it is not valid."""
        match = _TOKEN.fullmatch(token)
        kept = self._book.find(match[1]) if match else None
        # Compared also when there is nothing to compare with, so that time tells nothing.
        right = hmac.compare_digest(_hash(match[2] if match else ""), kept.secret_hash if kept else "0" * 64)
        return kept if right else None

    def _by_session(self, cookies: str) -> Caller:
        """Return whose session it is; nobody's when it is none: the page then asks to sign in."""
        try:
            morsel = SimpleCookie(cookies).get(COOKIE)
        except CookieError:
            return NOBODY
        match = _SESSION.fullmatch(morsel.value) if morsel is not None else None
        kept = self._book.find(match[1]) if match else None
        if match is None or kept is None or int(match[2]) < self._clock():
            return NOBODY
        if not hmac.compare_digest(match[3], _signature(kept, int(match[2]))):
            return NOBODY
        return Caller(kept.role, kept.name, kept.truck_id)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _signature(kept: StoredToken, expires_ms: int) -> str:
    message = f"session.{kept.token_id}.{expires_ms}".encode()
    return hmac.new(bytes.fromhex(kept.secret_hash), message, hashlib.sha256).hexdigest()
