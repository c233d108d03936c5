"""Who may do what: tokens, sessions, limits, headers, over real HTTP."""

import re
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tests.support.web import System, live, now_ms, served, system

from truckstream.cli.web_sources import local_sources
from truckstream.core.errors import InvalidInput
from truckstream.core.records import Position, encode_position
from truckstream.http.limits import RateLimit
from truckstream.http.problems import SlowDown
from truckstream.http.tokens import SESSION_S, TokenDoor, new_token
from truckstream.local.directory import DataDirectory
from truckstream.local.tokens import TokenFile
from truckstream.testing import MovableClock
from truckstream.web.sources import WebOptions

FENCE = {"name": "D", "type": "circle", "center": {"latitude": 47, "longitude": 8}, "radius_meters": 500}


class Guarded:
    """A server that asks for tokens."""

    def __init__(self, url: str, book: TokenFile, clock: MovableClock, running: System) -> None:
        self.url, self.book, self.clock, self.running = url, book, clock, running

    def token(self, role: str, truck: str | None = None) -> str:
        token, kept = new_token(role, f"the {role}", truck, 0)  # type: ignore[arg-type]
        self.book.add(kept)
        return token

    def client(self, token: str | None = None) -> httpx.Client:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=30)


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[Guarded]:
    directory = DataDirectory(tmp_path / "data")
    with system(directory.root) as running, local_sources(directory) as sources:
        clock = MovableClock(now_ms())
        book = TokenFile(directory.tokens)
        door = TokenDoor(book, clock, seconds=lambda: 0.0)  # limits do not fill again: any machine is fast enough
        with served(sources, WebOptions(), door) as url:
            yield Guarded(url, book, clock, running)


def test_nobody_reads_without_a_token_but_everybody_gets_the_page(guarded: Guarded) -> None:
    with guarded.client() as client:
        for path in ("positions", "geofences", "alerts", "health", "live", "config", "stats", "trips"):
            answer = client.get(f"/api/v1/{path}")
            assert answer.status_code == 401, path
            assert answer.headers["www-authenticate"] == "Bearer"
        assert client.get("/metrics").status_code == 401
        assert client.get("/").status_code == 200
        assert client.get("/healthz").status_code == 200
        assert client.get("/api/v1/session").json() == {"role": None, "open": False}


def test_each_role_may_do_what_it_is_for(guarded: Guarded) -> None:
    position = encode_position(Position("TRK-1", now_ms(), 47.0, 8.0))
    may = {
        "viewer": (200, 403, 403),
        "dispatcher": (200, 200, 403),
        "admin": (200, 200, 200),
        "device": (403, 403, 200),
    }
    for role, (reads, changes, sends) in may.items():
        with guarded.client(guarded.token(role)) as client:
            assert client.get("/api/v1/positions").status_code == reads, role
            assert client.put(f"/api/v1/geofences/{role}", json=FENCE).status_code == changes, role
            assert client.post("/api/v1/positions", content=position).status_code == sends, role


def test_a_device_sends_for_its_truck_only_also_from_a_phone(guarded: Guarded) -> None:
    token = guarded.token("device", "TRK-1")
    with guarded.client(token) as client:
        own, other = (encode_position(Position(name, now_ms(), 47.0, 8.0)) for name in ("TRK-1", "TRK-2"))
        assert client.post("/api/v1/positions", content=own).json()["accepted"] == 1
        assert client.post("/api/v1/positions", content=other.replace(b":47,", b":97,")).status_code == 403
        assert client.post("/api/v1/positions", content=b"unreadable").json()["rejected"] == 1
        refused = client.post("/api/v1/positions", content=own + b"\n" + other)
        assert refused.status_code == 403
        assert "TRK-2" in refused.json()["error"]
    with guarded.client() as phone:
        assert phone.get(f"/?token={token}&lat=47&lon=8&id=TRK-1").json()["accepted"] == 1
        assert phone.get(f"/?token={token}&lat=47&lon=8&id=TRK-2").status_code == 403
        coords = {"latitude": 47.0, "longitude": 8.0}
        sent = {"device_id": "TRK-1", "location": {"coords": coords}}
        assert phone.post(f"/?token={token}", json=sent).json()["accepted"] == 1
        assert phone.get("/?lat=47&lon=8&id=TRK-1").status_code == 401
        assert phone.get(f"/api/v1/positions?token={token}").status_code == 401
    guarded.running.pipeline.poll(now_ms(), flush=True)
    assert [track.truck_id for track in guarded.running.stores.positions.list()] == ["TRK-1"]
    assert guarded.running.stores.stream.record_count() == 3


