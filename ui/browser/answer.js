// An answer: its markers show the cited place when they are pointed at, and open its page when they are pressed.
function fill(crop, citation, part) {
  crop.replaceChildren();
  if (citation.picture) {
    const [, top, , high] = part;
    const pane = make("span", { class: "window" });
    pane.style.aspectRatio = citation.ratio / high;
    const image = make("img", { alt: "", src: address(citation.picture) });
    image.style.top = `${(-top / high) * 100}%`;
    pane.append(image);
    for (const [x, y, w, h] of citation.boxes) {
      const mark = make("span", { class: "mark" });
      Object.assign(mark.style, { left: `${x * 100}%`, top: `${((y - top) / high) * 100}%`, width: `${w * 100}%`, height: `${(h / high) * 100}%` });
      pane.append(mark);
    }
    crop.append(pane);
  }
  const quote = citation.quote || "This page as a whole.";
  crop.append(make("span", { class: "line" }, quote.length > 240 ? `${quote.slice(0, 240)}…` : quote));
  crop.append(make("span", { class: "line" }, `${citation.file}, page ${citation.number}`));
}

function put(crop, marker) {
  const at = marker.getBoundingClientRect();
  crop.hidden = false;
  const room = window.innerHeight - at.bottom;
  crop.style.left = `${Math.max(8, Math.min(at.left - 40, window.innerWidth - crop.offsetWidth - 8))}px`;
  crop.style.top = room > crop.offsetHeight + 12 ? `${at.bottom + 6}px` : `${Math.max(8, at.top - crop.offsetHeight - 6)}px`;
}

export default function ({ data, parentElement: root, setTriggerValue }) {
  const state = JSON.stringify(data);
  if (root.state === state) return;
  root.state = state;
  root.querySelector(".whole")?.remove();
  const crop = make("div", { class: "crop", role: "tooltip", hidden: "" });
  const text = make("p", { class: "text" });
  const byMarker = new Map();
  for (const citation of data.citations) if (!byMarker.has(citation.marker)) byMarker.set(citation.marker, []);
  data.citations.forEach((citation, index) => byMarker.get(citation.marker).push({ ...citation, index }));
  const seen = new Map();
  for (const part of data.parts) {
    if (part.marker === undefined) {
      text.append(part.weak ? make("span", { class: "weak", title: "No place in these pages bears this out." }, part.text) : part.text);
      continue;
    }
    // The n-th time that a marker stands in the text it is its n-th citation.
    const nth = seen.get(part.marker) || 0;
    seen.set(part.marker, nth + 1);
    const all = byMarker.get(part.marker);
    const citation = all[Math.min(nth, all.length - 1)];
    const marker = make("button", { type: "button", class: "marker", "aria-label": `Citation ${part.marker}: ${citation.title}, page ${citation.number}` }, String(part.marker));
    marker.onmouseenter = marker.onfocus = () => { fill(crop, citation, citation.part); put(crop, marker); };
    marker.onmouseleave = marker.onblur = () => { crop.hidden = true; };
    marker.onclick = () => { crop.hidden = true; setTriggerValue("cite", citation.index); };
    marker.onkeydown = (event) => { if (event.key === "Escape") crop.hidden = true; };
    text.append(marker);
  }
  // Figures and tables are part of the answer.
  const cuts = make("div", { class: "cuts" });
  data.citations.forEach((citation, index) => {
    if (!citation.crop || !citation.picture) return;
    const cut = make("button", { type: "button", class: "cut", "aria-label": `What citation ${citation.marker} stands in: ${citation.title}, page ${citation.number}` });
    fill(cut, citation, citation.crop);
    cut.onclick = () => setTriggerValue("cite", index);
    cuts.append(cut);
  });
  const sources = make("ul", { class: "sources", "aria-label": "Sources" });
  for (const [number, [citation]] of byMarker) {
    const go = make("button", { type: "button", class: "go" }, `${citation.title}, page ${citation.number}`);
    go.onclick = () => window.dispatchEvent(new CustomEvent("pagesight:show", { detail: citation.page }));
    sources.append(make("li", {}, `[${number}] `, go));
  }
  const copy = make("button", { type: "button", class: "copy" }, "Copy answer");
  copy.onclick = async () => {
    try {
      await navigator.clipboard.writeText(data.copy);
      copy.textContent = "Copied";
    } catch {
      copy.textContent = "The browser does not allow copying here";
    }
    setTimeout(() => { copy.textContent = "Copy answer"; }, 2000);
  };
  root.append(make("div", { class: "whole" }, text, cuts, sources, copy, crop));
}
