// Answers the pictures in golden/: exit code 0 where all answers are right, else 1.
//
// With --json it prints what it found instead, for another program: prepared pixels, scores, times and memory.

import { createHash } from "node:crypto";
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { deflateSync } from "node:zlib";

import { CONFIG, HERE, close, load, peakMb, prepared, runtime, times } from "./client.mjs";

const GOLDEN = join(HERE, "golden");

const decision = (scores) => (scores.length > 1 ? scores.indexOf(Math.max(...scores)) : Number(scores[0] > 0));

// Whether it is the answer that it should be: all scores where the pixels are known, else the best class.
function isRight(scores, picture, wanted, bound) {
  if (createHash("sha256").update(picture.data).digest("hex") === wanted.pixels)
    return scores.every((score, index) => Math.abs(score - wanted.scores[index]) <= bound);
  return !wanted.decided || decision(scores) === wanted.top1;
}

async function check(run, model) {
  const golden = JSON.parse(readFileSync(join(GOLDEN, "golden.json"), "utf-8"));
  const wrong = [];
  for (const [name, wanted] of Object.entries(golden.pictures)) {
    const picture = await prepared(join(GOLDEN, name));
    if (!isRight(await run(picture), picture, wanted, golden.bounds[model])) wrong.push(name);
  }
  console.log([`${Object.keys(golden.pictures).length} pictures, ${wrong.length} wrong answers`, ...wrong].join(" "));
  return wrong.length;
}

async function found(run) {
  const names = readdirSync(GOLDEN).filter((name) => !name.endsWith(".json")).sort();
  const answers = {};
  for (const name of names) {
    const picture = await prepared(join(GOLDEN, name));
    const { height, width, channels, data } = picture;
    const pixels = deflateSync(data).toString("base64");
    answers[name] = { shape: [height, width, channels], pixels, scores: await run(picture) };
  }
  const picture = await prepared(join(GOLDEN, names[0]));
  return { runtime: await runtime(), answers, ms: await times(run, picture, CONFIG.runs), peak_mb: peakMb() };
}

async function main({ model, json }) {
  const run = await load(model);
  if (json) console.log(JSON.stringify(await found(run)));
  else process.exitCode = (await check(run, model)) > 0 ? 1 : 0;
  await close();
}

const options = { json: { type: "boolean" }, model: { type: "string", default: Object.keys(CONFIG.artefacts)[0] } };
main(parseArgs({ options }).values).catch((error) => {
  console.error(error.message.split("\n")[0]);
  process.exit(1);
});
