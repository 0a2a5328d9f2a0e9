"""The text of a package file: tables read key by key, every complaint with file and line.

TOML says what is in a file but not where it stood; a small scan for the table headers finds the
line again. What a package means is the business of `cases.package`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Final, TypeVar

from core.errors import BadInput

_Code = TypeVar("_Code", bound=StrEnum)
_Kind = TypeVar("_Kind")

_HEADER: Final = re.compile(r"\s*\[\s*([A-Za-z0-9_.\- ]+?)\s*\]\s*(#.*)?")


class PackageError(BadInput):
    """A package file breaks a rule; the detail begins with file and line."""

    message_key = "error.package"


class Source:
    """The text of a package file, to find the line that a complaint is about."""

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
        self.lines = text.splitlines()
        self.headers: dict[str, int] = {}
        self.repeated: tuple[str, int] | None = None
        for number, line in enumerate(self.lines, start=1):
            found = _HEADER.fullmatch(line)
            if found is None:
                continue
            header = found[1].replace(" ", "")
            if header not in self.headers:
                self.headers[header] = number
            elif self.repeated is None:
                self.repeated = (header, number)

    def content(self) -> dict[str, object]:
        """What the file holds. Raises `PackageError` where it is not TOML or repeats a table."""
        if self.repeated is not None:
            header, line = self.repeated
            raise self.fault("duplicate", line, f"{_spoken(header)}: declared twice")
        try:
            return tomllib.loads(self.text)
        except tomllib.TOMLDecodeError as unreadable:
            found = re.search(r"at line ([0-9]+)", str(unreadable))
            line = int(found[1]) if found else len(self.lines)
            raise self.fault("not_toml", line, f"is not TOML: {unreadable}") from unreadable

    def line_of(self, header: str, key: str | None) -> int:
        """The line of `key` in the table `header` ("" = top of the file), else of the header."""
        if not header and key in self.headers:
            return self.headers[key]
        start = self.headers.get(header, 0)
        if key is not None:
            for number, line in enumerate(self.lines[start:], start=start + 1):
                if _HEADER.fullmatch(line) is not None:
                    break
                if re.match(rf"\s*{re.escape(key)}\s*[=.]", line) is not None:
                    return number
        return start or 1

    def fault(self, reason: str, line: int, detail: str, key: str | None = None) -> PackageError:
        return PackageError(reason, f"{self.name}:{line}: {detail}", key)


def source_of(source: Path | str, name: str) -> Source:
    """The text of a file, or the text itself under a name. Raises `PackageError`."""
    if isinstance(source, str):
        return Source(name, source)
    try:
        return Source(source.name, source.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as unreadable:
        raise PackageError(
            "unreadable", f"{source.name}: cannot be read: it must be a text file in UTF-8"
        ) from unreadable


class Table:
    """One table of the file. What is asked for is taken out; what is left over is unknown."""

    def __init__(self, source: Source, header: str, content: Mapping[str, object]) -> None:
        self.source = source
        self.header = header
        self.left = dict(content)

    def fault(self, reason: str, detail: str, key: str | None = None) -> PackageError:
        what = _spoken(self.header)
        line = self.source.line_of(self.header, key)
        return self.source.fault(reason, line, f"{what}: {detail}" if what else detail, key)

    def take(self, key: str, kind: type[_Kind], default: _Kind | None = None) -> _Kind:
        if key not in self.left:
            if default is None:
                raise self.fault("missing_key", f"{key} is missing")
            return default
        value = self.left.pop(key)
        # TOML's true is no number, though Python thinks so.
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            names = {str: "a text", int: "a whole number", bool: "true or false", list: "a list"}
            raise self.fault("wrong_type", f"{key} must be {names.get(kind, 'a table')}", key)
        return value

    def code(self, key: str, codes: type[_Code]) -> _Code:
        return self.as_code(key, self.take(key, str), codes)

    def codes(self, key: str, codes: type[_Code]) -> tuple[str, ...]:
        found = [self.as_code(key, text, codes).value for text in self.texts(key, [])]
        if len(set(found)) < len(found):
            raise self.fault("unknown_value", f"{key} names a code twice", key)
        return tuple(found)

    def texts(self, key: str, default: list[object] | None = None) -> list[str]:
        values = self.take(key, list, default)
        texts = [value for value in values if isinstance(value, str)]
        if len(texts) < len(values):
            raise self.fault("wrong_type", f"{key} must be a list of texts", key)
        return texts

    def read(self, key: str, reader: Callable[[str], _Kind], text: str | None = None) -> _Kind:
        try:
            return reader(self.take(key, str) if text is None else text)
        except ValueError as unreadable:
            raise self.fault("bad_offset", f"{key}: {unreadable}", key) from unreadable

    def end(self) -> None:
        for key in self.left:
            raise self.fault("unknown_key", f"{key} is not a key of this table", key)

    def as_code(self, key: str, text: str, codes: type[_Code]) -> _Code:
        try:
            return codes(text)
        except ValueError:
            known = ", ".join(code.value for code in codes)
            raise self.fault(
                "unknown_value", f'{key} must be one of {known}, not "{text}"', key
            ) from None


def _spoken(header: str) -> str:
    return header.replace(".", " ", 1)
