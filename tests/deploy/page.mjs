// Scenarios of the page in a bundle for browsers: node page.mjs BUNDLE SCENARIO... It prints how each one failed, as JSON.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [bundle, ...names] = process.argv.slice(2);
const { chromium } = createRequire(join(bundle, "package.json"))("playwright-core");
const { address, serve } = await import(pathToFileURL(join(bundle, "server.mjs")));
const { executable } = await import(pathToFileURL(join(bundle, "client.mjs")));
const GOLDEN = JSON.parse(readFileSync(join(bundle, "golden", "golden.json"), "utf-8")).pictures;
const LABELS = readFileSync(join(bundle, "labels.txt"), "utf-8").split("\n");
const WEBGPU = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan"]; // by the CPU
const picture = (name) => join(bundle, "golden", name);
const bytes = (name) => readFileSync(picture(name)).toString("base64");

const browsers = new Map();
const contexts = []; // of the scenario that runs; none knows of another

async function browser(args) {
  const key = args.join(" ");
  if (!browsers.get(key)?.isConnected())
    browsers.set(key, await chromium.launch({
      executablePath: executable(), args: ["--enable-unsafe-swiftshader", ...args],
    }));
  return browsers.get(key);
}

// The page in a window, once it has said that it works offline, which is the last thing that it says.
async function visit(url, { args = [], before = () => {}, offline = "It works offline from now on.", ...look } = {}) {
  const context = await (await browser(args)).newContext(look);
  contexts.push(context);
  const page = await context.newPage();
  await page.addInitScript(before);
  const errors = [];
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  await page.goto(url);
  await page.locator("#offline", { hasText: offline }).waitFor();
  return { page, errors, context };
}

async function answered(page, name) {
  await page.locator("#time", { hasText: "Answered in" }).waitFor();
  await page.locator(`#preview[alt="${name}"]`).waitFor();
  const rows = await page.locator("#answer li").allInnerTexts();
  assert.equal(rows.length, 5);
  assert.ok(rows[0].startsWith(LABELS[GOLDEN[name].top1]), rows[0]);
  const shares = rows.map((row) => Number(/([\d.]+) %$/.exec(row)[1]));
  assert.deepEqual(shares, shares.toSorted((a, b) => b - a));
}

const choose = async (page, name) => {
  await page.locator("#file").setInputFiles(picture(name));
  await answered(page, name);
};

async function measured(page) {
  await page.locator("#summary", { hasText: /^50 runs: median .* ms, 9 of 10 within .* ms\.$/ }).waitFor();
  assert.equal(await page.locator("#histogram rect").count(), 20);
  assert.match(await page.locator("#histogram").getAttribute("aria-label"), /^Histogram from .* ms to .* ms$/);
}

