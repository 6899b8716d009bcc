// The life of a secrets engine with node-vault. Prints one line of JSON for each call: what came of it, or its error.
const vault = require("node-vault")({ endpoint: process.env.BAO_ADDR, token: process.env.BAO_TOKEN });

const steps = [
  ["mounts", () => vault.mounts()],
  ["mount", () => vault.mount({ mount_point: "old", type: "kv", description: "d", options: { version: "1" } })],
  ["mount again", () => vault.mount({ mount_point: "old", type: "kv" })],
  ["mount of no type", () => vault.mount({ mount_point: "x", type: "nosuch" })],
  ["write", () => vault.write("old/a", { k: "v", n: 1 })],
  ["read", () => vault.read("old/a")],
  ["list", () => vault.list("old")],
  ["remount", () => vault.remount({ from: "old", to: "new/place" })],
  ["moved", () => moved("new/place/a")],
  ["read at the old place", () => vault.read("old/a")],
  ["remount of nothing", () => vault.remount({ from: "nosuch", to: "x" })],
  ["remount to what is taken", () => vault.remount({ from: "new/place", to: "secret" })],
  ["write version 2", () => vault.write("secret/data/a", { data: { k: "v" }, options: { cas: 0 } })],
  ["write version 2 again", () => vault.write("secret/data/a", { data: { k: "v" }, options: { cas: 0 } })],
  ["read version 2", () => vault.read("secret/data/a")],
  ["update", () => vault.update("secret/data/a", { data: { k: "w" } })],
  ["list version 2", () => vault.list("secret/metadata")],
  ["delete version 2", () => vault.delete("secret/data/a")],
  ["read what is deleted", () => vault.read("secret/data/a")],
  ["read nothing", () => vault.read("secret/data/nosuch")],
  ["initialized", () => vault.initialized()],
  ["health", () => vault.health().then((health) => [health.initialized, health.sealed, health.standby])],
  ["status", () => vault.status().then((status) => status.sealed)],
  ["init", () => vault.init({ secret_shares: 1, secret_threshold: 1 })],
  ["unmount", () => vault.unmount({ mount_point: "new/place" })],
  ["unmount of nothing", () => vault.unmount({ mount_point: "nosuch" })],
  ["mounts at the end", () => vault.mounts()],
];

// A server may move after it has answered.
async function moved(path) {
  for (;;) {
    try {
      return await vault.read(path);
    } catch (error) {
      if (!error.response || error.response.statusCode !== 404) throw error;
    }
  }
}

(async () => {
  for (const [name, call] of steps) {
    let came;
    try {
      came = { value: (await call()) ?? null };
    } catch (error) {
      const response = error.response || {};
      came = { error: error.message, status: response.statusCode, body: response.body };
    }
    console.log(JSON.stringify({ name, ...came }));
  }
})();
