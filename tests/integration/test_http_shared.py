"""What both web applications share, over real sockets: safe headers, who is let in, error answers, pages, ports."""

from collections.abc import Generator
from pathlib import Path
from typing import Literal

import httpx
import msgspec
import pytest
from litestar import Litestar, get, post
from litestar.params import FromQuery, JSONBody
from tests.support.http_server import running

from truckstream.core.errors import InvalidInput, InvalidSetting, Unavailable
from truckstream.http.access import Caller, need
from truckstream.http.gate import Gate, OpenDoor
from truckstream.http.pages import page_handlers
from truckstream.http.problems import HANDLERS, NotSignedIn, SlowDown
from truckstream.http.serving import is_loopback, listen


class Given(msgspec.Struct):
    token: str


@get("/unwell", sync_to_thread=False)
def unwell(kind: FromQuery[str]) -> str:
    raise {
        "input": InvalidInput("bad"),
        "busy": Unavailable("busy"),
        "bug": RuntimeError("secret detail"),
        "slow": SlowDown("slow", after_s=1.2),
    }[kind]


@get("/count", sync_to_thread=False)
def count(number: FromQuery[int]) -> int:
    return number


@get("/choice", sync_to_thread=False)
def choice(kind: FromQuery[Literal["a", "b"] | None] = None) -> str:
    return kind or ""


@post("/body", sync_to_thread=False)
def body(data: JSONBody[Given]) -> str:
    return data.token


@post("/change", guards=[need("dispatcher")], sync_to_thread=False)
def change() -> str:
    return "changed"


class TokenDoor:
    def caller(self, headers: dict[str, str], method: str, address: str) -> Caller:
        role = {"Bearer v": "viewer", "Bearer d": "dispatcher"}.get(headers.get("authorization", ""))
        if role is None:
            raise NotSignedIn("no valid token came with the request")
        return Caller(role, "someone")  # type: ignore[arg-type]


def application(folder: Path, door: OpenDoor | TokenDoor) -> Gate:
    app = Litestar(
        [unwell, count, choice, body, change, *page_handlers(folder)], exception_handlers=HANDLERS, openapi_config=None
    )
    return Gate(app, door)


