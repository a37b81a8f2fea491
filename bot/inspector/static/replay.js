// Replays a run: a cursor over the picture, and both texts as they stood then.
const recorded = JSON.parse(document.getElementById("recorded").textContent);
const box = document.getElementById("replay");
const slider = document.getElementById("at");
const now = document.getElementById("now");
const panes = { made: document.getElementById("made"), seen: document.getElementById("seen") };
const pictures = [...document.querySelectorAll(".run-picture")].map((svg) => {
  const labels = svg.viewBox.baseVal;
  const cursor = svg.querySelector(".cursor");
  const lane = svg.querySelector(".lane");
  const made = svg.querySelector(".made").points;
  return {
    cursor,
    left: Number(lane.getAttribute("x1")),
    end: made[made.numberOfItems - 1].x,
    width: labels.width,
  };
});
const calm = matchMedia("(prefers-reduced-motion: reduce)");
let playing = null;

function upTo(points, at) {
  let low = 0;
  let high = points.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (points[middle][0] <= at) low = middle + 1;
    else high = middle;
  }
  return low ? points[low - 1] : [0, 0, 0];
}

function show(at) {
  const share = recorded.span ? at / recorded.span : 0;
  for (const { cursor, left, end } of pictures) {
    const x = left + share * (end - left);
    cursor.setAttribute("x1", x);
    cursor.setAttribute("x2", x);
    cursor.classList.add("on");
  }
  const behind = {};
  for (const [name, pane] of Object.entries(panes)) {
    const [, chars, units] = upTo(recorded[name], at);
    behind[name] = chars;
    pane.textContent = recorded.text.slice(0, units);
    pane.scrollTop = pane.scrollHeight;
  }
  slider.value = at;
  slider.setAttribute("aria-valuetext", `${(at / 1000).toFixed(1)} seconds`);
  const lag = Math.max(0, behind.made - behind.seen);
  now.textContent = `${(at / 1000).toFixed(1)} s · ${lag} behind`;
}

function stop() {
  if (!playing) return;
  cancelAnimationFrame(playing.frame);
  clearTimeout(playing.timer);
  playing.button.setAttribute("aria-pressed", "false");
  playing = null;
}

function play(button) {
  const again = playing?.button === button;
  stop();
  if (again) return;
  const from = Number(slider.value) >= recorded.span ? 0 : Number(slider.value);
  const speed = Number(button.dataset.speed);
  const begun = performance.now();
  playing = { button };
  button.setAttribute("aria-pressed", "true");
  panes.made.closest(".panes").hidden = false;
  const step = () => {
    const at = Math.min(recorded.span, from + (performance.now() - begun) * speed);
    show(at);
    if (at >= recorded.span) return stop();
    // With reduced motion it goes in steps of a second.
    if (calm.matches) playing.timer = setTimeout(step, 1000);
    else playing.frame = requestAnimationFrame(step);
  };
  step();
}

if (recorded.made.length) {
  box.hidden = false;
  slider.max = recorded.span;
  slider.step = Math.max(1, Math.round(recorded.span / 500));
  now.textContent = `${(recorded.span / 1000).toFixed(1)} s`;
  slider.addEventListener("input", () => {
    stop();
    panes.made.closest(".panes").hidden = false;
    show(Number(slider.value));
  });
  for (const button of box.querySelectorAll("button")) {
    button.setAttribute("aria-pressed", "false");
    button.addEventListener("click", () => play(button));
  }
}
