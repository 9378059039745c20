// Classifies pictures, and prints the five most probable classes of each: node client.mjs cat.jpg dog.png
//
// How the pictures are prepared, and what the network takes and gives, stands in deploy.json.

import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

import * as ort from "onnxruntime-node";
import sharp from "sharp";

import { best, inGrey, prepare, probabilities, runner, times } from "./prepare.mjs";

export const HERE = dirname(fileURLToPath(import.meta.url));
export const CONFIG = JSON.parse(readFileSync(join(HERE, "deploy.json"), "utf-8"));
const LABELS = readFileSync(join(HERE, "labels.txt"), "utf-8").split("\n");

// The picture in a file, upright, as bytes in RGB or grey. Colour profiles are left out, as Pillow does.
async function decode(path) {
  const image = sharp(path, { ignoreIcc: true, limitInputPixels: false }).autoOrient();
  const space = (await image.metadata()).space === "cmyk" ? "cmyk" : "srgb";
  image.pipelineColourspace(space).toColourspace(space);
  const { data, info } = await image.removeAlpha().raw().toBuffer({ resolveWithObject: true });
  const rgb = inRgb(data, info.channels);
  const channels = CONFIG.input.channels;
  return { data: channels === 1 ? inGrey(rgb) : rgb, width: info.width, height: info.height, channels };
}

// Bytes in grey, RGB or CMYK as RGB.
function inRgb(data, channels) {
  if (channels === 3) return data;
  const rgb = new Uint8Array((data.length / channels) * 3);
  for (let at = 0; at < rgb.length; at++) {
    const from = Math.floor(at / 3) * channels;
    if (channels === 1) rgb[at] = data[from];
    else {
      const light = 255 - data[from + 3];
      const product = data[from + (at % 3)] * light + 128;
      rgb[at] = Math.max(0, light - (((product >> 8) + product) >> 8));
    }
  }
  return rgb;
}

// The picture in a file as the network is given it, but for the normalisation.
export const prepared = async (path) => prepare(await decode(path), CONFIG);

// Opens a network: gives a function from a prepared picture to a number for each class.
export async function load(file) {
  const session = await ort.InferenceSession.create(join(HERE, file), { logSeverityLevel: 3 });
  return runner(ort, session, CONFIG);
}

// What selftest.mjs asks a client for as well.
export { times };
const { dependencies } = JSON.parse(readFileSync(join(HERE, "package.json"), "utf-8"));
export const runtime = () => `onnxruntime-node ${dependencies["onnxruntime-node"]}, node ${process.versions.node}`;

// The most memory of this process so far, in MB. On Linux, resourceUsage begins with what the parent had.
export function peakMb() {
  const linux = process.platform === "linux";
  const status = linux ? readFileSync("/proc/self/status", "utf-8") : `VmHWM: ${process.resourceUsage().maxRSS}`;
  return (Number(/VmHWM:\s+(\d+)/.exec(status)[1]) * 1024) / 1e6;
}

export const close = () => {};

async function main(paths) {
  if (paths.length === 0) {
    console.error("Give pictures: node client.mjs cat.jpg");
    process.exit(2);
  }
  const run = await load(Object.keys(CONFIG.artefacts)[0]);
  for (const path of paths) {
    const pixels = await prepared(path).catch((error) => {
      console.error(`${path} cannot be read: ${error.message}`);
      process.exit(1);
    });
    const found = probabilities(await run(pixels), CONFIG);
    for (const [index, probability] of best(found)) console.log(`${probability.toFixed(4)}  ${LABELS[index]}  ${path}`);
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(process.argv.slice(2));
