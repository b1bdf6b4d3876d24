// The browser's side of the picture component; __init__.py says what a person can do with it.

const PIXELATED_FROM = 4; // a picture enlarged more than this shows its pixels, not a blur
const DRAG_FROM = 6; // CSS pixels that a press may slip and still be a click

/** A picture on its way from bytes to pixels; `ready` once it can be painted without waiting. */
class Picture {
  constructor({ file, mime }) {
    this.ready = false;
    this.url = URL.createObjectURL(new Blob([file], { type: mime }));
    this.image = new Image();
    this.image.src = this.url;
    this.decoded = this.image.decode().then(() => {
      this.ready = true;
    });
  }

  release() {
    URL.revokeObjectURL(this.url);
  }
}

class View extends Component {
  pictures = new Map(); // digest -> Picture, of this update and of those on their way
  painted = []; // the Picture in each pane
  cursor = null; // pixel of the keyboard's crosshair
  pressed = [0, 0]; // where the pointer went down
  name = Math.random().toString(36).slice(2);
  clicks = []; // [x, y, width, height] of those that Python may not have heard
  heard = 0; // how many clicks came before them

  constructor(root) {
    super(root);
    const find = (selector) => root.querySelector(selector);
    this.box = find(".panes");
    this.split = find(".split");
    this.range = find(".range");
    this.hint = find(".hint");
    this.preview = new Preview(
      () => this.panes.at(-1),
      (digest, since) => this.tellAhead(digest, since),
      this.life.signal,
    );
    this.listen();
    this.moveDivider();
  }

  get panes() {
    return [...this.box.querySelectorAll(".pane")];
  }

  // Showing -------------------------------------------------------------------------------------

  /** Shows new data as soon as all of its pictures are decoded; returns the turn of this update. */
  update(data) {
    const header = unpack(data, ({ panes }) => panes);
    const turn = ++this.turn;
    this.forgetHeard(header);
    this.preview.settle(header.preview);
    const pictures = header.panes.map((pane) => this.load(pane, turn));
    if (!this.header) this.layOut(header); // the box has its size before there is a picture
    if (pictures.every((picture) => picture.ready)) {
      this.show(turn, header, pictures);
    } else {
      Promise.all(pictures.map((picture) => picture.decoded)).then(
        () => this.show(turn, header, pictures),
        (error) => this.refuse(error),
      );
    }
    return turn;
  }

  load(pane, turn) {
    const picture = this.pictures.get(pane.digest) ?? new Picture(pane);
    picture.wanted = turn;
    this.pictures.set(pane.digest, picture);
    return picture;
  }

  show(turn, header, pictures) {
    if (this.isLate(turn)) return;
    this.shown = turn;
    this.painted = pictures;
    this.layOut(header);
    const images = this.panes.map((pane) => pane.querySelector("img"));
    images.forEach((image, i) => {
      if (image.src !== pictures[i].url) image.src = pictures[i].url;
    });
    this.onResize();
    for (const [digest, picture] of this.pictures) {
      if (picture.wanted >= turn) continue;
      picture.release();
      this.pictures.delete(digest);
    }
    // The pictures are decoded, but on a busy page an <img> may take a while to take one over.
    Promise.all(images.map((image) => image.decode())).then(
      () => {
        this.preview.uncover();
        afterPaint(() => this.tell(turn, header));
      },
      () => {
        // A newer picture has taken the place of one of these: it is told instead.
      },
    );
  }

  /** A message may be lost to a newer one, so every click is sent until it is said to be heard. */
  forgetHeard({ heard }) {
    if (heard?.[0] !== this.name || heard[1] <= this.heard) return;
    this.clicks.splice(0, heard[1] - this.heard);
    this.heard = heard[1];
  }

  /** Says what is on the screen, for tests and benchmarks. */
  tell(turn, header) {
    if (turn !== this.shown || this.preview.isAhead) return;
    this.record(header.panes.map((pane) => pane.digest));
  }

