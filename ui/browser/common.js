// What every part is made with; it stands before each part's own code. Text is only ever set as text.
function make(tag, attributes, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

// Relative to the page, so that it is right behind a proxy that serves the page under a path.
const address = (url) => new URL(url.replace(/^\//, ""), document.baseURI).href;
