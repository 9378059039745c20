// The page in a headless Chromium, as a client in Node.js: selftest.mjs asks it for answers.

import { existsSync, readFileSync } from "node:fs";
import { delimiter, dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright-core";

import { address, serve } from "./server.mjs";

export const HERE = dirname(fileURLToPath(import.meta.url));
export const CONFIG = JSON.parse(readFileSync(join(HERE, "deploy.json"), "utf-8"));
const { dependencies } = JSON.parse(readFileSync(join(HERE, "package.json"), "utf-8"));
const BROWSERS = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
const errors = [];
let server, browser, page;

// The browser on this machine.
export function executable() {
  const places = BROWSERS.flatMap((name) => process.env.PATH.split(delimiter).map((folder) => join(folder, name)));
  const found = places.find(existsSync);
  if (!found) throw new Error("There is no Chromium here. Install it, on Debian with: apt-get install chromium");
  return found;
}

// Opens the page, and in it the network.
export async function load(model) {
  server = await serve(0);
  browser = await chromium.launch({ executablePath: executable(), args: ["--enable-unsafe-swiftshader"] });
  page = await browser.newPage();
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  await page.goto(address(server));
  await page.evaluate(async (model) => {
    window.client = { ...(await import("./classifier.mjs")), ...(await import("./prepare.mjs")) };
    window.run = await client.load(model);
  }, model);
  return (picture) => page.evaluate((picture) => run(picture), picture);
}

// The picture in a file, prepared by the page.
export const prepared = (path) =>
  page.evaluate(async (file) => client.prepared(await (await fetch(file)).blob()),
    relative(HERE, path).split(sep).map(encodeURIComponent).join("/"));

export const times = (_, picture, count) =>
  page.evaluate(([picture, count]) => client.times(run, picture, count), [picture, count]);

export const peakMb = () => null; // the network is in another process, the browser's

export async function runtime() {
  const threads = await page.evaluate(() => client.THREADS);
  return `onnxruntime-web ${dependencies["onnxruntime-web"]}, Chromium ${browser.version()}, ${threads} threads`;
}

export async function close() {
  await browser.close();
  server.close();
  if (errors.length > 0) throw new Error(`The page says: ${errors[0]}`);
}
