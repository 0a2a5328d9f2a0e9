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
  // A page that is put in place goes on where the work was: at the next row, not at the top.
  document.addEventListener("htmx:after:swap", () => {
    const row = document.querySelector("#page [data-resume]");
    if (!row) return;
    const next = row.querySelector(".acts button, .acts summary, .acts a") || row.querySelector("a");
    if (next) {
      row.scrollIntoView({ block: "nearest" });
      next.focus({ preventScroll: true });
    }
  });
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
  // The network is away: say so, and leave the page as it is.
  document.addEventListener("htmx:error", () => {
    const page = document.querySelector("#page");
    if (!page || page.querySelector("[data-lost]")) return;
    const lost = document.querySelector("template#lost");
    if (lost) page.prepend(lost.content.cloneNode(true));
  });
})();
