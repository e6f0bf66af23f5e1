// An example of the data channel `face`: a head of a few ellipsoids that moves with the numbers.
import { call, showFigures, stateWriter, watch } from "/link.js";

const at = (id) => document.getElementById(id);
const STRONGEST = 12; // expressions listed
const KEPT = 90; // messages that wait for their picture
const LIST_EVERY = 200; // milliseconds: faster cannot be read

const VERTEX = `#version 300 es
in vec3 point; uniform mat3 turn; uniform vec3 place, centre, radius; uniform float aspect, bend; out vec3 normal;
void main() {
  vec3 bent = vec3(0.0, bend * point.x * point.x, -abs(bend) * point.x * point.x);
  vec3 at = turn * (centre + radius * point + bent) + place;
  normal = turn * (point / radius);
  gl_Position = vec4(at.x / aspect * 2.4, at.y * 2.4, (-at.z - 100.0) * 0.9, -at.z);
}`;
const FRAGMENT = `#version 300 es
precision highp float; in vec3 normal; uniform vec3 colour; out vec4 pixel;
void main() {
  float light = 0.35 + 0.65 * max(0.0, dot(normalize(normal), normalize(vec3(0.4, 0.7, 0.8))));
  pixel = vec4(colour * light, 1.0);
}`;

// ---- a unit sphere and what is drawn with it

function sphere(rows = 24, columns = 36) {
  const points = [], triangles = [];
  for (let row = 0; row <= rows; row++) {
    for (let column = 0; column <= columns; column++) {
      const a = Math.PI * row / rows, b = 2 * Math.PI * column / columns;
      points.push(Math.sin(a) * Math.cos(b), Math.cos(a), Math.sin(a) * Math.sin(b));
      const here = row * (columns + 1) + column, below = here + columns + 1;
      if (row < rows && column < columns) triangles.push(here, here + 1, below, below, here + 1, below + 1);
    }
  }
  return [new Float32Array(points), new Uint16Array(triangles)];
}

function setUp(canvas) {
  const gl = canvas.getContext("webgl2", { antialias: true });
  if (!gl) return null;
  const program = gl.createProgram();
  for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, text);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  gl.useProgram(program);
  const [points, triangles] = sphere();
  gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
  gl.bufferData(gl.ARRAY_BUFFER, points, gl.STATIC_DRAW);
  gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, gl.createBuffer());
  gl.bufferData(gl.ELEMENT_ARRAY_BUFFER, triangles, gl.STATIC_DRAW);
  gl.enableVertexAttribArray(gl.getAttribLocation(program, "point"));
  gl.vertexAttribPointer(gl.getAttribLocation(program, "point"), 3, gl.FLOAT, false, 0, 0);
  gl.enable(gl.DEPTH_TEST);
  const where = Object.fromEntries(["turn", "place", "centre", "radius", "bend", "aspect", "colour"].map(
    (name) => [name, gl.getUniformLocation(program, name)]));
  return { gl, where, count: triangles.length };
}

// The head's frame: mm, x to the person's left, y up, z out of the face. So the right eye is at negative x.
function parts(b) {
  const jaw = b.jawOpen, smile = (b.mouthSmileLeft + b.mouthSmileRight) / 2, pucker = b.mouthPucker;
  const frown = (b.mouthFrownLeft + b.mouthFrownRight) / 2, bend = 11 * (smile - frown), skin = [.85, .68, .58];
  const width = (25 + 8 * smile) * (1 - .5 * pucker), lip = 3.5 + 3 * pucker, gap = 13 * jaw;
  const list = [
    { centre: [0, 20, -20], radius: [76, 100, 88], colour: skin },
    { centre: [0, -44 - 14 * jaw, -2], radius: [56, 46, 64], colour: skin },
    { centre: [0, -8, 70], radius: [11, 17, 18], colour: [.83, .62, .52] },
    { centre: [0, -44 - 6 * jaw, 56], radius: [width, lip + gap, 8], bend, colour: [.25, .05, .07] },
    { centre: [0, -41 + .5 * gap, 59], radius: [width, lip, 9], bend, colour: [.68, .3, .3] },
    { centre: [0, -47 - 6 * jaw - 1.2 * gap, 58], radius: [width * .85, lip, 9], bend, colour: [.68, .3, .3] },
    { centre: [0, 85, -30], radius: [79, 58, 86], colour: [.22, .15, .12] },
  ];
  for (const [side, x] of [["Right", -1], ["Left", 1]]) {
    const open = Math.max(.05, 1 - b[`eyeBlink${side}`]);
    const inward = (b[`eyeLookIn${side}`] - b[`eyeLookOut${side}`]) * -x * 5;
    const up = (b[`eyeLookUp${side}`] - b[`eyeLookDown${side}`]) * 4;
    const brow = 9 * Math.max(b.browInnerUp, b[`browOuterUp${side}`]) - 6 * b[`browDown${side}`];
    list.push(
      { centre: [31 * x, 15, 52], radius: [14, 11 * open, 13], colour: [.95, .95, .93] },
      { centre: [31 * x + inward, 15 + up * open, 62], radius: [5.5, 5.5 * open, 4.5], colour: [.1, .2, .3] },
      { centre: [31 * x, 37 + brow, 58], radius: [17, 3.5, 8], colour: [.25, .17, .13] },
      { centre: [77 * x, 5, -20], radius: [8, 22, 14], colour: [.8, .6, .5] });
  }
  return list;
}

