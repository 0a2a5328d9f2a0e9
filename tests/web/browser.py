"""A browser without a screen: cookies, forms with their hidden fields, redirects followed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import urlencode, urljoin

import httpx
from fastapi import FastAPI

ADDRESS = "http://127.0.0.1:8000"
_FORM = re.compile(r"<form\b([^>]*)>(.*?)</form>", re.DOTALL)
_HIDDEN = re.compile(r'<input type="hidden" name="([^"]+)" value="([^"]*)">')
_ACTION = re.compile(r'action="([^"]*)"')


@dataclass(slots=True)
class Page:
    """What came back, after redirects."""

    status: int
    url: str
    text: str
    headers: httpx.Headers
    way: list[str] = field(default_factory=list)

    def hidden(self, action: str) -> dict[str, str]:
        """The hidden fields of the first form that is sent to this address."""
        for attributes, inside in _FORM.findall(self.text):
            found = _ACTION.search(attributes)
            if found and unescape(found[1]) == action and 'method="post"' in attributes:
                return {unescape(name): unescape(value) for name, value in _HIDDEN.findall(inside)}
        raise AssertionError(f"no form for {action} on {self.url} ({self.status})")


@dataclass(slots=True)
class Browser:
    """One browser, which has its own cookies."""

    app: FastAPI
    cookies: httpx.Cookies = field(default_factory=httpx.Cookies)
    headers: dict[str, str] = field(default_factory=dict)
    last: Page | None = None
    address: str = "127.0.0.1"

    def get(self, path: str, *, follow: bool = True) -> Page:
        """Look at a page."""
        return self._ask("GET", path, None, follow=follow)

    def post(
        self,
        path: str,
        values: Mapping[str, str] | Sequence[tuple[str, str]] = (),
        *,
        follow: bool = True,
        origin: str | None = ADDRESS,
    ) -> Page:
        """Send a form as it is given, with nothing added."""
        pairs = list(values.items()) if isinstance(values, Mapping) else list(values)
        return self._ask("POST", path, pairs, follow=follow, origin=origin)

    def send(self, action: str, values: Mapping[str, str] | Sequence[tuple[str, str]] = ()) -> Page:
        """Fill in the form of the page last seen, its hidden fields with it, and send it."""
        assert self.last is not None
        pairs = list(values.items()) if isinstance(values, Mapping) else list(values)
        named = {name for name, _ in pairs}
        hidden = [pair for pair in self.last.hidden(action).items() if pair[0] not in named]
        return self.post(action, [*hidden, *pairs])

    def sign_in(self, username: str, password: str) -> Page:
        """Sign in by the form."""
        self.get("/sign-in")
        return self.send("/sign-in", {"username": username, "password": password})

    def _ask(
        self,
        method: str,
        path: str,
        pairs: list[tuple[str, str]] | None,
        *,
        follow: bool,
        origin: str | None = None,
    ) -> Page:
        headers = dict(self.headers)
        if pairs is not None:
            headers["content-type"] = "application/x-www-form-urlencoded"
            if origin is not None:
                headers["origin"] = origin
                if self.last is not None:
                    headers.setdefault("referer", ADDRESS + self.last.url)
        body = urlencode(pairs) if pairs is not None else None
        return asyncio.run(self._go(method, path, body, headers, follow=follow))

    async def _go(
        self, method: str, path: str, body: str | None, headers: dict[str, str], *, follow: bool
    ) -> Page:
        transport = httpx.ASGITransport(
            self.app, raise_app_exceptions=True, client=(self.address, 123)
        )
        way = []
        async with httpx.AsyncClient(
            transport=transport, base_url=ADDRESS, cookies=self.cookies
        ) as client:
            answer = await client.request(method, path, content=body, headers=headers)
            while follow and answer.is_redirect:
                way.append(answer.headers["location"])
                target = urljoin(str(answer.url), answer.headers["location"])
                answer = await client.get(target, headers=self.headers)
            self.cookies = client.cookies
        page = Page(answer.status_code, answer.url.raw_path.decode(), answer.text, answer.headers)
        page.way = way
        self.last = page
        return page
