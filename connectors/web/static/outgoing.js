// The files of an answer: images are shown, anything else is offered for saving.

import { make } from "./elements.js";

const SHOWN = ["image/png", "image/jpeg", "image/gif", "image/webp"];

// Makes the list show these files; what is there already stays as it is.
export function outgoing(list, files) {
  list.hidden = files.length === 0;
  for (const file of files) {
    if ([...list.children].some((item) => item.dataset.id === file.id)) continue;
    const item = make("li");
    item.dataset.id = file.id;
    item.append(link(file));
    list.append(item);
  }
}

function link({ name, type, href }) {
  const anchor = make("a", "file", name);
  anchor.href = href;
  anchor.dir = "auto";
  if (!SHOWN.includes(type)) {
    anchor.download = name;
    return anchor;
  }
  const image = make("img");
  image.src = href;
  image.alt = name;
  image.loading = "lazy";
  anchor.className = "picture";
  anchor.target = "_blank";
  anchor.rel = "noopener";
  anchor.replaceChildren(image);
  return anchor;
}
