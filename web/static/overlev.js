// Small comforts. Everything works without them.
(() => {
  "use strict";
  const closeOthers = (kept) => {
    for (const open of document.querySelectorAll("details.choose[open], details.who[open]")) {
      if (open !== kept) open.removeAttribute("open");
    }
  };
  document.addEventListener("click", (event) => closeOthers(event.target.closest("details")));
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    const open = event.target.closest("details.choose[open], details.who[open]");
    if (open) {
      open.removeAttribute("open");
      open.querySelector("summary").focus();
    }
  });
  // Tick all of a list.
  document.addEventListener("change", (event) => {
    if (!event.target.matches("[data-all]")) return;
    for (const box of event.target.form.querySelectorAll("input[name=pick]")) {
      box.checked = event.target.checked;
    }
  });
  // A chosen file tells when it was made: a list older than the last one is asked about.
  document.addEventListener("change", (event) => {
    const made = event.target.matches("input[type=file]") && event.target.form && event.target.form.elements.made;
    if (made) made.value = event.target.files.length ? event.target.files[0].lastModified : "";
  });
  // From person to person, or task to task, with the arrow keys.
  document.addEventListener("keydown", (event) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    const here = event.target.closest(".people > .person");
    if (!step || !here || event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    if (event.target.closest(".panel") || event.target.matches("input:not([type=checkbox]), select")) return;
    const all = [...document.querySelectorAll(".people > .person")];
    const next = all[all.indexOf(here) + step];
    if (!next) return;
    event.preventDefault();
    const stop = next.querySelector(".acts button, .acts summary, .acts a") || next.querySelector("a, input");
    if (!stop) return;
    next.scrollIntoView({ block: "nearest" });
    stop.focus({ preventScroll: true });
  });
  // What is typed into a field chooses what the field belongs to; choosing otherwise empties it.
  document.addEventListener("input", (event) => {
    if (!event.target.matches("[data-chooses]") || !event.target.value) return;
    const chosen = document.getElementById(event.target.dataset.chooses);
    if (chosen) chosen.checked = true;
  });
  document.addEventListener("change", (event) => {
    if (!event.target.matches("input[type=radio]") || !event.target.form) return;
    for (const field of event.target.form.querySelectorAll("[data-chooses]")) {
      const chosen = document.getElementById(field.dataset.chooses);
      if (chosen && chosen.name === event.target.name && !chosen.checked) field.value = "";
    }
  });
  // A page that is put in place goes on where the work was: at what is wrong, at the next row, or at
  // what was done. Never at a button: whoever presses Enter once more has then recorded something.
  let acted = false;
  document.addEventListener("submit", () => { acted = true; }, true);
  const goOn = () => {
    const find = (what) => document.querySelector(`#page ${what}`);
    const row = find("[data-resume]");
    const told = acted && (find("[role=status].receipt") || find("[role=status].ds-alert") || find("h1"));
    const stop = find("[autofocus]") || find("#errors") || (row && (row.querySelector("a") || row)) || told;
    acted = false;
    if (!stop) return;
    if (!stop.matches("a, button, input, select, textarea, [tabindex]")) stop.tabIndex = -1;
    (stop.matches("a") && row ? row : stop).scrollIntoView({ block: "nearest" });
    stop.focus({ preventScroll: true });
  };
  document.addEventListener("htmx:after:swap", goOn);
  // It came as a whole page. The browser goes to the mark first, and takes the keyboard with it.
  if (location.hash === "#resume") addEventListener("load", () => setTimeout(goOn, 50));
  // The second of a double click may come to a page that has moved on meanwhile: then another
  // person's button lies where the first one lay, and it is let go by. Half a second is what a
  // double click may take as machines are set up; set slower, they count for themselves.
  const TWICE = 500;
  let last = { at: -Infinity, x: 0, y: 0, dropped: false };
  let movedOn = performance.now();
  document.addEventListener("htmx:after:swap", () => { movedOn = performance.now(); });
  document.addEventListener("click", (event) => {
    if (!event.detail) return; // not with a pointer
    const { at, x, y, dropped } = last;
    const there = Math.hypot(event.clientX - x, event.clientY - y) < 8;
    const twice = event.detail > 1 || (there && event.timeStamp - at < TWICE);
    const drop = twice && (dropped || at < movedOn) && Boolean(event.target.closest("button"));
    last = { at: event.timeStamp, x: event.clientX, y: event.clientY, dropped: drop };
    if (!drop) return;
    event.preventDefault();
    event.stopPropagation();
  }, true);
  // A page that is put in place tells where it stands to those who hear it.
  document.addEventListener("htmx:after:swap", () => {
    const told = document.querySelector("#page [role=status]");
    if (told) {
      const text = told.innerHTML;
      told.innerHTML = "";
      setTimeout(() => { told.innerHTML = text; }, 50);
    }
  });
  // A demo that is being filled tells how far it is, and opens by itself.
  const filling = () => {
    const told = document.querySelector("[data-filling]");
    if (!told) return;
    setTimeout(async () => {
      try {
        const answer = await fetch(location.href);
        const page = new DOMParser().parseFromString(await answer.text(), "text/html");
        const next = page.querySelector("[data-filling]");
        if (answer.ok && !next) { location.reload(); return; }
        if (next && next.textContent !== told.textContent) told.replaceChildren(...next.childNodes);
      } catch { /* the server is away for a moment: asked again */ }
      filling();
    }, 3000);
  };
  filling();
  // The network is away: say so, and leave the page as it is, with what was typed.
  const lost = () => {
    const page = document.querySelector("#page");
    if (page.querySelector("[data-lost]")) return;
    page.prepend(document.querySelector("template#lost").content.cloneNode(true));
    page.querySelector("[data-lost]").scrollIntoView({ block: "nearest" });
  };
  const found = () => document.querySelector("#page [data-lost]")?.remove();
  document.addEventListener("htmx:error", lost);
  addEventListener("online", found);
  // A form that goes out with its page would be gone where nobody answers: that is asked first.
  let asking = false;
  document.addEventListener("submit", async (event) => {
    const { target: form, submitter } = event;
    if (event.defaultPrevented || form.method !== "post" || form.dataset.goes) return;
    event.preventDefault();
    if (asking) return; // the second of a double click
    asking = true;
    try {
      await fetch("/healthz", { cache: "no-store", signal: AbortSignal.timeout(5000) });
      found();
      form.dataset.goes = "yes";
      form.requestSubmit(submitter);
    } catch {
      lost();
    } finally {
      delete form.dataset.goes;
      setTimeout(() => { asking = false; }, 1000);
    }
  });
})();
