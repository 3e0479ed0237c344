"use strict";
(() => {
  const main = document.getElementById("main");
  const old = document.getElementById("old");
  let wanted = "";
  let since = new Date();

  const filter = () => {
    const rows = [...main.querySelectorAll("#tags tbody tr")];
    const needle = wanted.toLowerCase();
    for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(needle);
    const table = main.querySelector("#tags .wide");
    if (!table) return;
    table.nextElementSibling?.remove();
    if (rows.length && rows.every((row) => row.hidden)) {
      const none = document.createElement("p");
      none.className = "empty";
      none.textContent = document.body.dataset.noMatch;
      table.after(none);
    }
  };

  const localize = () => {
    for (const time of main.querySelectorAll("time")) {
      const moment = new Date(time.dateTime);
      if (!Number.isNaN(moment.getTime())) time.textContent = moment.toLocaleString();
    }
  };

  // What the person types stays through a refresh: focus, caret and text.
  const replace = (html) => {
    const before = document.activeElement;
    const typing = before && before.id === "find" ? [before.selectionStart, before.selectionEnd] : null;
    main.innerHTML = html;
    const find = document.getElementById("find");
    if (find) {
      find.value = wanted;
      if (typing) { find.focus({ preventScroll: true }); find.setSelectionRange(...typing); }
    }
    filter();
    localize();
  };

  const fail = () => {
    old.textContent = document.body.dataset.unreachable.replace("{time}", since.toLocaleTimeString());
    old.hidden = false;
    main.classList.add("old");
  };

  const refresh = async () => {
    try {
      const answer = await fetch("/view?find=" + encodeURIComponent(wanted), { cache: "no-store", signal: AbortSignal.timeout(5000) });
      if (!answer.ok) throw new Error(answer.statusText);
      replace(await answer.text());
      since = new Date();
      old.hidden = true;
      main.classList.remove("old");
    } catch {
      fail();
    }
    setTimeout(refresh, 2000);
  };

  main.addEventListener("input", (event) => {
    if (event.target.id === "find") { wanted = event.target.value; filter(); }
  });
  localize();
  setTimeout(refresh, 2000);
})();