// The contrast of a text with what is behind it, as WCAG defines it.
const contrast = (page, selector) =>
  page.locator(selector).first().evaluate((element) => {
    const light = (colour) => {
      const [r, g, b] = colour.match(/[\d.]+/g).map((one) => one / 255)
        .map((one) => (one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    let behind = element;
    const solid = (one) => !/^rgba\(.*, 0\)$/.test(getComputedStyle(one).backgroundColor);
    while (!solid(behind)) behind = behind.parentElement;
    const both = [getComputedStyle(element).color, getComputedStyle(behind).backgroundColor].map(light);
    return (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
  });

const scenarios = {
  async choosing(url) {
    const { page, errors } = await visit(url);
    for (const name of ["08-colour.jpg", "05-alpha.png", "06-1x500.png", "12-cmyk.jpg"]) await choose(page, name);
    assert.match(await page.locator("#state").innerText(), /^Runs on WebAssembly with SIMD, [2-8] threads\.$/);
    assert.equal(await page.locator("#threads").innerText(), "");
    assert.equal(await page.title(), "net");
    assert.deepEqual(errors, []);
  },

  async dropping(url) {
    const { page, errors } = await visit(url);
    const given = await page.evaluateHandle(async (data) => {
      const transfer = new DataTransfer();
      const blob = await (await fetch(`data:image/jpeg;base64,${data}`)).blob();
      transfer.items.add(new File([blob], "08-colour.jpg"));
      return transfer;
    }, bytes("08-colour.jpg"));
    await page.dispatchEvent("#drop", "dragover", { dataTransfer: given });
    assert.equal(await page.locator("#drop.over").count(), 1);
    await page.dispatchEvent("#drop", "drop", { dataTransfer: given });
    await answered(page, "08-colour.jpg");
    assert.equal(await page.locator("#drop.over").count(), 0);
    assert.deepEqual(errors, []);
  },

  async keyboard(url) {
    const { page, errors } = await visit(url);
    const focused = () => page.evaluate(() => document.activeElement.id);
    await page.keyboard.press("Tab");
    assert.equal(await focused(), "file");
    assert.notEqual(await page.locator("#drop").evaluate((one) => getComputedStyle(one).outlineStyle), "none");
    // A busy Chromium now and then opens no chooser for a key that came early: its user would press it again.
    let chooser;
    page.once("filechooser", (opened) => (chooser = opened));
    for (let tries = 0; tries < 5 && !chooser; tries++) {
      await page.keyboard.press("Space");
      for (let waited = 0; waited < 50 && !chooser; waited++) await page.waitForTimeout(100);
    }
    await chooser.setFiles(picture("08-colour.jpg"));
    await answered(page, "08-colour.jpg");
    while ((await focused()) !== "measure") await page.keyboard.press("Tab");
    await page.keyboard.press("Enter");
    await measured(page);
    assert.equal(await focused(), "measure");
    assert.deepEqual(errors, []);
  },

  async names(url) {
    const { page } = await visit(url);
    await choose(page, "08-colour.jpg");
    assert.equal(await page.getByLabel("Drop a picture here, or choose one").getAttribute("type"), "file");
    assert.equal(await page.getByRole("button", { name: "Measure the latency" }).count(), 1);
    assert.equal(await page.getByRole("img", { name: "08-colour.jpg" }).count(), 1);
    assert.equal(await page.getByRole("heading", { name: "net" }).count(), 1);
    assert.equal(await page.locator("#result").getAttribute("aria-live"), "polite");
    for (const id of ["state", "threads", "summary", "offline"])
      assert.equal(await page.locator(`#${id}`).getAttribute("role"), "status");
  },

  async phone(url) {
    for (const width of [320, 390]) {
      const { page, errors, context } = await visit(url, { viewport: { width, height: 700 }, hasTouch: true });
      await choose(page, "08-colour.jpg");
      await page.locator("#measure").click();
      await measured(page);
      await page.locator("#title").evaluate((one) => (one.textContent = "a".repeat(200)));
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width);
      assert.ok((await page.locator("#measure").boundingBox()).height >= 40);
      assert.deepEqual(errors, []);
      await context.close();
    }
  },

  async dark(url) {
    const papers = [];
    for (const colorScheme of ["light", "dark"]) {
      const { page, context } = await visit(url, { colorScheme });
      await choose(page, "08-colour.jpg");
      await page.locator("#threads").evaluate((one) => (one.textContent = "One thread"));
      const texts = ["h1", "#drop span", "#drop b", "#drop small", "#answer span", "#time", "#threads", "#measure"];
      for (const text of texts)
        assert.ok((await contrast(page, text)) >= 4.5, `${text} in ${colorScheme}`);
      papers.push(await page.evaluate(() => getComputedStyle(document.body).backgroundColor));
      await context.close();
    }
    assert.deepEqual(papers, ["rgb(255, 255, 255)", "rgb(20, 23, 27)"]);
  },

  async offline(url, server) {
    const { page, errors } = await visit(url);
    server.close();
    server.closeAllConnections();
    for (let visits = 0; visits < 2; visits++) {
      await page.reload();
      await page.locator("#offline", { hasText: "It works offline" }).waitFor();
      assert.match(await page.locator("#state").innerText(), /[2-8] threads\.$/);
      await choose(page, "08-colour.jpg");
    }
    assert.deepEqual(errors.filter((one) => !one.includes("ERR_CONNECTION_REFUSED")), []);
  },

  // A server that sends neither of the two headers.
  async headers(url) {
    const plain = createServer(async (request, response) => {
      const found = await fetch(new URL(request.url, url));
      response.writeHead(found.status, { "Content-Type": found.headers.get("Content-Type") ?? "" });
      response.end(Buffer.from(await found.arrayBuffer()));
    });
    await new Promise((resolve) => plain.listen(0, "127.0.0.1", resolve));
    const { page, errors } = await visit(address(plain));
    assert.match(await page.locator("#state").innerText(), /^Runs on WebAssembly with SIMD, 1 thread\.$/);
    assert.equal(
      await page.locator("#threads").innerText(),
      "WebAssembly has one thread only, since the server does not send the headers Cross-Origin-Opener-Policy and " +
        "Cross-Origin-Embedder-Policy. It is slower than it could be.",
    );
    await choose(page, "08-colour.jpg");
    assert.deepEqual(errors, []);
  },

  // As another machine sees it, over http.
  async insecure(url) {
    const args = ["--host-resolver-rules=MAP classifier.example 127.0.0.1"];
    const offline = "It does not work offline";
    const { page } = await visit(url.replace("127.0.0.1", "classifier.example"), { args, offline });
    assert.match(await page.locator("#threads").innerText(), /one thread only, since the page was not served over/);
    await choose(page, "08-colour.jpg");
  },

  async junk(url) {
    const { page, errors } = await visit(url);
    await choose(page, "08-colour.jpg");
    const notes = { name: "notes.txt", mimeType: "text/plain", buffer: Buffer.from("hello") };
    await page.locator("#file").setInputFiles(notes);
    await page.locator("#time", { hasText: "notes.txt gives no answer: " }).waitFor();
    assert.equal(await page.locator("#answer li").count(), 0);
    assert.equal(await page.locator("#preview").isVisible(), false);
    await choose(page, "08-colour.jpg");
    assert.deepEqual(errors, []);
  },

  async webgpu(url) {
    const { page } = await visit(url, { args: WEBGPU });
    await page.getByLabel("Runs on").selectOption("webgpu");
    await page.locator("#state", { hasText: "Runs on WebGPU, unproven." }).waitFor();
    await choose(page, "08-colour.jpg");
  },

  async failing_webgpu(url) {
    const refuse = () => (GPUAdapter.prototype.requestDevice = async () => { throw new Error("no device"); });
    const { page } = await visit(url, { args: WEBGPU, before: refuse });
    await page.getByLabel("Runs on").selectOption("webgpu");
    await page.locator("#state", { hasText: /^WebGPU can't run this network \(.+\)\. Runs on Web/ }).waitFor();
    assert.equal(await page.getByLabel("Runs on").inputValue(), "wasm");
    await choose(page, "08-colour.jpg");
  },

  async broken(url) {
    const { page } = await visit(url);
    writeFileSync(join(bundle, "net.onnx"), "junk");
    await page.reload();
    await page.locator("#state", { hasText: "The network can't be opened: " }).waitFor();
  },
};

const failures = {};
for (const name of names) {
  const server = await serve(0);
  try {
    await scenarios[name](address(server), server);
    failures[name] = "";
  } catch (error) {
    failures[name] = error.stack;
  }
  for (const context of contexts.splice(0)) await context.close().catch(() => {});
  server.close();
  server.closeAllConnections();
}
console.log(JSON.stringify(failures));
process.exit(0);
