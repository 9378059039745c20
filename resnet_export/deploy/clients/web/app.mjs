// The page: a picture in, the five most probable classes out, and how long that took.

import { CONFIG, LABELS, THREADS, load, prepared, whyOneThread } from "./classifier.mjs";
import { measure, milliseconds } from "./latency.mjs";
import { keep } from "./offline.mjs";
import { best, probabilities } from "./prepare.mjs";

const MODEL = Object.keys(CONFIG.artefacts)[0];
const NAMES = { wasm: `WebAssembly with SIMD, ${THREADS} thread${THREADS > 1 ? "s" : ""}`, webgpu: "WebGPU, unproven" };
const at = (id) => document.getElementById(id);
let network, measuring = false;
let picture = blank();

// A grey picture, to be measured with before there is another one.
function blank() {
  const side = CONFIG.preparation.crop;
  const { channels } = CONFIG.input;
  return { data: new Uint8Array(side * side * channels).fill(128), width: side, height: side, channels };
}

// Opens the network; where a device can't run it, the page says so and goes back to WebAssembly.
async function open(device) {
  at("state").textContent = "Loading the network …";
  try {
    const run = await load(MODEL, device);
    await run(blank());
    at("state").textContent = `Runs on ${NAMES[device]}.`;
    return run;
  } catch (error) {
    if (device === "wasm") throw error;
    at("device").value = "wasm";
    const run = await open("wasm");
    at("state").textContent = `WebGPU can't run this network (${error.message}). Runs on ${NAMES.wasm}.`;
    return run;
  }
}

async function classify(file) {
  try {
    const start = performance.now();
    const given = await prepared(file);
    const between = performance.now();
    const run = await network;
    const ready = performance.now();
    const found = probabilities(await run(given), CONFIG);
    const end = performance.now();
    picture = given;
    show(file, best(found));
    const shares = `${milliseconds(between - start)} for the picture, ${milliseconds(end - ready)} for the network`;
    at("time").textContent = `Answered in ${milliseconds(between - start + end - ready)}: ${shares}.`;
  } catch (error) {
    at("answer").replaceChildren();
    at("preview").hidden = true;
    at("time").textContent = `${file.name} gives no answer: ${error.message}`;
  }
}

function show(file, answers) {
  URL.revokeObjectURL(at("preview").src);
  Object.assign(at("preview"), { src: URL.createObjectURL(file), alt: file.name, hidden: false });
  at("answer").replaceChildren(...answers.map(([index, probability]) => {
    const row = document.createElement("li");
    const share = `${(100 * probability).toFixed(1)} %`;
    row.style.setProperty("--share", share.replace(" ", ""));
    row.append(Object.assign(document.createElement("span"), { textContent: LABELS[index] }), ` ${share}`);
    return row;
  }));
}

async function press() {
  if (measuring) return;
  measuring = true;
  at("measure").setAttribute("aria-disabled", "true"); // not disabled, which would lose the focus
  await measure(await network, picture);
  at("measure").setAttribute("aria-disabled", "false");
  measuring = false;
}

// Makes the page work without the network, once all of it is here.
async function stay() {
  try {
    await network;
    await keep(CONFIG.source.sha256);
    at("offline").textContent = "It works without the network from now on.";
  } catch (error) {
    at("offline").textContent = `It needs the network: ${error.message}`;
  }
}

function listen() {
  const drop = at("drop");
  const choose = ([file]) => file && classify(file);
  at("file").addEventListener("change", ({ target }) => choose(target.files));
  for (const name of ["dragover", "dragleave", "drop"])
    addEventListener(name, (event) => {
      event.preventDefault();
      drop.classList.toggle("over", name === "dragover");
      if (name === "drop") choose(event.dataTransfer.files);
    });
  at("measure").addEventListener("click", press);
  at("device").addEventListener("change", ({ target }) => {
    network = open(target.value);
    stay();
  });
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

start().catch((error) => (at("state").textContent = `The network can't be opened: ${error.message}`));
