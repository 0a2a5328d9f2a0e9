"""What the cells of a roster can mean: dates, kinds of release, languages, protection. Pure.

Everything is forgiving about writing and strict about meaning: a word that is not known is `None`,
never a guess.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, time
from enum import StrEnum
from functools import lru_cache
from typing import Final

from cases.roster_columns import matching_key
from core.clock import EARLIEST_YEAR, LATEST_YEAR, local

__all__ = [
    "CATEGORIES",
    "KINDS",
    "LANGUAGES",
    "PROTECTIONS",
    "DateFault",
    "Moment",
    "clean",
    "in_ascii_digits",
    "language_of",
    "latest_birth_year",
    "read_moment",
]

# --- text --------------------------------------------------------------------------------------

# Line and paragraph separators and the marks that turn the direction of the text around them
# (they make a name show as another) count as control characters.
_UNSEEN: Final = re.compile("[\u200b\u2060\ufeff\u00ad]")
_CONTROL: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


def clean(text: str) -> tuple[str, bool]:
    """`text` in composed letters with plain single spaces, and whether it held a control character.

    A control character becomes a space. Zero-width joiners stay: Persian names need them.
    """
    if text.isprintable() and text.isascii():
        return text, False
    spaced, controls = _CONTROL.subn(" ", _UNSEEN.sub("", text))
    return " ".join(unicodedata.normalize("NFC", spaced).split()), controls > 0


def in_ascii_digits(text: str) -> str:
    """`text` with full-width forms folded and the decimal digits of any script written 0-9."""
    if text.isascii():
        return text
    return "".join(
        character if character.isascii() else str(unicodedata.decimal(character, character))
        for character in unicodedata.normalize("NFKC", text)
    )


# --- dates -------------------------------------------------------------------------------------


class DateFault(StrEnum):
    """Why a text is no date; the values are reasons in the answer of an import."""

    IMPOSSIBLE = "date_impossible"
    OUT_OF_REACH = "date_out_of_reach"


@dataclass(frozen=True, slots=True)
class Moment:
    """A local date, with the local wall-clock time where the file gives one (Europe/Oslo)."""

    on: date
    clock: time | None = None


_CLOCK: Final = (
    r"(?:(?:\s*,?\s*kl\.?\s*|\s*T\s*|\s+)"
    r"(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?:[:.](?P<second>\d{2})(?:[.,]\d{1,9})?)?)?"
)
_NORWEGIAN: Final = re.compile(
    r"(?P<day>\d{1,2})\s*\.\s*(?P<month>\d{1,2})\s*\.\s*(?P<year>\d{4}|\d{2})" + _CLOCK,
    re.ASCII | re.IGNORECASE,
)
_ISO: Final = re.compile(
    r"(?P<year>\d{4})-(?P<month>\d{1,2})-(?P<day>\d{1,2})"
    + _CLOCK
    + r"(?P<zone>\s*Z|[+-]\d\d:?\d\d)?",
    re.ASCII | re.IGNORECASE,
)
# POSIX: 69-99 are the 1900s. Only births look further back, and they pass their own limit.
LATEST_SHORT_YEAR: Final = 2068
# Nobody younger than this is in prison (the age of criminal responsibility in Norway).
YOUNGEST: Final = 15


def latest_birth_year(now: datetime) -> int:
    """The latest year that a birth year of two digits can mean."""
    return local(now).year - YOUNGEST


def read_moment(text: str, latest_short_year: int = LATEST_SHORT_YEAR) -> Moment | DateFault:
    """Read `dd.mm.yyyy`, `d.m.yy` or ISO, with or without a clock time (`10:00`, `kl. 10.00`).

    A year of two digits is the last one with these digits that is not after `latest_short_year`.
    A time with an offset is turned into Norwegian time. Years before 1900 and after 2100 are out
    of reach.
    """
    if len(text) > _LONGEST_MOMENT:
        return DateFault.IMPOSSIBLE
    return _read_moment(text, latest_short_year)


# Rosters say the same dates over and over; what is remembered is bounded in number and length.
_LONGEST_MOMENT: Final = 60


@lru_cache(maxsize=16_384)
def _read_moment(text: str, latest_short_year: int) -> Moment | DateFault:
    written = in_ascii_digits(text).strip()
    found = _NORWEGIAN.fullmatch(written) or _ISO.fullmatch(written)
    if found is None:
        return DateFault.IMPOSSIBLE
    year = int(found["year"])
    if len(found["year"]) == 2:
        year = latest_short_year - (latest_short_year - year) % 100
    if not EARLIEST_YEAR <= year <= LATEST_YEAR:
        return DateFault.OUT_OF_REACH
    try:
        on = date(year, int(found["month"]), int(found["day"]))
        if found["hour"] is None:
            # An offset means nothing without a clock time.
            return DateFault.IMPOSSIBLE if found.groupdict().get("zone") else Moment(on)
        clock = time(int(found["hour"]), int(found["minute"]), int(found["second"] or 0))
        zone = found.groupdict().get("zone")
        if zone:
            read = datetime.fromisoformat(
                f"{on.isoformat()}T{clock.isoformat()}{zone.strip().upper()}"
            )
            there = local(read)
            return Moment(there.date(), there.time())
    except (ValueError, OverflowError):
        return DateFault.IMPOSSIBLE
    return Moment(on, clock)


# --- words -------------------------------------------------------------------------------------


def _words(table: dict[str, str]) -> dict[str, str]:
    """Code -> ways of writing it, separated by `|`, turned into key -> code."""
    return {
        matching_key(word): code
        for code, words in table.items()
        for word in (code, *words.split("|"))
    }


# Values of `ReleaseKind`.
KINDS: Final = _words(
    {
        "confirmed": "bekreftet|bekrefta|bekreftet dato|stadfesta",
        "parole": "prøveløslatelse|prøveløslatt|prøvelauslating|på prøve",
        "home_detention": "hjemmesoning|heimesoning|hjemmesoning med elektronisk kontroll",
        "two_thirds": "to tredjedeler|to tredjedels tid|to tredeler|2/3|2/3 tid|2/3-tid",
        "full_term": "full tid|fulltid|endt tid|endt straff|heile tida",
    }
)

CATEGORIES: Final = _words(
    {
        "dom": "dommer|straff|fengselsstraff|soning|forvaring|sentence|sentenced",
        "varetekt": "varetektsinnsatt|varetektsfengsling|varetektsfengslet|remand",
        "bot": "bøter|bøtesoning|botesoning|subsidiær fengselsstraff|fine",
    }
)

# The four grades of address protection; "UGRADERT" says that there is none.
PROTECTIONS: Final = _words(
    {
        "UGRADERT": "ingen|nei|ikke gradert|ungraded",
        "FORTROLIG": "kode 7|7|fortrolig adresse|fortrolig (kode 7)|fortruleg",
        "STRENGT_FORTROLIG": "kode 6|6|strengt fortrolig adresse|strengt fortrolig (kode 6)"
        "|strengt fortruleg",
        "STRENGT_FORTROLIG_UTLAND": "kode 6 utland|kode 19|19|strengt fortrolig adresse utland"
        "|strengt fortruleg utland",
    }
)

# ISO 639-1, with the two Sámi languages of Norway that only have codes of three letters.
_CODES: Final = (
    "aa ab ae af ak am an ar as av ay az ba be bg bi bm bn bo br bs ca ce ch co cs cu cv cy da de"
    " dv dz ee el en eo es et eu fa ff fi fj fo fr fy ga gd gl gn gu gv ha he hi ho hr ht hu hy hz"
    " ia id ie ig ii ik io is it iu ja jv ka kg ki kj kk kl km kn ko kr ks ku kv kw ky la lb lg li"
    " ln lo lt lu lv mg mh mi mk ml mn mr ms mt my na nb nd ne ng nl nn nr nv ny oc oj om or os pa"
    " pi pl ps pt qu rm rn ro ru rw sa sc sd se sg si sk sl sm sn so sq sr ss st su sv sw ta te tg"
    " th ti tk tl tn to tr ts tt tw ty ug uk ur uz ve vi vo wa wo xh yi yo za zh zu sma smj"
)
LANGUAGES: Final = _words(
    dict.fromkeys(_CODES.split(), "")
    | {
        "nb": "no|norsk|bokmål|norsk bokmål|norwegian",
        "nn": "nynorsk|norsk nynorsk",
        "se": "samisk|nordsamisk|davvisámegiella",
        "sma": "sørsamisk",
        "smj": "lulesamisk",
        "en": "engelsk|english",
        "sv": "svensk",
        "da": "dansk",
        "fi": "finsk",
        "is": "islandsk",
        "pl": "polsk|polski",
        "lt": "litauisk",
        "lv": "latvisk",
        "et": "estisk",
        "ro": "rumensk",
        "bg": "bulgarsk",
        "hu": "ungarsk",
        "cs": "tsjekkisk",
        "sk": "slovakisk",
        "uk": "ukrainsk",
        "ru": "russisk",
        "de": "tysk",
        "nl": "nederlandsk",
        "fr": "fransk",
        "es": "spansk",
        "pt": "portugisisk",
        "it": "italiensk",
        "el": "gresk",
        "tr": "tyrkisk",
        "ku": "kurdisk|ckb|kmr|sorani|kurmanji",
        "ar": "arabisk",
        "fa": "persisk|farsi|dari|prs",
        "ps": "pashto|pasjto",
        "ur": "urdu",
        "pa": "punjabi|panjabi",
        "hi": "hindi",
        "bn": "bengali",
        "ta": "tamil",
        "so": "somali|somalisk",
        "ti": "tigrinja|tigrinya",
        "am": "amharisk",
        "om": "oromo",
        "sw": "swahili",
        "sq": "albansk",
        "bs": "bosnisk",
        "hr": "kroatisk",
        "sr": "serbisk",
        "mk": "makedonsk",
        "sl": "slovensk",
        "vi": "vietnamesisk",
        "th": "thai",
        "zh": "kinesisk|mandarin",
        "tl": "tagalog|filippinsk|fil",
        "he": "hebraisk",
        "ka": "georgisk",
        "hy": "armensk",
    }
)
LANGUAGES.pop("", None)

# "nb-NO", "en_GB": a language with its country.
_WITH_COUNTRY: Final = re.compile(r"([A-Za-z]{2,3})[-_][A-Za-z]{2,4}")


def language_of(text: str) -> str | None:
    """The code of a language, given as code, code with country, or Norwegian name."""
    code = LANGUAGES.get(matching_key(text))
    if code is None and (found := _WITH_COUNTRY.fullmatch(text)) is not None:
        code = LANGUAGES.get(found[1].lower())
    return code
