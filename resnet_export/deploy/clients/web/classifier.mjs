// The classifier in a browser: opens the network, decodes and prepares pictures. app.mjs is the page around it.
//
// How pictures are prepared, and what the network takes and gives, stands in deploy.json.

import { inGrey, prepare, runner } from "./prepare.mjs";

const text = async (file) => (await fetch(file)).text();
export const CONFIG = JSON.parse(await text("deploy.json"));
export const LABELS = (await text("labels.txt")).split("\n");

// Of the CPU. Browsers allow more than one on pages alone that were served with the two headers of server.mjs.
export const THREADS = crossOriginIsolated ? Math.min(navigator.hardwareConcurrency, 8) : 1;

// Why there is only one thread; empty where there are more.
export function whyOneThread() {
  if (THREADS > 1) return "";
  if (crossOriginIsolated) return "this device has one core";
  if (!isSecureContext) return "the page was not served over https";
  return "the server does not send the headers Cross-Origin-Opener-Policy and Cross-Origin-Embedder-Policy";
}

// Opens a network on "wasm" or "webgpu": gives a function from a prepared picture to a number for each class.
export async function load(file, device = "wasm") {
  const ort = await import(`./ort/ort.${device}.bundle.min.mjs`);
  ort.env.wasm.numThreads = THREADS;
  const session = await ort.InferenceSession.create(file, { executionProviders: [device], logSeverityLevel: 3 });
  return runner(ort, session, CONFIG);
}

// The picture in a file as the network is given it, but for the normalisation.
export const prepared = async (blob) => prepare(await decode(blob), CONFIG);

// The picture in a file, upright, as bytes in RGB or grey. As in Pillow, colour profiles and transparency are left out.
async function decode(blob) {
  const bitmap = await createImageBitmap(blob, { premultiplyAlpha: "none", colorSpaceConversion: "none" });
  const { width, height } = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  const drawn = context.getImageData(0, 0, width, height).data;
  const rgb = withoutAlpha(isOpaque(drawn) ? drawn : asStored(bitmap));
  const channels = CONFIG.input.channels;
  return { data: channels === 1 ? inGrey(rgb) : rgb, width, height, channels };
}

function isOpaque(rgba) {
  for (let at = 3; at < rgba.length; at += 4) if (rgba[at] < 255) return false;
  return true;
}

function withoutAlpha(rgba) {
  const rgb = new Uint8Array((rgba.length / 4) * 3);
  for (let at = 0, from = 0; at < rgb.length; from++) for (let k = 0; k < 3; k++) rgb[at++] = rgba[from++];
  return rgb;
}

// A canvas multiplies the colours by alpha and rounds, which can't be undone. WebGL hands them out as they are stored.
function asStored(bitmap) {
  const { width, height } = bitmap;
  const gl = new OffscreenCanvas(1, 1).getContext("webgl");
  if (!gl) throw new Error("This browser has no WebGL, which pictures with transparency need.");
  const texture = gl.createTexture();
  gl.bindTexture(gl.TEXTURE_2D, texture);
  gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA, gl.RGBA, gl.UNSIGNED_BYTE, bitmap);
  gl.bindFramebuffer(gl.FRAMEBUFFER, gl.createFramebuffer());
  gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, texture, 0);
  const rgba = new Uint8Array(4 * width * height);
  gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, rgba);
  gl.getExtension("WEBGL_lose_context")?.loseContext();
  return rgba;
}
