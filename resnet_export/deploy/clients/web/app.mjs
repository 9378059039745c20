// The page: a picture in, the five most probable classes out, and how long that took.

import { CONFIG, LABELS, THREADS, load, prepared, whyOneThread } from "./classifier.mjs";
import { measure, milliseconds } from "./latency.mjs";
import { keep } from "./offline.mjs";
import { best, probabilities } from "./prepare.mjs";

const MODEL = Object.keys(CONFIG.artefacts)[0];
const NAMES = { wasm: `WebAssembly with SIMD, ${THREADS} thread${THREADS > 1 ? "s" : ""}`, webgpu: "WebGPU, unproven" };
const at = (id) => document.getElementById(id);
const reason = (error) => error.message ?? "it gives no reason"; // ONNX Runtime may throw a number
let network;
let picture = blank();

// A grey picture, to be measured with before there is another one.
function blank() {
  const side = CONFIG.preparation.crop;
  const { channels } = CONFIG.input;
  return { data: new Uint8Array(side * side * channels).fill(128), width: side, height: side, channels };
}

async function open(device) {
  at("state").textContent = "Loading the network …";
  const run = await load(MODEL, device);
  await run(blank()); // the first run is slower
  at("state").textContent = `Runs on ${NAMES[device]}.`;
  return run;
}

// Opens the network on another device. Where that can't run it, the page says so and stays as it was.
function change({ target }) {
  const before = network;
  network = open(target.value).catch((error) => {
    target.value = "wasm";
    at("state").textContent = `WebGPU can't run this network (${reason(error)}). Runs on ${NAMES.wasm}.`;
    return before;
  });
  network.then(stay);
}

async function classify(file) {
  try {
    const start = performance.now();
    const given = await prepared(file);
    const waiting = performance.now();
    const run = await network;
    const ready = performance.now();
    const scores = await run(given);
    const [before, after] = [waiting - start, performance.now() - ready];
    picture = given;
    show(file, best(probabilities(scores, CONFIG)));
    at("time").textContent = `Answered in ${milliseconds(before + after)}, ${milliseconds(after)} of it the network's.`;
  } catch (error) {
    at("answer").replaceChildren();
    at("preview").hidden = true;
    at("time").textContent = `${file.name} gives no answer: ${reason(error)}`;
  }
}

function show(file, answers) {
  URL.revokeObjectURL(at("preview").src);
  Object.assign(at("preview"), { src: URL.createObjectURL(file), alt: file.name, hidden: false });
  const row = at("row").content.firstElementChild;
  at("answer").replaceChildren(...answers.map(([index, probability]) => {
    const made = row.cloneNode(true);
    const share = (100 * probability).toFixed(1);
    made.style.setProperty("--share", `${share}%`);
    [made.children[0].textContent, made.children[1].textContent] = [LABELS[index], `${share} %`];
    return made;
  }));
}

// Makes the page work offline; says whether it does.
async function stay() {
  const why = await keep(CONFIG.source.sha256).catch(reason);
  at("offline").textContent = why ? `It does not work offline: ${why}` : "It works offline from now on.";
}

function listen() {
  const choose = ([file]) => file && classify(file);
  at("file").addEventListener("change", ({ target }) => choose(target.files));
  for (const name of ["dragover", "dragleave", "drop"])
    addEventListener(name, (event) => {
      event.preventDefault();
      at("drop").classList.toggle("over", name === "dragover");
      if (name === "drop") choose(event.dataTransfer.files);
    });
  at("measure").addEventListener("click", async () => measure(await network, picture));
  at("device").addEventListener("change", change);
}

async function start() {
  document.title = CONFIG.source.file.replace(/\.onnx$/, "");
  at("title").textContent = document.title;
  const why = whyOneThread();
  at("threads").textContent = why && `WebAssembly has one thread only, since ${why}. It is slower than it could be.`;
  network = open("wasm");
  listen();
  await network;
  at("choice").hidden = !(await navigator.gpu?.requestAdapter());
  await stay();
}

start().catch((error) => (at("state").textContent = `The network can't be opened: ${reason(error)}`));
