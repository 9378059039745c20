// How long the network takes, and the histogram of that.

import { times } from "./prepare.mjs";

const RUNS = 50;
const BINS = 20;
const HEIGHT = 80;
const at = (id) => document.getElementById(id);
export const milliseconds = (value) => `${value.toPrecision(3)} ms`;

// Measures runs of a network on a prepared picture, and shows them.
export async function measure(run, picture) {
  const button = at("measure");
  if (button.ariaDisabled === "true") return;
  button.ariaDisabled = "true"; // not disabled, which would lose the focus
  at("latency").hidden = false;
  at("summary").textContent = `Measuring ${RUNS} runs …`;
  const ms = (await times(run, picture, RUNS)).sort((a, b) => a - b);
  const [least, median, late, most] = [0, 0.5, 0.9, 1].map((share) => ms[Math.round(share * (RUNS - 1))]);
  at("histogram").innerHTML = bars(ms, least, most);
  at("histogram").setAttribute("aria-label", `Histogram from ${milliseconds(least)} to ${milliseconds(most)}`);
  const [from, to] = at("axis").children;
  [from.textContent, to.textContent] = [milliseconds(least), milliseconds(most)];
  at("summary").textContent = `${RUNS} runs: median ${milliseconds(median)}, 9 of 10 within ${milliseconds(late)}.`;
  button.ariaDisabled = "false";
}

function bars(ms, least, most) {
  const counts = new Array(BINS).fill(0);
  for (const one of ms) counts[Math.min(BINS - 1, Math.floor(((one - least) / (most - least || 1)) * BINS))]++;
  const unit = HEIGHT / Math.max(...counts);
  const bar = (high, bin) => `<rect x="${16 * bin}" y="${HEIGHT - high}" width="15" height="${high}"/>`;
  return counts.map((count, bin) => bar(unit * count, bin)).join("");
}
