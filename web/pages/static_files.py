"""Public files of the pages: style, script, fonts. Read once, compressed once, kept by browsers.

An address carries the digest of its file, so a browser keeps it for a year and still gets every
new one at once. Only what lies in `web/static` at the start is there to be asked for.
"""

from __future__ import annotations

import gzip
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from fastapi import Request, Response
from starlette.exceptions import HTTPException

from web.policy import Router, public

_FOLDER: Final = Path(__file__).resolve().parent.parent / "static"
_TYPES: Final = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".woff2": "font/woff2",
    ".svg": "image/svg+xml",
}
_FOR_EVER: Final = "public, max-age=31536000, immutable"
_FOR_NOW: Final = "public, no-cache"

router: Final = Router(include_in_schema=False)


@dataclass(frozen=True, slots=True)
class Public:
    """One file as it is sent; `packed` where packing helps."""

    body: bytes
    packed: bytes | None
    media_type: str
    digest: str


@lru_cache(maxsize=1)
def _all() -> dict[str, Public]:
    found: dict[str, Public] = {}
    for path in sorted(_FOLDER.rglob("*")):
        kind = _TYPES.get(path.suffix)
        if kind is None or not path.is_file():
            continue
        body = path.read_bytes()
        packed = gzip.compress(body, 9, mtime=0) if path.suffix != ".woff2" else None
        digest = sha256(body).hexdigest()[:12]
        found[path.name] = Public(body, packed, kind, digest)
    return found


def address_of(name: str) -> str:
    """Where a browser finds a file, with its digest."""
    known = _all().get(name)
    return f"/static/{name}?v={known.digest}" if known is not None else f"/static/{name}"


@router.get("/static/{name}")
@public()
def static_file(request: Request, name: str) -> Response:
    """One public file."""
    known = _all().get(name)
    if known is None:
        raise HTTPException(404)
    fits = request.query_params.get("v") == known.digest
    headers = {
        "Cache-Control": _FOR_EVER if fits else _FOR_NOW,
        "ETag": f'"{known.digest}"',
        "Vary": "Accept-Encoding",
    }
    if request.headers.get("if-none-match") == headers["ETag"]:
        return Response(None, 304, headers)
    packed = known.packed if "gzip" in request.headers.get("accept-encoding", "") else None
    if packed is not None:
        headers["Content-Encoding"] = "gzip"
    return Response(packed or known.body, 200, headers, known.media_type)
