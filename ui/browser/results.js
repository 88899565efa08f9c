// The pages that were found: a blurred placeholder at once, the sharp picture when it is there, evidence on top.
// Text of documents is only ever set as text.
const COLOURS = { lexical: "#2563eb", dense: "#0d9488", words: "#d97706", visual: "#9333ea", image: "#db2777", perceptual: "#64748b" };

function drawMarks(parent, boxes) {
  for (const [x, y, w, h] of boxes) {
    const mark = make("span", { class: "mark", "aria-hidden": "true" });
    Object.assign(mark.style, { left: `${x * 100}%`, top: `${y * 100}%`, width: `${w * 100}%`, height: `${h * 100}%` });
    parent.append(mark);
  }
}

function picture(card, send) {
  const places = card.boxes.length ? `, ${card.boxes.length} place${card.boxes.length > 1 ? "s" : ""} marked` : "";
  const button = make("button", { type: "button", class: "page", "aria-label": `Open page ${card.number} of ${card.file}${places}` });
  button.onclick = () => send("open", card);
  if (!card.picture) {
    button.append(make("span", { class: "lost" }, "There is no picture of this page."));
    return button;
  }
  button.style.aspectRatio = card.ratio;
  const sharp = make("img", { class: "sharp", alt: "", decoding: "async", loading: card.rank > 6 ? "lazy" : "eager" });
  sharp.onload = () => button.classList.add("loaded");
  sharp.src = address(card.picture);
  button.append(make("img", { class: "blur", alt: "", src: card.blur }), sharp);
  drawMarks(button, card.boxes);
  return button;
}

function channels(card) {
  const bar = make("div", { class: "shares", "aria-hidden": "true" });
  const legend = make("ul", { class: "legend", "aria-label": "What each channel thinks of this page" });
  for (const { name, rank, score, share } of card.channels) {
    const part = make("span");
    Object.assign(part.style, { background: COLOURS[name] || "#64748b", width: `${share * 100}%` });
    bar.append(part);
    const dot = make("i");
    dot.style.background = COLOURS[name] || "#64748b";
    legend.append(make("li", { title: `score ${score}` }, dot, `${name} #${rank} · ${Math.round(share * 100)} %`));
  }
  return [bar, legend];
}

function cardOf(card, send) {
  const snippet = make("p", { class: "snippet" });
  for (const [text, matched] of card.snippet) snippet.append(matched ? make("mark", {}, text) : text);
  if (!card.snippet.length) {
    snippet.textContent = card.boxes.length ? "The marked place shows it; there are no words in it." : "No single place on this page stands out.";
  }
  const actions = make("div", { class: "actions" });
  for (const [event, label] of [["open", "Open page"], ["inside", "Search inside this document"], ["like", "More like this page"]]) {
    const button = make("button", { type: "button" }, label);
    button.onclick = () => send(event, card);
    actions.append(button);
  }
  for (const [page, label] of card.copies) {
    const button = make("button", { type: "button", title: "Says the same" }, `Same page: ${label}`);
    button.onclick = () => send("open", { page });
    actions.append(button);
  }
  if (card.more) actions.append(make("span", {}, `and ${card.more} more`));
  const meta = [card.file, `page ${card.number}`, card.date, `score ${card.score}`].filter(Boolean).join(" · ");
  const article = make(
    "article", { tabindex: "-1", "data-page": card.page, "aria-label": `${card.rank}. ${card.title}, page ${card.number}` },
    picture(card, send),
    make("div", {}, make("h3", {}, `${card.rank}. ${card.title}`), make("p", { class: "meta" }, meta), snippet, ...channels(card), actions),
  );
  return make("li", {}, article);
}

export default function ({ data, parentElement: root, setTriggerValue }) {
  const send = (event, card) => setTriggerValue(event, card.page);
  const state = JSON.stringify(data);
  if (root.state !== state) {
    root.state = state;
    root.querySelector("ol")?.remove();
    root.append(make("ol", { "aria-label": "Pages found" }, ...data.cards.map((card) => cardOf(card, send))));
  }
  const articles = () => [...root.querySelectorAll("article")];
  const onShow = (event) => {
    const found = articles().find((article) => article.dataset.page === event.detail);
    if (!found) return;
    found.scrollIntoView({ behavior: "smooth", block: "center" });
    found.focus({ preventScroll: true });
    found.classList.add("flash");
    setTimeout(() => found.classList.remove("flash"), 1600);
  };
  const onKey = (event) => {
    const at = event.composedPath()[0];
    if (at.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName || "") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector("[role=dialog]")) return;
    const step = { j: 1, k: -1 }[event.key];
    const list = articles();
    const now = list.findIndex((article) => article.contains(root.activeElement) || article === root.activeElement);
    if (step && list.length) {
      event.preventDefault();
      const next = list[Math.min(list.length - 1, Math.max(0, now + step))];
      next.focus();
      next.scrollIntoView({ block: "nearest" });
    } else if (event.key === "Enter" && now >= 0 && at === list[now]) {
      setTriggerValue("open", list[now].dataset.page);
    }
  };
  window.addEventListener("pagesight:show", onShow);
  document.addEventListener("keydown", onKey);
  return () => {
    window.removeEventListener("pagesight:show", onShow);
    document.removeEventListener("keydown", onKey);
  };
}
