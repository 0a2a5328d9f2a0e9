"""What is held about a person as a plain text in bokmål, for the person's own hand."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

_CONTROLLERS: Final = {
    "health": "kommunens helsetjeneste",
    "correctional": "kriminalomsorgen",
}
_HEADINGS: Final = {
    "person": "Hvem du er",
    "kept_as_hashes": "Kjennetegn som bare er lagret som en kode (kan ikke leses)",
    "cases": "Sakene dine",
    "erasures": "Slettinger",
}
_WIDTH: Final = 2


def written(held: dict[str, Any]) -> str:
    """The whole text; codes stay codes, with a line that says so."""
    lines = [
        "Innsyn: alt Overlev har lagret om deg, og hvem som har sett på det.",
        f"Fra: {_CONTROLLERS[held['controller']]}. Tidspunkt: {held['asked_at']}.",
        "Små ord med understrek er koder slik de står i systemet.",
        "Er noe feil, eller vil du ha noe slettet: si fra til den som ga deg dette arket.",
        "",
    ]
    for name, heading in _HEADINGS.items():
        lines += [heading, "=" * len(heading)]
        lines += list(_told(held[name], 0)) or ["(ingenting)"]
        lines.append("")
    return "\n".join(lines)


def _told(value: Any, depth: int) -> Iterator[str]:
    """A value as indented lines: names to the left, lists with a dash."""
    space = " " * (_WIDTH * depth)
    if isinstance(value, dict):
        for name, inner in value.items():
            if isinstance(inner, (dict, list)):
                if inner:
                    yield f"{space}{name}:"
                    yield from _told(inner, depth + 1)
            elif inner is not None:
                yield f"{space}{name}: {_word(inner)}"
    elif isinstance(value, list):
        for each in value:
            inside = list(_told(each, depth + 1))
            if inside:
                yield f"{space}- {inside[0].strip()}"
                yield from inside[1:]
    else:
        yield f"{space}{_word(value)}"


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return "ja" if value else "nei"
    return " ".join(str(value).split())
