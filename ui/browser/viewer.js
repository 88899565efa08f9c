// A page in full: zoom and pan, evidence, heat for each word of the question, figures, and its words to copy.
function place(node, [x, y, w, h]) {
  Object.assign(node.style, { left: `${x * 100}%`, top: `${y * 100}%`, width: `${w * 100}%`, height: `${h * 100}%` });
  return node;
}

function button(label, pressed, onclick) {
  const node = make("button", { type: "button" }, label);
  if (pressed !== null) node.setAttribute("aria-pressed", String(pressed));
  node.onclick = onclick;
  return node;
}

function drag(stage) {
  let from = null;
  stage.onpointerdown = (event) => {
    if (event.button !== 0 || event.pointerType === "touch" || stage.classList.contains("reading") || event.target.closest("button")) return;
    from = [event.clientX + stage.scrollLeft, event.clientY + stage.scrollTop];
    stage.setPointerCapture(event.pointerId);
  };
  stage.onpointermove = (event) => {
    if (from) stage.scrollTo(from[0] - event.clientX, from[1] - event.clientY);
  };
  stage.onpointerup = stage.onpointercancel = () => { from = null; };
}

function layWords(sheet, words) {
  const layer = make("div", { class: "layer" });
  const wide = sheet.clientWidth, high = sheet.clientHeight;
  let line = null;
  for (const [x, y, w, h, text] of words) {
    if (line !== null && Math.abs(line - y) > h / 2) layer.append("\n");
    line = y;
    const word = make("span", { class: "word" }, `${text} `);
    Object.assign(word.style, { left: `${x * wide}px`, top: `${y * high}px`, fontSize: `${h * high}px` });
    layer.append(word);
    word.dataset.wide = w * wide;
  }
  sheet.append(layer);
  // All widths are read before any is set: to lay out once, not once a word.
  const all = [...layer.querySelectorAll(".word")];
  const natural = all.map((word) => word.getBoundingClientRect().width || 1);
  all.forEach((word, i) => { word.style.transform = `scaleX(${word.dataset.wide / natural[i]})`; });
  return layer;
}

