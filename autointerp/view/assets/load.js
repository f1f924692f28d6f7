/** The data of a run: fetched beside the page, packed where no server packs, or within it when the page is one file. */

const loading = new Map();

/** "served", "static", "folder" (static, and packed) or "file". */
function mode() {
  return document.documentElement.dataset.mode || 'static';
}

/** The document data/NAME.json as an object; asked for once. Throws an Error that says what is missing. */
export function load(name) {
  if (!loading.has(name)) {
    const found = mode() === 'file' ? fromPage(name) : fromServer(name);
    loading.set(name, found);
    found.catch(() => loading.delete(name));
  }
  return loading.get(name);
}

async function fromServer(name) {
  const file = `data/${name}.json${mode() === 'folder' ? '.gz' : ''}`;
  const response = await fetch(file);
  if (!response.ok) throw new Error(`${file}: the server answered ${response.status}`);
  if (mode() !== 'folder') return response.json();
  const bytes = new Uint8Array(await response.arrayBuffer());
  const isPacked = bytes[0] === 0x1f && bytes[1] === 0x8b; // some servers say gzip, and the browser has unpacked it
  return isPacked ? unpacked(bytes) : JSON.parse(new TextDecoder().decode(bytes));
}

async function fromPage(name) {
  const element = document.getElementById(`data/${name}`);
  if (!element) throw new Error(`${name} is not in this file`);
  const bytes = Uint8Array.from(atob(element.textContent), (character) => character.charCodeAt(0));
  return unpacked(bytes);
}

function unpacked(bytes) {
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'))).json();
}

/** All about a feature, or null where only its row of the listing exists. */
export async function loadFeature(run, feature) {
  const index = run.detailed.indexOf(feature);
  if (index < 0) return null;
  const shard = await load(`features/${Math.floor(index / run.shard_size)}`);
  return shard.features[String(feature)] || null;
}

/** Whether details of a feature that nobody asked about can be had: from the model of a running server. */
export function canMakeDetails(run) {
  return mode() === 'served' && run.can_fire;
}

const made = new Map();

/** Details of such a feature; takes seconds, and is remembered. Throws an Error with the server's reason. */
export function makeDetails(feature) {
  if (!made.has(feature)) {
    const asked = ask(`api/feature?id=${feature}`).then((shard) => shard.features[String(feature)]);
    made.set(feature, asked);
    asked.catch(() => made.delete(feature));
  }
  return made.get(feature);
}

/** Which features fire where in a text, from the running server. Throws an Error with the server's reason. */
export function askFire(text) {
  return ask(`api/fire?text=${encodeURIComponent(text)}`);
}

async function ask(address) {
  const response = await fetch(address);
  const reply = await response.json().catch(() => ({error: `the server answered ${response.status}`}));
  if (!response.ok || reply.error) throw new Error(reply.error || `the server answered ${response.status}`);
  return reply;
}