  /** The same for a picture that came ahead of its rerun. */
  tellAhead(digest, since) {
    const digests = this.header.panes.map((pane) => pane.digest);
    this.record([...digests.slice(0, -1), digest], since);
  }

  record(digests, startTime) {
    this.panes.forEach((pane, i) => {
      pane.dataset.decoded = digests[i];
    });
    this.root.dataset.decoded = digests.join(" ");
    performance.clearMarks("seg-viewer-decoded"); // the browser keeps marks for ever
    performance.mark("seg-viewer-decoded", { detail: digests, startTime });
  }

  /** Everything but the pictures themselves. */
  layOut(header) {
    const [width, height] = header.size;
    const style = this.root.style;
    style.setProperty("--width", width);
    style.setProperty("--height", height);
    style.setProperty("--count", header.panes.length);
    style.setProperty("--max-height", header.maxHeight ? `${header.maxHeight}px` : "100vh");
    this.root.dataset.mode = header.mode;
    this.root.toggleAttribute("data-clickable", header.clickable);
    if (String(header.size) !== String(this.header?.size)) {
      this.cursor = [width >> 1, height >> 1];
    }
    this.header = header;
    this.layOutPanes(header);
    this.layOutControls(header);
    this.drawCross();
  }

  layOutPanes({ panes, points, others, size }) {
    while (this.panes.length > panes.length) this.panes.at(-1).remove();
    while (this.panes.length < panes.length) {
      this.split.before(this.template.content.cloneNode(true));
    }
    this.panes.forEach((pane, i) => {
      pane.querySelector("img").alt = panes[i].caption;
      pane.querySelector("figcaption").textContent = panes[i].caption;
      pane.querySelector(".points").replaceChildren(
        ...points.map((at, k) => marker(at, size, k)),
        ...others.flatMap((kind) => kind.map((at, k) => marker(at, size, k, "other"))),
      );
    });
  }

  layOutControls({ panes, mode, clickable, hint, size }) {
    this.hint.textContent = clickable ? hint : "";
    this.readout.textContent = size.join(" × ");
    this.split.hidden = mode !== "slider";
    if (mode === "slider") {
      const [left, right] = panes.map((pane) => pane.caption);
      this.range.setAttribute("aria-label", `Divider between ${left} and ${right}`);
    }
    if (clickable) {
      const how = "Arrow keys move the crosshair, Enter sets a point.";
      this.box.tabIndex = 0;
      this.box.setAttribute("role", "application");
      this.box.setAttribute("aria-label", `Picture of ${size[0]} by ${size[1]} pixels. ${how}`);
    } else {
      for (const name of ["tabindex", "role", "aria-label"]) this.box.removeAttribute(name);
    }
  }

  onResize() {
    this.painted.forEach(({ image }, i) => {
      const { clientWidth, clientHeight } = this.panes[i];
      const scale = Math.max(clientWidth / image.naturalWidth, clientHeight / image.naturalHeight);
      this.panes[i].toggleAttribute("data-pixelated", scale > PIXELATED_FROM);
    });
  }

  // Listening -----------------------------------------------------------------------------------

  listen() {
    this.on(this.range, "input", () => this.moveDivider());
    this.on(this.root, "pointerdown", ({ clientX, clientY }) => {
      this.pressed = [clientX, clientY];
    });
    this.on(this.root, "click", (event) => this.onClick(event));
    this.on(this.box, "keydown", (event) => this.onKey(event));
    this.on(this.root, "pointermove", (event) => this.onMove(event));
    this.on(this.root, "pointerleave", () => this.onLeave());
  }

  moveDivider() {
    this.root.style.setProperty("--split", `${this.range.value}%`);
    this.range.setAttribute("aria-valuetext", `${this.range.value} %`);
  }