export default function ({ data, parentElement: root, setTriggerValue }) {
  const keep = (root.keep = root.keep || { zoom: 1, marks: true, figures: false, reading: false, token: -1, map: -1 });
  const state = JSON.stringify(data);
  if (root.state !== state) {
    if (root.page !== data.page) keep.token = -1;
    if (keep.map >= (data.patches?.maps.length || 0)) keep.map = -1;
    root.page = data.page;
    root.state = state;
    draw();
  }

  function draw() {
    root.querySelector(".whole")?.remove();
    const sheet = make("div", { class: "sheet" });
    const stage = make("div", { class: "stage", tabindex: "0", role: "group", "aria-label": `Page ${data.number} of ${data.file}` }, sheet);
    let layer = null, hot = [], map = null;

    const size = () => {
      sheet.style.width = `calc(min(100%, 56rem) * ${keep.zoom})`;  // wider, a line of print is too long to read
      sheet.style.aspectRatio = data.ratio;
      layer?.remove();
      layer = keep.reading ? layWords(sheet, data.words) : null;
      stage.classList.toggle("reading", keep.reading);
      sheet.classList.toggle("off", !keep.marks);
      sheet.classList.toggle("off2", !keep.figures);
    };
    const warm = () => {
      hot.forEach((node) => node.remove());
      hot = (data.heat[keep.token]?.places || []).map(([x, y, w, h, likeness]) => {
        const node = place(make("span", { class: "hot", "aria-hidden": "true" }), [x, y, w, h]);
        node.style.opacity = 0.1 + 0.5 * likeness ** 2;
        sheet.append(node);
        return node;
      });
    };
    const reveal = (top) => { stage.scrollTop = top * sheet.clientHeight - stage.clientHeight / 4; };
    const zoom = (by) => { keep.zoom = by === 0 ? 1 : Math.min(6, Math.max(0.25, keep.zoom * by)); size(); };
    const toggle = (name) => (event) => {
      keep[name] = !keep[name];
      event.currentTarget.setAttribute("aria-pressed", String(keep[name]));
      size();
    };

    if (data.picture) {
      const alt = `Page ${data.number} of ${data.file}${data.boxes.length ? `, ${data.boxes.length} places marked` : ""}`;
      sheet.append(make("img", { alt, src: address(data.picture), draggable: "false" }));
      for (const box of data.boxes) sheet.append(place(make("span", { class: "mark", "aria-hidden": "true" }), box));
      data.figures.forEach((figure, i) => {
        const node = place(make("button", { type: "button", class: "figure", title: "More like this figure", "aria-label": `More like figure ${i + 1}${figure.tags.length ? `: ${figure.tags[0]}` : ""}` }), figure.box);
        node.onclick = () => setTriggerValue("like", figure.id);
        sheet.append(node);
      });
    } else {
      sheet.append(make("p", { class: "lost" }, data.lost));
    }

    const previous = button("Previous", null, () => setTriggerValue("turn", data.number - 1));
    const next = button("Next", null, () => setTriggerValue("turn", data.number + 1));
    previous.disabled = data.number <= 1;
    next.disabled = data.number >= data.pages;
    const turns = make("div", { class: "bar" }, previous, make("span", { role: "status" }, `Page ${data.number} of ${data.pages}`), next, make("span", { class: "gap" }));
    const minus = button("−", null, () => zoom(1 / 1.3));
    const plus = button("+", null, () => zoom(1.3));
    minus.setAttribute("aria-label", "Zoom out");
    plus.setAttribute("aria-label", "Zoom in");
    turns.append(make("span", { class: "zoom" }, minus, button("Fit", null, () => zoom(0)), plus));

    const tools = make("div", { class: "bar", role: "group", "aria-label": "What to show" });
    if (data.boxes.length) tools.append(button("Evidence", keep.marks, toggle("marks")));
    if (data.words.length) tools.append(button("Select text", keep.reading, toggle("reading")));
    if (data.figures.length) tools.append(button("Figures", keep.figures, toggle("figures")));
    const words = make("div", { class: "bar words", role: "group", "aria-label": "Matches of" }, make("span", { class: "label" }, "Matches of"));
    const pick = (token) => {
      keep.token = token;
      words.querySelectorAll(".token").forEach((other) => other.setAttribute("aria-pressed", String(+other.dataset.token === token)));
      warm();
    };
    // Two kinds of heat at once could not be told apart.
    if (data.patches && data.picture) map = patchMap(sheet, data, keep, (best) => { pick(-1); if (best) reveal(best[1]); });
    if (map) tools.append(map.toggle);
    data.heat.forEach((entry, i) => {
      const node = button(entry.token, keep.token === i, () => {
        pick(keep.token === i ? -1 : i);
        keep.map = -1;
        map?.show();
      });
      node.classList.add("token");
      node.dataset.token = i;
      node.title = `Where the page is like “${entry.token}”`;
      words.append(node);
    });

    const ways = make("div", { class: "bar" });
    if (data.words.length) {
      const copy = button("Copy text", null, async () => {
        try { await navigator.clipboard.writeText(data.text); copy.textContent = "Copied"; } catch { copy.textContent = "Copying is not allowed here"; }
      });
      ways.append(copy);
    }
    if (data.picture) ways.append(make("a", { href: address(data.picture), download: data.picture_name }, "Download page"));
    if (data.original) ways.append(make("a", { href: `${address(data.original)}#page=${data.number}`, target: "_blank", rel: "noopener" }, "Open original here"));
    ways.append(button("Search inside this document", null, () => setTriggerValue("inside", data.page)));
    ways.append(button("More like this page", null, () => setTriggerValue("like", data.page)));
    root.append(make("div", { class: "whole" }, make("p", {}, data.file), turns, tools, ...(data.heat.length ? [words] : []), ...(map ? [map.panel] : []), stage, ways));
    drag(stage);
    size();
    warm();
    if (data.boxes.length) reveal(data.boxes[0][1]);  // the strongest place
    map?.show();
    stage.onwheel = (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      zoom(event.deltaY < 0 ? 1.15 : 1 / 1.15);
    };
    root.act = (key) => {
      if (key === "ArrowLeft" && !previous.disabled) previous.click();
      else if (key === "ArrowRight" && !next.disabled) next.click();
      else if (key === "+" || key === "=") zoom(1.3);
      else if (key === "-") zoom(1 / 1.3);
      else if (key === "0") zoom(0);
      else return false;
      return true;
    };
  }

  const onKey = (event) => {
    const at = event.composedPath()[0];
    if (event.ctrlKey || event.metaKey || event.altKey || /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName || "")) return;
    if (root.act?.(event.key)) event.preventDefault();
  };
  document.addEventListener("keydown", onKey);
  return () => document.removeEventListener("keydown", onKey);
}
