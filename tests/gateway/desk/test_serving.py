"""The page's files: what a browser gets, asks for again, and may do with them."""

from __future__ import annotations

from pathlib import Path

from gateway.desk.serving import Page
from tests.gateway.desk.at_desk import at_desk


async def test_the_shell_its_views_and_its_files(tmp_path: Path) -> None:
    odds = at_desk(tmp_path)
    async with odds.client:
        shell = await odds.get("/desk")
        assert (shell.status_code, shell.headers["content-type"]) == (200, "text/html; charset=utf-8")
        for path in ("/desk/", "/desk/location", "/desk/board/football.nfl", "/desk/line/M1"):
            assert (await odds.get(path)).content == shell.content
        script = await odds.get("/desk/page/main.js")
        assert (script.status_code, script.headers["content-type"]) == (200, "text/javascript; charset=utf-8")
        again = await odds.get("/desk", if_none_match=shell.headers["etag"])
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["content-security-policy"] == shell.headers["content-security-policy"]
        for path in (
            "/desk/main.js",
            "/desk/page/none.js",
            "/desk/page/..%2fserving.py",
            "/desk/%2e%2e/serving.py",
            "/desk/A",
        ):
            assert (await odds.get(path)).json()["code"] == "no_such_route"
        assert (await odds.client.post("/desk")).status_code == 405


async def test_what_a_browser_may_do_with_them(tmp_path: Path) -> None:
    odds = at_desk(tmp_path)
    async with odds.client:
        headers = (await odds.get("/desk")).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-cache"


def test_the_policy_has_the_shards_and_nothing_that_could_end_it() -> None:
    page = Page(
        lambda: [
            "ws://127.0.0.1:8100/v1/stream",
            "wss://s2.odds.example/v1/stream",
            "wss://s2.odds.example/v1/stream",
            "wss://a;script-src *",
            "https://elsewhere.example",
            "wss://b c/v1",
        ],
        ("wss://*.odds.example", "*", "wss:"),
    )
    [connect] = [part for part in page.policy().split("; ") if part.startswith("connect-src")]
    assert connect == "connect-src 'self' wss://*.odds.example ws://127.0.0.1:8100 wss://s2.odds.example"
