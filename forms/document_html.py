"""A form as an accessible page: the same content as on paper, to be read by anybody.

The page stands alone and has no script. With `stylesheet` it names that address, which a strict
content policy asks for; without, its few rules stand in it. `body` gives the content alone, for a
page that has a layout of its own.
"""

from __future__ import annotations

from functools import singledispatch
from html import escape
from itertools import count
from typing import Final

from forms.document import (
    Bullets,
    Chart,
    Document,
    Fields,
    Heading,
    Paragraph,
    Signatures,
    Table,
    Ticks,
)
from forms.setting import clean
from forms.texts import DRAFT

STYLE: Final = """
body { font: 1.0625rem/1.5 Inter, "Noto Sans", "Noto Naskh Arabic", sans-serif; color: #1a1a1a;
  background: #fff; margin: 0 auto; max-width: 50rem; padding: 1rem; }
h1 { line-height: 1.2; }
.form-draft { border: 2px solid #8a1c1c; color: #8a1c1c; padding: .25rem .75rem; font-weight: 700;
  display: inline-block; }
table { border-collapse: collapse; width: 100%; } caption { text-align: start; font-weight: 700; }
th, td { border: 1px solid #767676; padding: .25rem .5rem; text-align: start; vertical-align: top; }
th { background: #ebebeb; } .form-number { text-align: end; }
dt { font-weight: 700; } dd { margin: 0 0 .5rem; min-height: 1.5rem; }
.form-blank, .form-sign { border-bottom: 1px solid #1a1a1a; display: block; min-height: 2rem;
  max-width: 30rem; }
.form-ticks { list-style: none; padding: 0; }
.form-box { border: 1px solid #1a1a1a; display: inline-block; height: 1em; width: 1em;
  margin-inline-end: .5rem; vertical-align: -.1em; }
.form-scroll { overflow-x: auto; } img { max-width: 100%; }
"""


def document_html(form: Document, *, stylesheet: str | None = None) -> str:
    """The whole page."""
    said = form.words
    style = (
        f"<style>{STYLE}</style>"
        if stylesheet is None
        else f'<link rel="stylesheet" href="{escape(stylesheet)}">'
    )
    return (
        f'<!doctype html>\n<html lang="{said.language}" dir="{"rtl" if said.rtl else "ltr"}">\n'
        '<head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{_said(form.title)}</title>{style}</head>\n"
        f"<body><main>\n{body(form)}\n</main></body>\n</html>\n"
    )


def body(form: Document) -> str:
    """The content, beginning with the heading of the form."""
    parts = [f"<h1>{_said(form.title)}</h1>"]
    if form.words.draft:
        parts.append(f'<p class="form-draft">{DRAFT}</p>')
    parts += [f"<p><strong>{_said(note)}</strong></p>" for note in form.notes]
    numbers = count(1)
    parts += [_html(block, next(numbers)) for block in form.blocks]
    if form.footer:
        parts.append(f"<p>{_said(form.footer)}</p>")
    return "\n".join(parts)


def _said(text: str) -> str:
    return escape(clean(text))


def _own(text: str) -> str:
    """A value from the data, which keeps its own direction within the page's."""
    return f"<bdi>{_said(text)}</bdi>"


def _cell(text: str, *, strong: bool) -> str:
    if not clean(text):
        return ""
    return f"<strong>{_own(text)}</strong>" if strong else _own(text)


@singledispatch
def _html(block: object, number: int) -> str:
    raise TypeError(f"no such block: {type(block).__name__} ({number})")


@_html.register
def _(block: Heading, number: int) -> str:
    del number
    return f"<h2>{_said(block.text)}</h2>"


@_html.register
def _(block: Paragraph, number: int) -> str:
    del number
    said = _said(block.text)
    return f"<p><strong>{said}</strong></p>" if block.strong else f"<p>{said}</p>"


@_html.register
def _(block: Bullets, number: int) -> str:
    del number
    return "<ul>" + "".join(f"<li>{_said(text)}</li>" for text in block.texts) + "</ul>"


@_html.register
def _(block: Fields, number: int) -> str:
    del number
    pairs = "".join(
        f"<dt>{_said(label)}</dt><dd>"
        + (_own(value) if clean(value) else '<span class="form-blank"></span>')
        + "</dd>"
        for label, value in block.pairs
    )
    return f"<dl>{pairs}</dl>"


@_html.register
def _(block: Ticks, number: int) -> str:
    choices = "".join(
        f'<li><span class="form-box" aria-hidden="true"></span>{_said(choice)}</li>'
        for choice in block.choices
    )
    if not block.label:
        return f'<ul class="form-ticks">{choices}</ul>'
    return (
        f'<p id="form-{number}"><strong>{_said(block.label)}</strong></p>'
        f'<ul class="form-ticks" aria-labelledby="form-{number}">{choices}</ul>'
    )


@_html.register
def _(block: Signatures, number: int) -> str:
    del number
    return "".join(
        f'<p><span class="form-sign"></span>{_said(label)}</p>' for label in block.labels
    )


@_html.register
def _(block: Chart, number: int) -> str:
    del number
    from base64 import b64encode  # noqa: PLC0415 - only reports have charts

    source = b64encode(block.svg).decode("ascii")
    return (
        f'<figure><img src="data:image/svg+xml;base64,{source}" alt="{_said(block.says)}">'
        f"<figcaption>{_said(block.says)}</figcaption></figure>"
    )


@_html.register
def _(block: Table, number: int) -> str:
    def classes(column: int) -> str:
        return ' class="form-number"' if column in block.numbers else ""

    head = "".join(
        f'<th scope="col"{classes(column)}>{_said(text)}</th>'
        for column, text in enumerate(block.head)
    )
    rows = "".join(
        "<tr>"
        + "".join(
            f"<td{classes(column)}>{_cell(text, strong=at in block.strong)}</td>"
            for column, text in enumerate(row)
        )
        + "</tr>"
        for at, row in enumerate((*block.rows, *[("",) * len(block.head)] * block.empty))
    )
    return (
        f'<div class="form-scroll" role="region" tabindex="0" aria-labelledby="form-{number}">'
        f'<table><caption id="form-{number}">{_said(block.caption)}</caption>'
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    )