def test_a_page_signs_in_with_a_cookie_that_scripts_cannot_read_or_other_sites_use(guarded: Guarded) -> None:
    token = guarded.token("dispatcher")
    with guarded.client() as client:
        assert client.post("/api/v1/session", json={"token": "ts_00000000_" + "x" * 43}).status_code == 401
        signed = client.post("/api/v1/session", json={"token": token})
        assert signed.json() == {"role": "dispatcher", "open": False}
        cookie = signed.headers["set-cookie"].lower()
        assert "httponly" in cookie
        assert "samesite=strict" in cookie
        assert token not in cookie
        assert client.get("/api/v1/session").json()["role"] == "dispatcher"
        assert client.put("/api/v1/geofences/a", json=FENCE).status_code == 403  # not from our page
        ours = {"X-Truckstream": "1"}
        assert client.put("/api/v1/geofences/a", json=FENCE, headers=ours).status_code == 200
        foreign = {**ours, "Origin": "https://evil.example"}
        assert client.put("/api/v1/geofences/a", json=FENCE, headers=foreign).status_code == 403
        guarded.clock.advance(SESSION_S * 1000 + 1)
        assert client.get("/api/v1/positions").status_code == 401
        guarded.clock.advance(-SESSION_S * 1000 - 1)
        assert client.get("/api/v1/positions").status_code == 200
        assert client.delete("/api/v1/session", headers=ours).json() == {"role": None, "open": False}
        assert client.get("/api/v1/positions").status_code == 401


def test_strangers_cannot_have_large_sign_ins_read(guarded: Guarded) -> None:
    with guarded.client() as client:
        assert client.post("/api/v1/session", content=b'{"token":"' + b"x" * 5_000 + b'"}').status_code == 413


def test_a_revoked_token_ends_at_once_and_its_sessions_with_it(guarded: Guarded) -> None:
    token = guarded.token("viewer")
    with guarded.client() as page, guarded.client(token) as program:
        page.post("/api/v1/session", json={"token": token})
        assert (page.get("/api/v1/positions").status_code, program.get("/api/v1/positions").status_code) == (200, 200)
        guarded.book.revoke(token.split("_")[1])
        assert (page.get("/api/v1/positions").status_code, program.get("/api/v1/positions").status_code) == (401, 401)


def test_sessions_cannot_be_forged_or_moved_to_another_token(guarded: Guarded) -> None:
    viewer, admin = guarded.token("viewer"), guarded.token("admin")
    with guarded.client() as client:
        value = client.post("/api/v1/session", json={"token": viewer}).cookies["truckstream_session"]
        token_id, expires, signature = value.split(".")
        forged = [
            f"{admin.split('_')[1]}.{expires}.{signature}",
            f"{token_id}.{int(expires) + 1}.{signature}",
            f"{token_id}.{expires}.{'0' * 64}",
            "nonsense",
        ]
    for cookie in forged:
        answer = httpx.get(
            f"{guarded.url}/api/v1/positions", headers={"Cookie": f"truckstream_session={cookie}"}, timeout=30
        )
        assert answer.status_code == 401, cookie


def test_guessing_is_slowed_down(guarded: Guarded) -> None:
    with guarded.client() as client:
        wrong = {"Authorization": "Bearer ts_00000000_" + "x" * 43}
        codes = [client.get("/api/v1/positions", headers=wrong).status_code for _ in range(15)]
        assert codes[:10] == [401] * 10
        assert codes[-1] == 429
        assert int(client.get("/api/v1/positions", headers=wrong).headers["retry-after"]) >= 1
        made_up = [{"Authorization": f"Bearer ts_{number:08x}_" + "x" * 43} for number in range(110)]
        assert client.get("/api/v1/positions", headers=made_up[1]).status_code == 401
        codes = [client.get("/api/v1/positions", headers=headers).status_code for headers in made_up]
        assert codes[-1] == 429


def test_a_device_whose_token_was_revoked_keeps_out_no_other_behind_the_same_address(guarded: Guarded) -> None:
    old, other = guarded.token("device", "TRK-1"), guarded.token("device", "TRK-2")
    guarded.book.revoke(old.split("_")[1])
    with guarded.client(old) as stubborn, guarded.client(other) as client:
        assert {stubborn.post("/api/v1/positions", content=b"{}").status_code for _ in range(50)} == {401, 429}
        position = encode_position(Position("TRK-2", now_ms(), 47.0, 8.0))
        assert client.post("/api/v1/positions", content=position).json()["accepted"] == 1