// The camera's frame has y down and z forward; WebGL's has y up and z backward.
function rotation([x, y, z, w]) {
  const m = [
    1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w),
    -(2 * (x * y + z * w)), -(1 - 2 * (x * x + z * z)), -(2 * (y * z - x * w)),
    -(2 * (x * z - y * w)), -(2 * (y * z + x * w)), -(1 - 2 * (x * x + y * y))];
  return new Float32Array([m[0], m[3], m[6], m[1], m[4], m[7], m[2], m[5], m[8]]); // by columns
}

function draw({ gl, where, count }, face, names) {
  const canvas = gl.canvas, scale = devicePixelRatio || 1;
  canvas.width = canvas.clientWidth * scale;
  canvas.height = canvas.clientHeight * scale;
  gl.viewport(0, 0, canvas.width, canvas.height);
  gl.clearColor(0, 0, 0, 1); // as the stage around it
  gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
  if (!face) return;
  const shapes = Object.fromEntries(names.map((name, index) => [name, face.blendshapes[index]]));
  gl.uniformMatrix3fv(where.turn, false, rotation(face.rotation));
  gl.uniform3f(where.place, 0, 0, -520);
  gl.uniform1f(where.aspect, canvas.width / canvas.height);
  for (const part of parts(shapes)) {
    gl.uniform3fv(where.centre, part.centre);
    gl.uniform3fv(where.radius, part.radius);
    gl.uniform3fv(where.colour, part.colour);
    gl.uniform1f(where.bend, part.bend ?? 0);
    gl.drawElements(gl.TRIANGLES, count, gl.UNSIGNED_SHORT, 0);
  }
}

// ---- the numbers, each with the picture that it belongs to

const scene = setUp(at("head"));
const waiting = new Map(); // RTP time stamp -> message
let names = [], listed = 0;
call("/schema").then((answer) => answer.json()).then((schema) => { names = schema.blendshapeNames; }).catch(() => {});

function take(message) {
  waiting.set(message.rtp, message);
  if (waiting.size > KEPT) waiting.delete(waiting.keys().next().value);
}

function list(face) {
  const strongest = names.map((name, index) => [name, face?.blendshapes[index] ?? 0])
    .sort((a, b) => b[1] - a[1]).slice(0, STRONGEST);
  at("shapes").replaceChildren(...strongest.flatMap(([name, value]) => {
    const label = document.createElement("span"), meter = document.createElement("meter"), number = document.createElement("span");
    label.textContent = name;
    meter.value = value;
    meter.ariaLabel = name;
    number.textContent = value.toFixed(2);
    return [label, meter, number];
  }));
}

function show(message) {
  const face = message.faces[0];
  if (scene && names.length) draw(scene, face, names);
  at("hidden").textContent = face ? `${Math.round(face.hidden * 100)} %` : "–";
  document.body.dataset.rtp = message.rtp;
  document.body.dataset.frame = message.frame;
  if (!names.length || performance.now() - listed < LIST_EVERY) return;
  listed = performance.now();
  list(face);
}

const watched = watch(at("video"), {
  state: stateWriter(at("state"), at("notice"), at("video")),
  faces: take,
  frame(now, { rtpTimestamp }) {
    const message = waiting.get(rtpTimestamp);
    if (!message) return;
    waiting.delete(rtpTimestamp);
    show(message);
  },
});
showFigures(() => watched, at("fps"), at("delay"));
