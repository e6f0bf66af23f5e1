import { send, showFigures, stateWriter, watch } from "/link.js";

const at = (id) => document.getElementById(id);
const WANTED = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 30 } };
const WHY = {
  NotAllowedError: "The browser may not use the camera. Allow it beside the address of this page.",
  NotFoundError: "This device has no camera that the browser can find.",
  NotReadableError: "Another program uses the camera.",
};
let stream, link, watched, figures;

function tell(text) {
  at("notice").textContent = text;
  at("notice").hidden = !text;
}

async function open(device) {
  const video = device ? { ...WANTED, deviceId: { exact: device } } : { ...WANTED, facingMode: "user" };
  return navigator.mediaDevices.getUserMedia({ video, audio: false });
}

async function listCameras() {
  const cameras = (await navigator.mediaDevices.enumerateDevices()).filter(({ kind }) => kind === "videoinput");
  const chosen = stream.getVideoTracks()[0].getSettings().deviceId;
  at("cameras").replaceChildren(...cameras.map(({ label, deviceId }, index) =>
    new Option(label || `Camera ${index + 1}`, deviceId, false, deviceId === chosen)));
  at("cameras").disabled = cameras.length < 2;
  at("cameras").parentElement.hidden = cameras.length < 2;
}

async function start() {
  at("start").disabled = true;
  if (!navigator.mediaDevices) {
    tell("Browsers give cameras to secure pages only: use https (--tls-cert, --tls-key) or localhost.");
    return;
  }
  try {
    stream = await open();
  } catch (error) {
    tell(WHY[error.name] ?? `The camera cannot be opened (${error.name}).`);
    at("start").disabled = false;
    return;
  }
  stream.getVideoTracks()[0].onended = taken;
  at("own").srcObject = stream;
  at("own").hidden = false;
  at("stop").disabled = false;
  listCameras();
  tell("Sending your camera …");
  link = send(stream, stateWriter(at("state"), null));
  watched = watch(at("result"), { state: (state, reason) => tell(state === "connected" ? "" : reason || "Waiting for the result …") });
  figures = showFigures(() => watched, at("fps"), at("delay"));
}

function stop() {
  clearInterval(figures);
  link?.close();
  watched?.close();
  stream?.getTracks().forEach((track) => track.stop());
  at("own").hidden = true;
  at("result").srcObject = at("own").srcObject = null;
  at("start").disabled = false;
  at("stop").disabled = at("cameras").disabled = at("cameras").parentElement.hidden = true;
  at("state").textContent = "Stopped";
  tell("Stopped. Your camera is off.");
}

// The camera was unplugged, or the browser's permission was.
function taken() {
  stop();
  tell("The camera gives no more pictures.");
}

// Another camera in the running connection: the size of the pictures may change, nothing else does.
async function change() {
  for (const track of stream.getVideoTracks()) { // none where the last change failed
    track.stop(); // first: some devices open one camera at a time
    stream.removeTrack(track);
  }
  const next = (await open(at("cameras").value)).getVideoTracks()[0];
  next.onended = taken;
  stream.addTrack(next);
  await link.peer?.getSenders()[0]?.replaceTrack(next);
}

at("start").onclick = start;
at("stop").onclick = stop;
at("cameras").onchange = () => change().catch((error) => tell(WHY[error.name] ?? "The camera cannot be opened."));
