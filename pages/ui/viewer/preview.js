// The picture for a slider that moves, ahead of the page's rerun; pages/ui/previews.py says why.
// This is one module with viewer.js.
//
// A worker fetches, decodes and paints it on a canvas that lies over the last pane: the page's own
// thread is busy with Streamlit's elements just then. Once a rerun has brought the same picture, or
// another one that is news, the canvas goes.

class Preview {
  offer = null; // { url, values, foresees } of the newest rerun
  values = {}; // key of a slider -> its value on the page
  wanted = null; // values whose picture no rerun has brought yet, as text; null if there are none
  passed = new Set(); // values that the sliders had since the last rerun that was up to date
  painted = null; // digest of the picture on the canvas
  isStale = false; // whether the canvas is to be emptied
  isByKeys = false; // whether a key was the last thing that was pressed
  worker = null;

  /**
   * @param pane finds the pane that it paints
   * @param told called with the digest of a picture on the screen, and since when it is there
   * @param signal ends it all
   */
  constructor(pane, told, signal) {
    Object.assign(this, { pane, told });
    this.canvas = document.createElement("canvas");
    this.canvas.className = "ahead";
    this.canvas.hidden = true;
    // Keys tell an input at once; a pointer moves a slider whose input React then writes.
    document.addEventListener("input", ({ target }) => this.look(target), { capture: true, signal });
    const observer = new MutationObserver((changes) => {
      for (const { target } of changes) this.look(target);
    });
    observer.observe(document.body, { subtree: true, attributeFilter: ["value"] });
    // React focuses a slider that the mouse has moved as if keys had come to it.
    for (const name of ["keydown", "pointerdown"]) {
      const told = () => (this.isByKeys = name === "keydown");
      document.addEventListener(name, told, { capture: true, signal });
    }
    document.addEventListener("focusin", () => this.rest(), { signal });
    signal.addEventListener("abort", () => {
      clearTimeout(this.resting);
      observer.disconnect();
      this.worker?.terminate();
    });
  }

  /** Whether the canvas shows what is newer than the newest rerun. */
  get isAhead() {
    return this.wanted !== null && this.painted !== null;
  }

  /** Hears what a rerun has brought; a rerun that the sliders have left behind is none. */
  settle(offer) {
    const told = offer && JSON.stringify(offer.values);
    this.offer = offer;
    this.worker?.postMessage({ near: [] }); // what was foreseen belongs to the rerun before
    if (told === this.wanted || !this.passed.has(told)) {
      this.wanted = null;
      this.passed.clear();
      this.values = { ...offer?.values };
    }
    if (offer && !this.worker) this.start();
    this.rest();
  }

  /** Once the page has been at rest for a moment, gets ready for the next key press. */
  rest() {
    clearTimeout(this.resting);
    this.resting = setTimeout(() => this.foresee(), REST);
  }

  /** Asks for the pictures of one step up and one down, on a slider that keys have come to. */
  foresee() {
    const input = document.activeElement;
    if (!this.offer?.foresees || this.wanted !== null || !this.isByKeys) return;
    if (input.type !== "range") return;
    const key = this.keyOf(input);
    if (key === undefined) return;
    const [up, down] = [input.cloneNode(), input.cloneNode()]; // they know steps and ends
    up.stepUp();
    down.stepDown();
    const near = [up, down].filter(({ value }) => value !== input.value);
    this.worker.postMessage({
      near: near.map(({ value }) => this.address({ ...this.values, [key]: Number(value) })),
    });
  }

  start() {
    const code = new Blob([`(${paintAhead})()`], { type: "text/javascript" });
    const url = URL.createObjectURL(code);
    this.worker = new Worker(url);
    URL.revokeObjectURL(url);
    this.worker.onmessage = ({ data }) => this.hear(data);
    const canvas = this.canvas.transferControlToOffscreen();
    this.worker.postMessage({ canvas }, [canvas]);
  }

  /** Takes the canvas away, unless a slider has moved on. */
  uncover() {
    if (this.wanted !== null || this.canvas.hidden) return;
    this.canvas.hidden = true;
    this.isStale = true;
    // The worker would empty it at once: only when the page, too, has painted what lies below it.
    afterPaint(() => this.empty());
  }

  /** Empties the canvas, if it has been taken away since it was painted. */
  empty() {
    if (!this.isStale) return;
    this.isStale = false;
    this.painted = null;
    this.worker.postMessage({ clear: true });
  }

