// The heat map of a page's picture: how like the question, or one word of it, each patch is, with a key in words.
// From light to dark and from faint to dense, so that it can be read without colours; the best place has an outline.
const RAMP = [[253, 224, 71], [234, 88, 12], [157, 23, 77]];
const FAINT = 0.1;
const WIDE = 900;
const MOST_SAID = 8;

function unpack(text, wide) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  if (!wide) return bytes;
  const view = new DataView(bytes.buffer);
  return Array.from({ length: bytes.length / 2 }, (_, i) => view.getUint16(2 * i, true) / 65535);
}

function colour(strength) {
  const at = strength * (RAMP.length - 1);
  const low = Math.min(Math.floor(at), RAMP.length - 2);
  const mixed = RAMP[low].map((from, i) => Math.round(from + (RAMP[low + 1][i] - from) * (at - low)));
  return `rgb(${mixed.join(" ")} / ${(0.1 + 0.55 * strength).toFixed(3)})`;
}

function paint(canvas, boxes, heat, best) {
  const pen = canvas.getContext("2d");
  const edges = ([x0, y0, x1, y1]) => {
    const [left, top] = [Math.round(x0 * canvas.width), Math.round(y0 * canvas.height)];
    return [left, top, Math.round(x1 * canvas.width) - left, Math.round(y1 * canvas.height) - top];
  };
  pen.clearRect(0, 0, canvas.width, canvas.height);
  // Patches may overlap: the strongest is painted last, in place of what is under it.
  for (const i of [...heat.keys()].sort((a, b) => heat[a] - heat[b])) {
    const strength = heat[i] / 255;
    pen.clearRect(...edges(boxes[i]));
    if (strength < FAINT) continue;
    pen.fillStyle = colour(strength);
    pen.fillRect(...edges(boxes[i]));
  }
  if (best < 0) return;
  for (const [width, ink] of [[7, "#fff"], [3, "#000"]]) {
    pen.lineWidth = width;
    pen.strokeStyle = ink;
    pen.strokeRect(...edges(boxes[best]));
  }
}

function say(map, box, words) {
  const what = map.token ? `“${map.token}”` : "The question as a whole";
  if (!box) return `${what} is like no place on this page more than like another.`;
  const [x0, y0, x1, y1] = box;
  const third = (at, names) => names[Math.min(2, Math.floor(at * 3))];
  const place = `${third((y0 + y1) / 2, ["top", "middle", "bottom"])} ${third((x0 + x1) / 2, ["left", "centre", "right"])}`;
  const there = words.filter(([x, y, w, h]) => x < x1 && x + w > x0 && y < y1 && y + h > y0).map((word) => word[4]);
  const text = there.slice(0, MOST_SAID).join(" ") + (there.length > MOST_SAID ? " …" : "");
  return `${what} is most like the outlined place at the ${place} of the page${text ? `: “${text}”` : ", which has no words"}.`;
}

// The map over a sheet. `keep.map`: which of `patches.maps` is on, -1 for none. `onshow` gets the best place of the one
// that comes on: left, top, right, bottom as shares of the page.
function patchMap(sheet, data, keep, onshow) {
  const { maps } = data.patches;
  const flat = unpack(data.patches.boxes, true);
  const boxes = Array.from({ length: flat.length / 4 }, (_, i) => flat.slice(4 * i, 4 * i + 4));
  const canvas = make("canvas", { class: "heat", width: WIDE, height: Math.round(WIDE / data.ratio), "aria-hidden": "true" });
  const said = make("p", { role: "status" });
  const low = make("span"), high = make("span");
  const key = make("p", { class: "key" }, low, make("span", { class: "ramp", "aria-hidden": "true" }), high);
  key.children[1].style.background = `linear-gradient(to right, ${[0, 0.25, 0.5, 0.75, 1].map(colour).join(", ")}), #fff`;
  const choices = make("div", { class: "bar words", role: "group", "aria-label": "Heat map of" }, make("span", { class: "label" }, "Heat map of"));
  const panel = make("div", { class: "map" }, choices, key, said);
  const toggle = button("Heat map", false, () => { keep.map = keep.map < 0 ? 0 : -1; show(); });
  toggle.title = "How like the question each part of the picture is, to the vision model";
  const buttons = maps.map((map, i) => button(map.token || "All words", false, () => { keep.map = i; show(); }));
  choices.append(...buttons);
  sheet.append(canvas);

  function show() {
    const map = maps[keep.map];
    toggle.setAttribute("aria-pressed", String(!!map));
    canvas.hidden = panel.hidden = !map;
    sheet.classList.toggle("heated", !!map);
    if (!map) return;
    buttons.forEach((choice, i) => choice.setAttribute("aria-pressed", String(i === keep.map)));
    const heat = unpack(map.heat, false);
    const best = heat.reduce((top, value, i) => (value > (heat[top] || 0) ? i : top), -1);
    paint(canvas, boxes, heat, best);
    low.textContent = `The page's mean${map.token ? `, likeness ${map.low.toFixed(2)}` : ""}`;
    high.textContent = `its best place${map.token ? `, ${map.high.toFixed(2)}` : ""}`;
    said.textContent = say(map, boxes[best], data.words);
    onshow(boxes[best]);
  }
  return { toggle, panel, show };
}
