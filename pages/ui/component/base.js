// What every component of the dashboard shares; __init__.py sets it before the component's own text.
//
// Streamlit calls the default export at every rerun, with new data but the same DOM. Everything
// that has to outlive a rerun is kept in a Component, one per root element.

const UTF8 = new TextDecoder();

/** What a component exports: `Kind` is made once for the element at `selector`, then updated. */
function mounted(selector, Kind) {
  const alive = new WeakMap();
  return ({ data, parentElement, setTriggerValue }) => {
    const root = parentElement.querySelector(selector);
    if (!alive.has(root)) alive.set(root, new Kind(root));
    const one = alive.get(root);
    one.trigger = setTriggerValue;
    const turn = one.update(data);
    return () => {
      // Streamlit also cleans up after a call that a newer one overtook; the newer one lives on.
      if (one.turn !== turn) return;
      one.close();
      alive.delete(root);
    };
  };
}

class Component {
  turn = 0; // updates asked for
  shown = 0; // the update that is on the screen
  header = null; // what is on the screen
  life = new AbortController();

  constructor(root) {
    this.root = root;
    this.readout = root.querySelector(".readout");
    this.spoken = root.querySelector(".spoken");
    this.template = root.querySelector("template");
    this.full = root.querySelector(".full");
    this.full.hidden = !document.fullscreenEnabled;
    this.on(this.full, "click", () => this.toggleFull());
    this.on(root, "fullscreenchange", () => this.onFull());
    this.observer = new ResizeObserver(() => this.onResize());
    this.observer.observe(root);
  }

  on(target, type, react, options = {}) {
    target.addEventListener(type, react, { signal: this.life.signal, ...options });
  }

  /** Whether an update comes too late to be shown. */
  isLate(turn) {
    return turn < this.shown || this.life.signal.aborted;
  }

  refuse(error) {
    this.readout.textContent = "The browser cannot decode this picture.";
    console.error(error);
  }

  get isFull() {
    return this.root.getRootNode().fullscreenElement === this.root;
  }

  async toggleFull() {
    try {
      await (this.isFull ? document.exitFullscreen() : this.root.requestFullscreen());
    } catch (error) {
      console.warn("Full screen was refused.", error); // the page stays as it is
    }
  }

  onFull() {
    const label = this.isFull ? "Leave full screen" : "Full screen";
    this.full.title = label;
    this.full.setAttribute("aria-label", label);
  }

  close() {
    this.life.abort();
    this.observer.disconnect();
  }
}

// Data --------------------------------------------------------------------------------------------

/** Takes a blob apart: uint32 length of the header, header as JSON, files in the order of `parts`. */
function unpack(data, parts) {
  const length = new DataView(data.buffer, data.byteOffset).getUint32(0, true);
  const header = JSON.parse(UTF8.decode(data.subarray(4, 4 + length)));
  let start = 4 + length;
  for (const part of parts(header)) {
    part.file = data.subarray(start, start + part.length);
    start += part.length;
  }
  return header;
}

/** The same with files by their digest. */
function unpackFiles(data) {
  const header = unpack(data, ({ files }) => files);
  return { header, files: new Map(header.files.map(({ digest, file }) => [digest, file])) };
}

/** The labels of a packed map, exactly as they were. */
async function inflate(file, bytes) {
  const kinds = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array };
  const stream = new Blob([file]).stream().pipeThrough(new DecompressionStream("deflate"));
  return new kinds[bytes](await new Response(stream).arrayBuffer());
}

function remember(known, key, make) {
  if (!known.has(key)) known.set(key, make());
  return known.get(key);
}

function keepOnly(known, keys) {
  for (const key of known.keys()) if (!keys.includes(key)) known.delete(key);
}

function fromHex(text) {
  return Uint8Array.from({ length: text.length / 2 }, (_, i) =>
    Number.parseInt(text.slice(2 * i, 2 * i + 2), 16));
}

// Places ------------------------------------------------------------------------------------------

function clamp(at, length) {
  return Math.min(Math.max(at, 0), length - 1);
}

/** Where in an element a pointer is, in parts of it from 0 to 1; undefined if it is beside it. */
function placeIn(element, { clientX, clientY }) {
  const frame = element.getBoundingClientRect();
  const at = [(clientX - frame.left) / frame.width, (clientY - frame.top) / frame.height];
  return at.every((part) => part >= 0 && part < 1) ? at : undefined;
}

/** The pixel at a place. */
function pixelAt(at, size) {
  return at.map((part, i) => clamp(Math.floor(part * size[i]), size[i]));
}

