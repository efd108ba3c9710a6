/* Names for every mark, a table that sorts and filters. The page reads the same without it, only nothing moves. */
(() => {
  const tip = document.createElement("div");
  tip.className = "tip";
  tip.hidden = true;
  document.body.append(tip);
  const marks = new Map();
  for (const mark of document.querySelectorAll('figure [id*="-mark-"]')) {
    const number = mark.id.split("-mark-")[1];
    const row = document.querySelector(`tr[data-trial="${number}"]`);
    if (!row) continue;
    mark.classList.add("mark");
    if (!marks.has(number)) marks.set(number, { row, marks: [] });
    marks.get(number).marks.push(mark);
  }
  const words = row => [row.dataset.name, `${row.dataset.calls} network calls`, `${row.dataset.price} nats/token`]
    .concat(row.dataset.right ? [`${row.dataset.right} right`] : []).join("\n");
  const lit = (number, on) => {
    const { row, marks: own } = marks.get(number);
    row.classList.toggle("lit", on);
    own.forEach(mark => mark.classList.toggle("lit", on));
  };
  const show = (number, mark) => {
    const box = mark.getBoundingClientRect();
    tip.textContent = words(marks.get(number).row);
    tip.hidden = false;
    tip.style.left = `${Math.max(8, Math.min(box.right + 10, innerWidth - tip.offsetWidth - 12)) + scrollX}px`;
    tip.style.top = `${box.top + scrollY - tip.offsetHeight / 2}px`;
  };
  const pin = number => {
    const { row, marks: own } = marks.get(number);
    const pinned = row.classList.toggle("pinned");
    for (const mark of own) {
      const svg = mark.ownerSVGElement;
      svg.querySelector(`[data-pin="${number}"]`)?.remove();
      if (!pinned) continue;
      const box = mark.getBBox();
      const label = document.createElementNS(svg.namespaceURI, "text");
      label.dataset.pin = number;
      label.textContent = row.dataset.name;
      label.setAttribute("x", box.x + box.width + 3);
      label.setAttribute("y", box.y - 2);
      label.setAttribute("class", "pin");
      mark.parentNode.append(label);
    }
  };
  for (const [number, { row, marks: own }] of marks) {
    for (const mark of own) {
      mark.setAttribute("tabindex", "0");
      mark.setAttribute("role", "button");
      mark.setAttribute("aria-label", words(row).replaceAll("\n", ", "));
      for (const begin of ["pointerenter", "focus"]) {
        mark.addEventListener(begin, () => { lit(number, true); show(number, mark); });
      }
      for (const end of ["pointerleave", "blur"]) {
        mark.addEventListener(end, () => { lit(number, false); tip.hidden = true; });
      }
      mark.addEventListener("click", () => pin(number));
      mark.addEventListener("keydown", event => { if (event.key === "Enter") pin(number); });
    }
    row.addEventListener("pointerenter", () => lit(number, true));
    row.addEventListener("pointerleave", () => lit(number, false));
    row.addEventListener("click", () => pin(number));
  }
  for (const table of document.querySelectorAll("table.sorts")) {
    const body = table.tBodies[0];
    [...table.tHead.rows[0].cells].forEach((head, place) => {
      head.tabIndex = 0;
      const sort = () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        [...table.tHead.rows[0].cells].forEach(other => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const value = row => {
          const text = row.cells[place].textContent.trim();
          const number = parseFloat(text);
          return head.classList.contains("word") ? text : Number.isNaN(number) ? Infinity : number;
        };
        const order = (a, b) => typeof a === "string" ? a.localeCompare(b, "en", { numeric: true }) : a - b;
        [...body.rows].sort((a, b) => {
          const [x, y] = [value(a), value(b)];
          if (x === Infinity || y === Infinity) return x === y ? 0 : x === Infinity ? 1 : -1;
          return (down ? -1 : 1) * order(x, y);
        }).forEach(row => body.append(row));
      };
      head.addEventListener("click", sort);
      head.addEventListener("keydown", event => { if (event.key === "Enter") sort(); });
    });
  }
  const find = document.getElementById("find"), only = document.getElementById("only");
  const filter = () => {
    for (const row of document.querySelectorAll("tr[data-trial]")) {
      const wanted = row.dataset.name.toLowerCase().includes(find.value.trim().toLowerCase());
      row.hidden = !wanted || (only.checked && row.classList.contains("beaten"));
    }
  };
  if (find) {
    document.getElementById("controls").hidden = false;
    find.addEventListener("input", filter);
    only.addEventListener("change", filter);
  }
})();