def test_a_live_stream_ends_when_its_token_is_revoked_or_its_session_ends(guarded: Guarded) -> None:
    revoked, lasting = guarded.token("viewer"), guarded.token("viewer")
    with guarded.client(revoked) as program, live(program) as events:
        events.next()
        guarded.book.revoke(revoked.split("_")[1])
        with pytest.raises(AssertionError, match="the stream ended"):
            events.until(lambda data: False)
    with guarded.client() as page:
        page.post("/api/v1/session", json={"token": lasting})
        with live(page) as events:
            events.next()
            events.next()
            guarded.clock.advance(SESSION_S * 1000 + 1)
            with pytest.raises(AssertionError, match="the stream ended"):
                events.until(lambda data: False)


def test_a_token_that_comes_too_often_is_told_for_how_long_to_wait(guarded: Guarded) -> None:
    with guarded.client(guarded.token("viewer")) as client:
        answers = [client.get("/api/v1/session") for _ in range(301)]
        assert {answer.status_code for answer in answers[:300]} == {200}
        limited = answers[300]
        assert limited.status_code == 429
        assert limited.headers["retry-after"]
        assert limited.json()["retryable"] is True


def test_viewers_follow_the_live_stream_with_their_token(guarded: Guarded) -> None:
    with guarded.client(guarded.token("viewer")) as client, live(client) as events:
        stream_id = events.next()[1]["stream_id"]
        with guarded.client(guarded.token("viewer")) as same_role:
            # Another viewer of the same name may; a dispatcher is someone else.
            assert same_role.post(f"/api/v1/live/{stream_id}/viewport", json={"bbox": None}).status_code == 200
        with guarded.client(guarded.token("dispatcher")) as other:
            assert other.post(f"/api/v1/live/{stream_id}/viewport", json={"bbox": None}).status_code == 404


def test_token_file_is_private_and_holds_no_secret(tmp_path: Path) -> None:
    book = TokenFile(tmp_path / "tokens.json")
    token, kept = new_token("viewer", "", None, 1)
    book.add(kept)
    content = (tmp_path / "tokens.json").read_text()
    assert stat.S_IMODE((tmp_path / "tokens.json").stat().st_mode) == 0o600
    assert token.split("_", 2)[2] not in content
    assert TokenFile(tmp_path / "tokens.json").find(kept.token_id) == kept
    with pytest.raises(InvalidInput, match="no token"):
        book.revoke("00000000")


def test_tokens_are_made_listed_and_revoked_on_the_command_line(tmp_path: Path) -> None:
    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "truckstream", "tokens", *arguments, "--data", str(tmp_path)]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)

    made = run("create", "--role", "device", "--truck", "TRK-1", "--name", "cab")
    assert re.fullmatch(r"ts_[0-9a-f]{8}_[\w-]{43}\n", made.stdout)
    listed = run("list", "--json").stdout
    assert '"truck_id":"TRK-1"' in listed
    assert made.stdout.strip().split("_", 2)[2] not in listed
    assert run("revoke", made.stdout.split("_")[1]).stdout.startswith("revoked")
    for wrong in (["--role", "king"], ["--role", "viewer", "--truck", "T"], ["--role", "device", "--truck", "no good"]):
        refused = run("create", *wrong)
        assert (refused.returncode, refused.stderr.count("\n")) == (1, 2), refused.stderr


def test_a_limit_fills_again_and_forgets_the_longest_absent() -> None:
    now = [0.0]
    limit = RateLimit(2, 3, lambda: now[0])
    for _ in range(3):
        limit.take("a")
    with pytest.raises(SlowDown) as slow:
        limit.take("a")
    assert slow.value.after_s == pytest.approx(0.5)
    limit.take("b")
    now[0] += 0.5
    limit.take("a")
    for number in range(10_001):
        limit.take(f"c{number}")
    assert len(limit._buckets) == 10_000


def test_answers_carry_safe_headers_and_only_named_maps_are_let_in(tmp_path: Path) -> None:
    directory = DataDirectory(tmp_path / "data")
    options = WebOptions(map_style_url="https://maps.example/style.json?key=x")
    with system(directory.root), local_sources(directory) as sources, served(sources, options) as url:
        for path in ("/", "/api/v1/positions", "/nothing", "/schema/openapi.json"):
            headers = httpx.get(url + path, timeout=30).headers
            policy = headers["content-security-policy"]
            assert "default-src 'none'" in policy
            assert "connect-src 'self' https://maps.example;" in policy
            assert headers["x-content-type-options"] == "nosniff"
            assert "server" not in headers
        for host in ("attacker.example", "[::1", "127.0.0.1.attacker.example", ""):
            assert httpx.get(url, headers={"Host": host}, timeout=30).status_code in (400, 403), host
        assert (
            httpx.post(f"{url}/api/v1/positions", headers={"Origin": "http://attacker.example"}, timeout=30).status_code
            == 403
        )
        assert (
            httpx.post(f"{url}/api/v1/positions", headers={"Sec-Fetch-Site": "cross-site"}, timeout=30).status_code
            == 403
        )
