// The newest runs as they come: asks again every few seconds while somebody looks.
const EVERY_MS = 3000;
const rows = document.getElementById("rows");
const live = document.getElementById("live");
let last = "";

async function look() {
  const address = new URL(location.href);
  address.searchParams.set("part", "rows");
  const answer = await fetch(address, { redirect: "manual" });
  if (answer.type === "opaqueredirect") return location.reload();
  if (!answer.ok) throw new Error(String(answer.status));
  const text = await answer.text();
  // Who is in the table with the keyboard is not thrown out of it.
  if (text !== last && !rows.contains(document.activeElement)) {
    if (last) rows.innerHTML = text;
    last = text;
  }
}

async function keepLooking() {
  if (!document.hidden) {
    try {
      await look();
      live.hidden = false;
    } catch {
      live.hidden = true; // the bot is away; it is asked again
    }
  }
  setTimeout(keepLooking, EVERY_MS);
}
keepLooking();