  keyOf(input) {
    return Object.keys(this.values).find((name) => input.closest(selector(name)));
  }

  /** Where the picture for some values is asked for: { url, query }. */
  address(values) {
    const query = `?${new URLSearchParams(values)}`;
    return { url: new URL(this.offer.url, location).href, query };
  }

  look(input) {
    if (!this.offer || input.type !== "range") return;
    const key = this.keyOf(input);
    if (key === undefined || this.values[key] === Number(input.value)) return;
    this.passed.add(JSON.stringify(this.values));
    this.values[key] = Number(input.value);
    this.wanted = JSON.stringify(this.values);
    this.empty();
    this.worker.postMessage({ ask: this.address(this.values), wanted: this.wanted });
    const pane = this.pane();
    if (this.canvas.parentElement !== pane) pane.querySelector("img").after(this.canvas);
    this.canvas.hidden = false; // it is empty yet, or shows the value before
  }

  hear({ wanted, digest, since }) {
    if (digest) {
      this.painted = digest;
      if (this.wanted !== null) this.told(digest, since - performance.timeOrigin);
    } else if (wanted === this.wanted) {
      this.wanted = null; // what is wrong with these values, the rerun tells
      this.passed.clear();
      this.uncover();
    }
  }
}

const REST = 80; // milliseconds

/** Finds what Streamlit draws under a key. */
function selector(key) {
  return `.st-key-${key.replaceAll(/[^\w-]/g, "-")}`;
}

/** The worker: one request at a time, and the next one for the newest values, so none piles up. */
function paintAhead() {
  let context;
  let next = null;
  let isAsking = false;
  let cleared = 0; // how often the canvas was emptied
  let foreseen = new Map(); // query -> { bitmap, digest }

  self.onmessage = ({ data }) => {
    if (data.canvas) context = data.canvas.getContext("bitmaprenderer");
    if (data.clear) {
      next = null;
      cleared += 1;
      context.transferFromImageBitmap(null);
    }
    if (data.near) foresee(data.near);
    if (data.ask) {
      next = data;
      if (!isAsking) hurry();
    }
  };

  async function hurry() {
    isAsking = true;
    while (next) {
      const { ask, wanted } = next;
      next = null;
      const before = cleared;
      const known = foreseen.get(ask.query);
      foreseen.delete(ask.query);
      const answer = get(ask.url + ask.query, { known: known?.digest });
      if (known) await show(known, wanted);
      const picture = await answer;
      if (before !== cleared) continue; // the rerun was quicker
      if (!picture) self.postMessage({ wanted });
      else if (picture.digest !== known?.digest) await show(picture, wanted);
    }
    isAsking = false;
  }

  async function show({ bitmap, digest }, wanted) {
    await paint(bitmap);
    self.postMessage({ wanted, digest, since: performance.timeOrigin + performance.now() });
  }

  /** Gets pictures that may be wanted next, until something is wanted now. */
  async function foresee(near) {
    const ready = (foreseen = new Map());
    for (const { url, query } of near) {
      if (isAsking || ready !== foreseen) return;
      const picture = await get(`${url}/next${query}`, { priority: "low" });
      if (picture) ready.set(query, picture);
    }
  }

  /**
   * The picture, or null if there is none ahead of the rerun.
   *
   * @param known digest of a picture that is here already: if it is that one, it has no bitmap
   */
  async function get(url, { known, priority = "high" }) {
    try {
      const headers = known ? { "If-None-Match": `"${known}"` } : {};
      const response = await fetch(url, { priority, headers });
      if (response.status === 304) return { digest: known };
      const type = response.headers.get("Content-Type") ?? "";
      if (!response.ok || !type.startsWith("image/")) return null;
      const bitmap = await createImageBitmap(await response.blob());
      return { bitmap, digest: response.headers.get("ETag").replaceAll('"', "") };
    } catch (error) {
      console.warn("There is no preview.", error); // the rerun brings the picture
      return null;
    }
  }

  /** Resolves when the frame with the picture has been painted. */
  function paint(bitmap) {
    const { canvas } = context;
    if (canvas.width !== bitmap.width) canvas.width = bitmap.width;
    if (canvas.height !== bitmap.height) canvas.height = bitmap.height;
    context.transferFromImageBitmap(bitmap);
    return new Promise((painted) => {
      requestAnimationFrame(() => {
        const { port1, port2 } = new MessageChannel();
        port1.onmessage = painted;
        port2.postMessage(null);
      });
    });
  }
}
