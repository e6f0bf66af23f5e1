// The connection to the server: the token from the link, WHEP, WHIP, and the delay of what is seen.

const RETRY = [500, 1000, 2000, 4000, 8000]; // milliseconds between attempts to connect again
const FATAL = { 401: "The token is missing or wrong. Open the link that the program printed.",
                404: "This program takes no camera. Start it with --source webrtc.",
                409: "Somebody else sends a camera already." };

// The token comes behind the # of the link, which is never sent to a server. It is kept for this tab only.
function takeToken() {
  const given = new URLSearchParams(location.hash.slice(1)).get("token");
  if (given) {
    sessionStorage.setItem("token", given);
    history.replaceState(null, "", location.pathname);
  }
  return sessionStorage.getItem("token");
}
const token = takeToken();

export function call(path, options = {}) {
  const headers = new Headers(options.headers);
  if (token) headers.set("Authorization", `Bearer ${token}`);
  return fetch(path, { ...options, headers });
}

export class Refused extends Error {
  constructor(status, text) {
    super(FATAL[status] ?? text.trim() ?? `The server answers ${status}.`);
    this.fatal = status in FATAL;
  }
}

// Sends the offer and takes the answer; the URL of the session. Our own addresses need not be told: the
// server learns them when we knock at its own.
async function negotiate(peer, path) {
  await peer.setLocalDescription();
  const response = await call(path, {
    method: "POST", body: peer.localDescription.sdp, headers: { "Content-Type": "application/sdp" } });
  if (response.status !== 201) throw new Refused(response.status, await response.text());
  const session = new URL(response.headers.get("Location"), response.url).pathname;
  await peer.setRemoteDescription({ type: "answer", sdp: await response.text() });
  return session;
}

// Says goodbye, so that the server need not find out by itself. `keepalive` lets it outlive the page.
async function leave(session) {
  if (session) await call(session, { method: "DELETE", keepalive: true }).catch(() => {});
}

// A page that "back" takes out of the browser's memory has said goodbye already: it begins anew.
addEventListener("pageshow", ({ persisted }) => { if (persisted) location.reload(); });

// One connection that is made again whenever it breaks. `prepare(peer)` adds tracks and channels.
export class Link {
  constructor(path, { prepare, state }) {
    this.path = path;
    this.prepare = prepare;
    this.state = state; // (word, explanation or "")
    this.attempt = 0;
    this.goodbye = () => this.close();
    addEventListener("pagehide", this.goodbye);
    this.connect();
  }

  async connect() {
    clearTimeout(this.timer);
    const peer = this.peer = new RTCPeerConnection({ iceServers: [] });
    this.state(this.attempt ? "connecting again" : "connecting", "");
    peer.onconnectionstatechange = () => {
      if (peer !== this.peer) return;
      if (peer.connectionState === "connected") { this.attempt = 0; this.state("connected", ""); }
      if (["failed", "closed", "disconnected"].includes(peer.connectionState)) this.again("The connection was lost.");
    };
    try {
      this.prepare(peer);
      const session = await negotiate(peer, this.path);
      if (peer === this.peer) this.session = session; else leave(session);
    } catch (error) {
      if (peer !== this.peer) return;
      if (error.fatal) { this.drop(); this.state("refused", error.message); }
      else this.again(error instanceof Refused ? error.message : "The server cannot be reached.");
    }
  }

  again(reason) {
    this.drop();
    this.state("waiting", reason);
    this.timer = setTimeout(() => this.connect(), RETRY[Math.min(this.attempt++, RETRY.length - 1)]);
  }

  drop() {
    const { peer, session } = this;
    this.peer = this.session = null;
    leave(session).finally(() => peer?.close());
  }

  close() {
    clearTimeout(this.timer);
    removeEventListener("pagehide", this.goodbye);
    this.drop();
    this.state("closed", "");
  }
}

// Milliseconds from the camera to the screen: the server tells which RTP time stamp was captured when, and
// pings tell how its clock stands to ours.
class Delay {
  constructor(channel) {
    this.best = Infinity;
    channel.onopen = () => { this.ping(channel); this.timer = setInterval(() => this.ping(channel), 2000); };
    channel.onclose = () => clearInterval(this.timer);
    channel.onmessage = ({ data }) => this.take(JSON.parse(data));
  }

