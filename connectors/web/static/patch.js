// Makes what stands on the page like a new version of it by the fewest changes. What is the same
// stays the same node: with it what is selected, focused, scrolled.

export function patch(old, fresh) {
  let at = old.firstChild;
  for (const next of [...fresh.childNodes]) {
    if (!alike(at, next)) {
      if (at && alike(at.nextSibling, next)) at = gone(at);
      else if (at && !alike(at, next.nextSibling)) at = replaced(at, next);
      else {
        old.insertBefore(next, at); // something new stands before what was there
        continue;
      }
    }
    if (at !== next) become(at, next);
    at = at.nextSibling;
  }
  while (at) at = gone(at);
}

function alike(one, other) {
  return Boolean(one && other) && one.nodeName === other.nodeName;
}

function gone(node) {
  const next = node.nextSibling;
  node.remove();
  return next;
}

function replaced(node, next) {
  node.replaceWith(next);
  return next;
}

function become(node, next) {
  if (node.isEqualNode(next)) return;
  if (node.nodeType === Node.TEXT_NODE) {
    reword(node, next.data);
    return;
  }
  if (node.classList.contains("own")) return; // the page's own, which changes by itself
  for (const { name } of [...node.attributes]) if (!next.hasAttribute(name)) node.removeAttribute(name);
  for (const { name, value } of next.attributes) {
    if (node.getAttribute(name) !== value) node.setAttribute(name, value);
  }
  patch(node, next);
}

// Only the characters that differ are replaced: a selection ends at characters, not at nodes.
function reword(node, text) {
  const old = node.data;
  const most = Math.min(old.length, text.length);
  let start = 0;
  while (start < most && old[start] === text[start]) start += 1;
  let end = 0;
  while (end < most - start && old[old.length - 1 - end] === text[text.length - 1 - end]) end += 1;
  node.replaceData(start, old.length - start - end, text.slice(start, text.length - end));
}
