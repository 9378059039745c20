// From a decoded picture to what the network takes, and from what it gives to probabilities.

import { resizeAndCrop } from "./resize.mjs";

// Half a pixel goes to the even number, as Python rounds.
function evenly(value) {
  const floor = Math.floor(value);
  return value - floor === 0.5 ? floor + (floor % 2) : Math.round(value);
}

// Resizes and crops a picture as deploy.json says; where the network does that itself, it stays as it is.
export function prepare(picture, config) {
  const how = config.preparation;
  if (config.input.embedded === "image") return picture;
  const shorter = Math.min(picture.width, picture.height);
  const scaled = (side) => Math.floor((how.resize * side) / (how.aspect === "squashed" ? side : shorter));
  const size = { width: scaled(picture.width), height: scaled(picture.height) };
  const whole = how.half === "down" ? Math.floor : evenly;
  const [left, top] = [size.width, size.height].map((side) => whole((side - how.crop) / 2));
  return resizeAndCrop(picture, size, { left, top, side: how.crop }, how.interpolation, how.columns_first);
}

// The numbers that the network takes, and their shape, with the batch as its first axis.
export function networkInput({ data, width, height, channels }, config) {
  const { dtype, layout, batch, embedded } = config.input;
  const { mean, std, bgr } = config.preparation;
  const size = width * height;
  const image = new (dtype === "uint8" ? Uint8Array : Float32Array)(size * channels);
  for (let at = 0; at < size; at++) {
    for (let channel = 0; channel < channels; channel++) {
      const flipped = embedded === "none" && bgr ? channels - 1 - channel : channel;
      const pixel = data[at * channels + flipped];
      const value = embedded === "none" ? (pixel / 255 - mean[channel]) / std[channel] : pixel;
      image[layout === "nchw" ? channel * size + at : at * channels + channel] = value;
    }
  }
  const count = batch ?? 1;
  const images = new image.constructor(count * image.length);
  for (let at = 0; at < count; at++) images.set(image, at * image.length);
  return { images, shape: [count, ...(layout === "nchw" ? [channels, height, width] : [height, width, channels])] };
}

// RGB as the grey of Pillow.
export function inGrey(rgb) {
  const grey = new Uint8Array(rgb.length / 3);
  for (let at = 0, from = 0; at < grey.length; at++, from += 3)
    grey[at] = (19595 * rgb[from] + 38470 * rgb[from + 1] + 7471 * rgb[from + 2] + 32768) >> 16;
  return grey;
}

// From an open session of ONNX Runtime: a function from a prepared picture to a number for each class.
export const runner = (ort, session, config) => async (picture) => {
  const { images, shape } = networkInput(picture, config);
  const given = new ort.Tensor(config.input.dtype, images, shape);
  const output = (await session.run({ [config.input.name]: given }))[config.output.name];
  return Array.from(output.data).slice(0, output.data.length / shape[0]);
};

// How long runs of the network take, in milliseconds.
export async function times(run, picture, count) {
  const ms = [];
  for (let left = count; left > 0; left--) {
    const start = performance.now();
    await run(picture);
    ms.push(performance.now() - start);
    await new Promise((resolve) => setTimeout(resolve)); // a page can be drawn in between
  }
  return ms;
}

// The probability of each class.
export function probabilities(scores, config) {
  if (config.output.activation === "sigmoid") return scores.map((score) => 1 / (1 + Math.exp(-score)));
  if (config.output.activation !== "softmax") return scores;
  const largest = Math.max(...scores);
  const powers = scores.map((score) => Math.exp(score - largest));
  const sum = powers.reduce((a, b) => a + b, 0);
  return powers.map((power) => power / sum);
}

// The most probable classes, the first one first: [class, probability].
export function best(found, count = 5) {
  return [...found.entries()].sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, count);
}