@pytest.fixture(scope="module")
def open_url(tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    folder = tmp_path_factory.mktemp("pages")
    (folder / "assets").mkdir()
    (folder / "index.html").write_text("<!doctype html><title>built</title>")
    (folder / "assets" / "main-abc.js").write_text("export {}")
    with running(application(folder, OpenDoor())) as url:
        yield url


def test_every_answer_carries_the_safe_headers(open_url: str) -> None:
    for path in ("/", "/nowhere", "/count?number=1", "/pages/assets/main-abc.js"):
        headers = httpx.get(open_url + path, timeout=30).headers
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "'unsafe-inline'" not in headers["content-security-policy"].split("style-src-attr")[0]
        assert headers["x-content-type-options"] == "nosniff"
        assert "server" not in headers


def test_a_monitor_may_ask_for_the_head_of_a_page(open_url: str) -> None:
    for path in ("/", "/pages/assets/main-abc.js", "/pages/nowhere.js"):
        whole, head = httpx.get(open_url + path, timeout=30), httpx.head(open_url + path, timeout=30)
        assert (head.status_code, head.content) == (whole.status_code, b"")
        assert whole.headers["content-type"].count("charset") <= 1
        for name in ("content-length", "content-type", "content-security-policy", "etag"):
            assert head.headers.get(name) == whole.headers.get(name)
    assert httpx.head(f"{open_url}/count?number=1", timeout=30).status_code == 405  # no monitor's


def test_errors_say_what_is_wrong_and_keep_the_inside_to_themselves(
    open_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    for path, status, retryable in (("input", 400, False), ("busy", 503, True), ("bug", 500, False)):
        answer = httpx.get(f"{open_url}/unwell?kind={path}", timeout=30)
        assert (answer.status_code, answer.json()["retryable"]) == (status, retryable)
        assert set(answer.json()) >= {"error", "hint", "retryable"}
        assert "secret" not in answer.text
    assert httpx.get(f"{open_url}/unwell?kind=busy", timeout=30).headers["retry-after"]
    slow = httpx.get(f"{open_url}/unwell?kind=slow", timeout=30)
    assert (slow.status_code, slow.headers["retry-after"]) == (429, "2")  # not before: 1 would be told again
    wrong = httpx.get(f"{open_url}/count?number=x", timeout=30)
    assert (wrong.status_code, wrong.json()["field"]) == (400, "number")
    kind = httpx.get(f"{open_url}/choice?kind=c", timeout=30).json()
    assert (kind["error"], kind["field"]) == ("kind: Invalid enum value 'c': one of a, b", "kind")
    for sent, field, error in (
        (b"", "body", "body: is missing"),
        (b"{}", "token", "token: is missing"),
        (b'{"token": 5}', "token", "token: Expected `str`, got `int`"),
        (b"[]", "body", "body: Expected `object`, got `array`"),
    ):
        answer = httpx.post(
            f"{open_url}/body", content=sent, headers={"Content-Type": "application/json"}, timeout=30
        ).json()
        assert (answer["field"], answer["error"]) == (field, error)
    assert httpx.get(f"{open_url}/nowhere", timeout=30).json()["hint"]
    assert httpx.put(f"{open_url}/change", timeout=30).status_code == 405


def test_open_server_answers_to_this_machine_only_and_takes_changes_from_its_own_pages(open_url: str) -> None:
    assert httpx.get(f"{open_url}/count?number=1", headers={"Host": "evil.example"}, timeout=30).status_code == 403
    assert httpx.post(f"{open_url}/change", timeout=30).status_code == 201
    assert httpx.post(f"{open_url}/change", headers={"Origin": open_url}, timeout=30).status_code == 201
    for headers in ({"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
        assert httpx.post(f"{open_url}/change", headers=headers, timeout=30).status_code == 403


def test_roles_decide_who_may_change_something(tmp_path: Path) -> None:
    with running(application(tmp_path, TokenDoor())) as url:
        assert httpx.post(f"{url}/change", timeout=30).status_code == 401
        assert httpx.post(f"{url}/change", timeout=30).headers["www-authenticate"] == "Bearer"
        assert httpx.post(f"{url}/change", headers={"Authorization": "Bearer v"}, timeout=30).status_code == 403
        assert httpx.post(f"{url}/change", headers={"Authorization": "Bearer d"}, timeout=30).status_code == 201
        # Without built pages the index says how to build them.
        page = httpx.get(url, headers={"Authorization": "Bearer v"}, timeout=30)
        assert "scripts/pages.sh" in page.text


def test_built_files_are_kept_and_the_index_is_asked_for_again(open_url: str) -> None:
    assert "built" in httpx.get(open_url, timeout=30).text
    assert httpx.get(open_url, timeout=30).headers["cache-control"] == "no-cache"
    assert "immutable" in httpx.get(f"{open_url}/pages/assets/main-abc.js", timeout=30).headers["cache-control"]
    assert httpx.get(f"{open_url}/pages/../secret", timeout=30).status_code == 404
    assert httpx.get(f"{open_url}/pages/%2e%2e/%2e%2e/etc/passwd", timeout=30).status_code == 404


def test_an_address_that_cannot_be_had_is_said_in_words() -> None:
    with listen("127.0.0.1", 0) as taken, pytest.raises(InvalidSetting, match="cannot listen") as error:
        listen("127.0.0.1", taken.getsockname()[1])
    assert "--port" in error.value.hint
    with pytest.raises(InvalidSetting, match="--host"):
        listen("no.such.host.invalid", 0)
    assert is_loopback("127.0.0.1")
    assert not is_loopback("0.0.0.0")
