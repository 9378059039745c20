// What the network does not answer comes from the copies that app.mjs keeps, so that the page works offline.

addEventListener("install", () => skipWaiting());
addEventListener("activate", (event) => event.waitUntil(clients.claim()));
addEventListener("fetch", (event) => event.respondWith(fetch(event.request).catch(() => kept(event.request))));

const kept = async (request) => (await caches.match(request, { ignoreSearch: true })) ?? Response.error();
