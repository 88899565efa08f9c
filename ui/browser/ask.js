// The box that one asks in: words, and a picture by choosing, pasting or dropping one.
const MOST_BYTES = 20 * 1024 * 1024;

function build(root) {
  const ui = { picture: null, given: null };
  ui.words = make("input", { type: "text", "aria-label": "Question", autocomplete: "off", enterkeyhint: "search" });
  ui.image = make("img", { alt: "The picture of your question" });
  ui.drop = make("button", { type: "button", class: "plain", "aria-label": "Remove the picture" }, "✕");
  ui.chip = make("span", { class: "picture", hidden: "" }, ui.image, ui.drop);
  ui.file = make("input", { type: "file", accept: "image/*", hidden: "", "aria-label": "A picture for the question" });
  ui.add = make("button", { type: "button", title: "Choose a picture, or paste or drop one here" }, "Picture");
  ui.answer = make("input", { type: "checkbox" });
  ui.note = make("p", { class: "note", role: "status" });
  ui.form = make(
    "form", { role: "search", "aria-label": "Ask your documents" },
    make("span", { class: "box" }, ui.chip, ui.words), ui.add, ui.file,
    make("label", { title: "Off: find pages only" }, ui.answer, "Answer"),
    make("button", { type: "submit", class: "main" }, "Search"), ui.note,
  );
  root.append(ui.form);
  return ui;
}

function show(ui) {
  const url = ui.picture || ui.given;
  ui.chip.hidden = !url;
  if (url) ui.image.src = url;
}

function take(ui, file) {
  if (!file) return;
  ui.note.textContent = "";
  if (!file.type.startsWith("image/")) {
    ui.note.textContent = "That is no picture. Choose a PNG, JPEG or WebP file.";
  } else if (file.size > MOST_BYTES) {
    ui.note.textContent = "That picture is larger than 20 MB. Choose a smaller one, or a part of it.";
  } else {
    const reader = new FileReader();
    reader.onload = () => { ui.picture = reader.result; show(ui); ui.words.focus(); };
    reader.readAsDataURL(file);
  }
}

const pictureIn = (items) => [...(items || [])].find((file) => file.type.startsWith("image/"));

export default function ({ data, parentElement: root, setTriggerValue }) {
  const ui = (root.ask = root.ask || build(root));
  const state = JSON.stringify([data.question, data.picture, data.answer, data.round]);
  if (ui.state !== state) {
    ui.state = state;
    ui.words.value = data.question;
    ui.words.placeholder = data.placeholder;
    ui.answer.checked = data.answer;
    ui.picture = null;
    ui.given = data.picture;
    show(ui);
  }
  if (data.person && !document.cookie.includes("pagesight=")) {
    // Tells one visitor's conversations from another's; it goes nowhere but to this server.
    document.cookie = `pagesight=${data.person}; path=/; max-age=31536000; SameSite=Strict`;
  }
  ui.form.onsubmit = (event) => {
    event.preventDefault();
    const question = ui.words.value.trim();
    if (!question && !ui.picture && !ui.given) {
      ui.note.textContent = "Write a question, or add a picture.";
      ui.words.focus();
      return;
    }
    ui.note.textContent = "";
    setTriggerValue("asked", { question, answer: ui.answer.checked, picture: ui.picture, keep: !!ui.given });
  };
  ui.add.onclick = () => ui.file.click();
  ui.file.onchange = () => { take(ui, ui.file.files[0]); ui.file.value = ""; };
  ui.drop.onclick = () => { ui.picture = ui.given = null; show(ui); ui.words.focus(); };
  ui.form.ondragover = (event) => { event.preventDefault(); ui.form.classList.add("over"); };
  ui.form.ondragleave = () => ui.form.classList.remove("over");
  ui.form.ondrop = (event) => {
    event.preventDefault();
    ui.form.classList.remove("over");
    take(ui, event.dataTransfer.files[0]);
  };
  const onPaste = (event) => {
    const file = pictureIn(event.clipboardData && event.clipboardData.files);
    if (file) { event.preventDefault(); take(ui, file); }
  };
  const onKey = (event) => {
    const at = event.composedPath()[0];
    const typing = at.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(at.tagName || "");
    if (event.key === "/" && !typing && !event.ctrlKey && !event.metaKey) {
      event.preventDefault();
      ui.words.focus();
    }
  };
  document.addEventListener("paste", onPaste);
  document.addEventListener("keydown", onKey);
  return () => {
    document.removeEventListener("paste", onPaste);
    document.removeEventListener("keydown", onKey);
  };
}
