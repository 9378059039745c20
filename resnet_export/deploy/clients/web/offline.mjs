// Copies all that the page has loaded, for sw.js. What is large is copied once for each network.

const here = new URL(".", location).href;

export async function keep(network) {
  const name = `${here} ${network}`;
  await navigator.serviceWorker.register("sw.js");
  for (const key of await caches.keys()) if (key.startsWith(`${here} `) && key !== name) await caches.delete(key);
  const cache = await caches.open(name);
  const kept = new Set((await cache.keys()).map((request) => request.url));
  const loaded = performance.getEntriesByType("resource").map((entry) => entry.name);
  const ours = [...new Set([here, location.href.split("#")[0], ...loaded])].filter((url) => url.startsWith(here));
  await cache.addAll(ours.filter((url) => !(kept.has(url) && /\.(onnx|wasm)$/.test(url))));
}
