import { call, showFigures, stateWriter, watch } from "/link.js";

const at = (id) => document.getElementById(id);
const video = at("video");

const watched = watch(video, { state: stateWriter(at("state"), at("notice"), video) });
showFigures(() => watched, at("fps"), at("delay"));

// The switches that the program offers: a list for words, a box for yes and no. All viewers share them.
const LABELS = { view: "View", hands: "Hand in front", gaze: "Gaze", overlays: "Overlays" };
const KEYS = { v: "view", o: "hands", g: "gaze", l: "overlays" }; // as in the program's own window, but for v

async function change(name, value) {
  const response = await call("/switches", {
    method: "POST", body: JSON.stringify({ [name]: value }), headers: { "Content-Type": "application/json" } });
  if (response.ok) show(await response.json());
}

function make(name, choices) {
  const control = document.createElement(choices ? "select" : "input");
  control.id = `switch-${name}`;
  control.ariaKeyShortcuts = Object.keys(KEYS).find((key) => KEYS[key] === name) ?? null;
  if (choices) {
    control.append(...Object.keys(choices).map((choice) => new Option(choice, choice)));
    control.setAttribute("aria-describedby", "about");
  } else {
    control.type = "checkbox";
  }
  control.onchange = () => change(name, choices ? control.value : control.checked);
  const label = document.createElement("label");
  label.append(LABELS[name] ?? name, control);
  at("switches").append(label);
  return control;
}

function show({ values, choices }) {
  at("switches").hidden = !Object.keys(values).length;
  for (const [name, value] of Object.entries(values)) {
    const control = at(`switch-${name}`) ?? make(name, choices[name]);
    if (choices[name]) control.value = value; else control.checked = value;
  }
  const meanings = Object.entries(choices).map(([name, words]) => `${LABELS[name] ?? name}: ${words[values[name]]}`);
  at("about").textContent = meanings.length ? `${meanings.join("; ")}.` : "";
}

const refresh = () => call("/switches").then((answer) => answer.ok && answer.json().then(show)).catch(() => {});
refresh();
setInterval(refresh, 5000); // somebody else may have changed them

function snapshot() {
  if (!video.videoWidth) return;
  const canvas = document.createElement("canvas");
  canvas.width = video.videoWidth;
  canvas.height = video.videoHeight;
  canvas.getContext("2d").drawImage(video, 0, 0);
  canvas.toBlob((blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = `contourface-${new Date().toISOString().replace(/[:.]/g, "-")}.png`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }, "image/png");
}

function fullScreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else if (at("stage").requestFullscreen) at("stage").requestFullscreen().catch(() => {});
  else video.webkitEnterFullscreen?.(); // phones of one maker know full screen for videos only
}

// The next word of a list, the other state of a box.
function turn(control) {
  if (!control) return;
  if (control.options) control.selectedIndex = (control.selectedIndex + 1) % control.options.length;
  else control.checked = !control.checked;
  control.onchange();
}

at("snapshot").onclick = snapshot;
at("full").onclick = fullScreen;
video.ondblclick = fullScreen;
addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || /^(SELECT|INPUT)$/.test(event.target.tagName)) return;
  if (event.key in KEYS) turn(at(`switch-${KEYS[event.key]}`));
  ({ s: snapshot, f: fullScreen })[event.key]?.();
});