  /**
   * The pane and the pixel under the pointer, whatever the scale; undefined beside the pictures.
   * It goes by place, since the divider lies over the panes and round corners let clicks through.
   */
  hit(event) {
    for (const pane of this.panes) {
      const at = placeIn(pane, event);
      if (at) return { pane, pixel: pixelAt(at, this.header.size) };
    }
    return undefined;
  }

  onClick(event) {
    if (!this.header.clickable || event.target === this.range) return;
    const [x, y] = this.pressed;
    if (Math.hypot(event.clientX - x, event.clientY - y) > DRAG_FROM) return;
    const hit = this.hit(event);
    if (hit) this.setPoint(hit.pixel);
  }

  onKey(event) {
    if (!this.header.clickable || event.target !== this.box) return;
    const step = event.shiftKey ? 10 : 1;
    const moves = {
      ArrowLeft: [-step, 0],
      ArrowRight: [step, 0],
      ArrowUp: [0, -step],
      ArrowDown: [0, step],
    };
    if (event.key in moves) {
      this.cursor = this.cursor.map((at, i) => clamp(at + moves[event.key][i], this.header.size[i]));
      this.drawCross();
      this.say(this.cursor);
      this.spoken.textContent = `x ${this.cursor[0]}, y ${this.cursor[1]}`;
    } else if (event.key === "Enter" || event.key === " ") {
      if (!event.repeat) this.setPoint(this.cursor); // a key held down is one click
    } else {
      return;
    }
    event.preventDefault();
  }

  setPoint([x, y]) {
    this.cursor = [x, y];
    this.drawCross();
    this.clicks.push([x, y, ...this.header.size]);
    this.trigger("clicks", { view: this.name, first: this.heard, clicks: this.clicks });
    // What the click did may take a while to compute: at once, show that it was taken.
    for (const pane of this.panes) {
      const ping = marker([x, y], this.header.size);
      ping.addEventListener("animationend", () => ping.remove());
      pane.querySelector(".overlay").append(ping);
    }
  }

  onMove(event) {
    const hit = this.hit(event);
    if (!hit) {
      this.onLeave();
      return;
    }
    this.say(hit.pixel);
    if (this.header.mode !== "side") return;
    for (const pane of this.panes) {
      pane.toggleAttribute("data-twin", pane !== hit.pane);
      if (pane !== hit.pane) place(pane.querySelector(".cross"), hit.pixel, this.header.size);
    }
  }

  onLeave() {
    for (const pane of this.panes) pane.removeAttribute("data-twin");
    this.readout.textContent = this.header.size.join(" × ");
    this.drawCross();
  }

  say([x, y]) {
    this.readout.textContent = `x ${x}  y ${y}`;
  }

  drawCross() {
    for (const pane of this.panes) {
      place(pane.querySelector(".cross"), this.cursor, this.header.size);
    }
  }

  close() {
    super.close();
    for (const picture of this.pictures.values()) picture.release();
    this.pictures.clear();
  }
}

/** Sets `--x` and `--y` to the middle of a pixel, as parts of the picture's box. */
function place(element, [x, y], [width, height]) {
  element.style.setProperty("--x", `${((x + 0.5) / width) * 100}%`);
  element.style.setProperty("--y", `${((y + 0.5) / height) * 100}%`);
}

/** A ring round a pixel, with its number beside it; without a number, the trace of a click. */
function marker(pixel, size, index, kind = "") {
  const ring = document.createElement("div");
  ring.className = index === undefined ? "ping" : `point ${kind}`;
  place(ring, pixel, size);
  if (index !== undefined) {
    ring.dataset.number = index + 1;
    ring.classList.toggle("flip-x", pixel[0] > 0.85 * size[0]); // the number stays inside
    ring.classList.toggle("flip-y", pixel[1] < 0.15 * size[1]);
  }
  return ring;
}

/** Calls back when the frame that is being prepared has been painted. */
function afterPaint(callback) {
  requestAnimationFrame(() => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = callback;
    port2.postMessage(null);
  });
}

export default mounted(".viewer", View);