  ping(channel) {
    this.best += 1; // an old measurement counts less and less: clocks drift
    if (channel.readyState === "open") channel.send(String(performance.now()));
  }

  take(message) {
    if ("pong" in message) {
      const now = performance.now(), trip = now - Number(message.pong);
      if (trip < this.best) { this.best = trip; this.offset = message.now + trip / 2 - now; }
    } else {
      this.mark = message;
    }
  }

  of(now, rtp) {
    if (this.mark === undefined || this.offset === undefined || rtp === undefined) return undefined;
    const ticks = (rtp - this.mark.rtp) | 0; // modulo 2^32, with sign
    return now + this.offset - (this.mark.captured + ticks / 90);
  }
}

// Shows the stream in `video`. `frame(now, metadata)` is called for each picture shown, `faces(message)` for
// each message about faces.
export function watch(video, { state, frame, faces }) {
  let delay, stopped = false;
  const shown = [];
  const each = (now, metadata) => {
    if (stopped) return;
    shown.push([now, delay?.of(now, metadata.rtpTimestamp)]);
    while (shown.length && shown[0][0] < now - 1000) shown.shift();
    video.requestVideoFrameCallback(each); // first: what goes wrong with one picture must not end those after it
    frame?.(now, metadata);
  };
  if ("requestVideoFrameCallback" in video) video.requestVideoFrameCallback(each);
  const link = new Link("/whep", {
    state,
    prepare(peer) {
      const { receiver } = peer.addTransceiver("video", { direction: "recvonly" });
      if ("jitterBufferTarget" in receiver) receiver.jitterBufferTarget = 0; // now rather than smooth
      delay = new Delay(peer.createDataChannel("timing", { ordered: false, maxRetransmits: 0 }));
      if (faces) {
        const channel = peer.createDataChannel("face", { ordered: false, maxRetransmits: 0 });
        channel.onmessage = ({ data }) => faces(JSON.parse(data));
      }
      peer.ontrack = ({ track }) => {
        video.srcObject = new MediaStream([track]);
        video.play().catch(() => {});
      };
    },
  });
  return {
    link,
    // What was shown in the last second.
    figures() {
      const now = performance.now(), recent = shown.filter(([then]) => then > now - 1000);
      const delays = recent.map(([, value]) => value).filter((value) => value !== undefined).sort((a, b) => a - b);
      return { fps: recent.length, delay: delays[Math.floor(delays.length / 2)] };
    },
    close() { stopped = true; link.close(); },
  };
}

// Sends a camera's stream.
export function send(stream, state) {
  return new Link("/whip", {
    state,
    prepare(peer) {
      for (const track of stream.getVideoTracks()) {
        track.contentHint = "motion";
        const { sender } = peer.addTransceiver(track, { direction: "sendonly", streams: [stream] });
        // Rather fewer pictures than smaller ones: what is in a face is small, and the newest picture wins anyway.
        sender.setParameters({ ...sender.getParameters(), degradationPreference: "maintain-resolution" }).catch(() => {});
      }
    },
  });
}

export const WORDS = { "connecting": "Connecting …", "connecting again": "Connecting again …", "connected": "Connected",
                       "waiting": "Connection lost", "refused": "Refused", "closed": "Closed" };

// Shows a link's state in the page: a word for everybody, an explanation over the video where one helps.
export function stateWriter(word, notice, video) {
  let now;
  const hasPicture = () => video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA;
  video?.addEventListener("loadeddata", () => { if (now === "connected") notice.hidden = true; });
  return (state, reason) => {
    now = state;
    word.textContent = WORDS[state] ?? state;
    word.classList.toggle("bad", state === "waiting" || state === "refused");
    if (notice) {
      notice.textContent = reason || (state === "connected" ? "Waiting for a picture …" : WORDS[state] ?? state);
      notice.hidden = state === "connected" && hasPicture();
    }
  };
}

// Keeps the two figures up to date. They are no live region: a screen reader would never fall silent.
export function showFigures(watched, fps, delay) {
  return setInterval(() => {
    const now = watched().figures();
    fps.textContent = String(now.fps);
    delay.textContent = now.delay === undefined ? "–" : `${Math.max(0, Math.round(now.delay))} ms`;
  }, 500);
}
