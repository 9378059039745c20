// Serves this folder: node server.mjs 8000. Any other server will do that sends the two headers.

import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import { dirname, extname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";

const HERE = dirname(fileURLToPath(import.meta.url));
const HEADERS = { "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Embedder-Policy": "require-corp" };
const TYPES = { ".html": "text/html", ".css": "text/css", ".mjs": "text/javascript", ".js": "text/javascript",
  ".json": "application/json", ".wasm": "application/wasm" };

async function answer(request, response) {
  const path = decodeURIComponent(request.url.replace(/[?#].*/, ""));
  const file = join(HERE, path.endsWith("/") ? `${path}index.html` : path);
  if (!file.startsWith(HERE + sep)) throw new Error("outside this folder");
  const body = await readFile(file);
  response.writeHead(200, { ...HEADERS, "Content-Type": TYPES[extname(file)] ?? "application/octet-stream" }).end(body);
}

// The server at that port, or at a free one where it is taken.
export const serve = (port) => new Promise((resolve) => {
  const server = createServer((...both) => answer(...both).catch(() => both[1].writeHead(404, HEADERS).end()));
  server.on("error", () => server.listen(0, "127.0.0.1"));
  server.on("listening", () => resolve(server));
  server.listen(port, "127.0.0.1");
});

export const address = (server) => `http://127.0.0.1:${server.address().port}/`;

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const port = Number(process.argv[2] ?? 8000);
  const server = await serve(port);
  if (server.address().port !== port) console.log(`Port ${port} is taken.`);
  console.log(`Open ${address(server)}`);
}
