// The browser's side of the panels; __init__.py says what a person can do with them.

const MOST_ZOOM = 40;
const PIXELATED_FROM = 3; // CSS pixels that a pixel of the image takes up
const STEP = 1.4; // how much a key or a button zooms
const NOTHING = [48, 48, 48]; // label 0, as segcore.render paints it

/** The pixels of the image: RGBA, as ImageData. */
async function decode(file) {
  const bitmap = await createImageBitmap(new Blob([file], { type: "image/jpeg" }));
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return context.getImageData(0, 0, canvas.width, canvas.height);
}

class Grid extends Component {
  image = null; // ImageData
  maps = new Map(); // digest -> promise of labels
  images = new Map(); // digest -> promise of ImageData
  panels = []; // what is known of each panel that is shown
  zoom = 1;
  offset = [0, 0]; // where the image's corner is, in parts of a panel
  cursor = null; // pixel of the keyboard's crosshair
  fingers = new Map(); // pointer -> its last place

  constructor(root) {
    super(root);
    this.grid = root.querySelector(".grid");
    this.scale = root.querySelector(".scale");
    this.listen();
    this.move();
  }

  get figures() {
    return [...this.grid.children];
  }

  // Showing -------------------------------------------------------------------------------------

  update(data) {
    const { header, files } = unpackFiles(data);
    const turn = ++this.turn;
    const image = remember(this.images, header.image, () => decode(files.get(header.image)));
    const maps = header.panels.map(({ labels }) =>
      labels &&
      remember(this.maps, labels.digest, () => inflate(files.get(labels.digest), labels.bytes)));
    if (!this.header) this.layOut(header);
    Promise.all([image, ...maps]).then(
      ([pixels, ...labels]) => this.show(turn, header, pixels, labels),
      (error) => this.refuse(error),
    );
    return turn;
  }

  show(turn, header, image, labels) {
    if (this.isLate(turn)) return;
    this.shown = turn;
    this.image = image;
    this.layOut(header);
    header.panels.forEach((panel, i) => this.showPanel(i, panel, labels[i]));
    keepOnly(this.images, [header.image]);
    keepOnly(this.maps, header.panels.map((panel) => panel.labels?.digest));
    this.onResize();
    this.probe(this.probed);
    this.root.dataset.done = header.panels.filter((panel) => panel.labels).length;
  }

  showPanel(i, panel, labels) {
    const before = this.panels[i];
    const paints = panel.paints ? fromHex(panel.paints) : null;
    this.panels[i] = {
      ...panel,
      map: labels,
      colors: paints,
      edges: before && before.map === labels && before.width === this.line ? before.edges : null,
      width: this.line,
      painted: before?.painted,
    };
    this.paint(i);
  }

  layOut(header) {
    const [width, height] = header.size;
    const style = this.root.style;
    style.setProperty("--width", width);
    style.setProperty("--height", height);
    style.setProperty("--max-height", header.maxHeight ? `${header.maxHeight}px` : "100vh");
    style.setProperty("--columns", Math.ceil(Math.sqrt(header.panels.length)));
    if (String(header.size) !== String(this.header?.size)) {
      this.cursor = [width >> 1, height >> 1];
      this.zoom = 1;
      this.offset = [0, 0];
      this.probed = null;
    }
    this.header = header;
    this.panels.length = Math.min(this.panels.length, header.panels.length);
    this.grid.setAttribute(
      "aria-label",
      `${header.panels.length} pictures of ${width} by ${height} pixels. Plus and minus zoom, ` +
        "arrow keys move, Shift with them moves a crosshair that names the segments, 0 shows all.",
    );
    while (this.figures.length > header.panels.length) this.figures.at(-1).remove();
    while (this.figures.length < header.panels.length) {
      this.grid.append(this.template.content.cloneNode(true));
    }
    header.panels.forEach((panel, i) => this.layOutPanel(this.figures[i], panel));
    this.move();
  }

  layOutPanel(figure, panel) {
    const find = (selector) => figure.querySelector(selector);
    const isPinned = this.header.pinned === panel.key;
    find(".title").textContent = panel.title;
    find(".title").title = panel.title;
    find(".note").textContent = panel.note;
    find(".note").title = panel.note;
    find(".waits p").textContent = panel.sentence;
    figure.dataset.key = panel.key;
    figure.toggleAttribute("data-busy", panel.busy);
    figure.toggleAttribute("data-pinned", isPinned);
    const pin = find(".pin");
    const label = isPinned ? "Let the reference go" : "Pin as the reference: others take its colours";
    pin.hidden = !this.header.pinnable;
    pin.setAttribute("aria-pressed", isPinned);
    pin.setAttribute("aria-label", `${label} (${panel.title})`);
    pin.title = label;
  }

  // Painting ------------------------------------------------------------------------------------

  /** Pixels of the image that a line is wide, so that it is seen where the image is reduced. */
  get line() {
    const frame = this.figures[0]?.querySelector(".frame");
    const shown = (frame?.clientWidth || 300) * devicePixelRatio;
    return Math.max(1, Math.round((this.image?.width ?? 1) / shown));
  }

  paint(i) {
    const figure = this.figures[i];
    const panel = this.panels[i];
    const { view, opacity } = this.header;
    const wanted = [panel.labels?.digest, panel.paints, view, opacity, panel.width, this.header.image];
    figure.toggleAttribute("data-done", Boolean(panel.map));
    if (panel.painted === wanted.join()) return;
    panel.painted = wanted.join();
    const { width, height } = this.image;
    const canvas = figure.querySelector("canvas");
    const canReuse = canvas.width === width && canvas.height === height;
    if (!canReuse) Object.assign(canvas, { width, height });
    const out = new ImageData(new Uint8ClampedArray(this.image.data), width, height);
    if (panel.map && panel.labels.width === width && panel.labels.height === height) {
      if (view === "outlines") panel.edges ??= edgesOf(panel.map, width, height, panel.width);
      fill(out.data, panel, view, opacity);
    }
    canvas.getContext("2d").putImageData(out, 0, 0);
  }

  // Moving --------------------------------------------------------------------------------------

  move() {
    const style = this.root.style;
    const least = 1 - this.zoom;
    this.offset = this.offset.map((at) => Math.min(0, Math.max(least, at)));
    style.setProperty("--zoom", this.zoom);
    style.setProperty("--x", this.offset[0]);
    style.setProperty("--y", this.offset[1]);
    this.scale.textContent = `${this.zoom.toFixed(1)}×`;
    this.root.toggleAttribute("data-zoomed", this.zoom > 1);
    const frame = this.figures[0]?.querySelector(".frame");
    const each = frame && this.image ? (this.zoom * frame.clientWidth) / this.image.width : 1;
    this.root.toggleAttribute("data-pixelated", each > PIXELATED_FROM);
    this.placeCross();
  }

  /** Zooms so that what is at `at`, in parts of a panel, stays where it is. */
  zoomBy(factor, at = [0.5, 0.5]) {
    const zoom = Math.min(MOST_ZOOM, Math.max(1, this.zoom * factor));
    this.offset = this.offset.map((from, i) => at[i] - ((at[i] - from) * zoom) / this.zoom);
    this.zoom = zoom;
    this.move();
  }

  moveBy(x, y) {
    this.offset = [this.offset[0] + x, this.offset[1] + y];
    this.move();
  }

  showAll() {
    this.zoom = 1;
    this.offset = [0, 0];
    this.move();
  }

  // What is under the pointer -------------------------------------------------------------------

  /** The panel under a place of the screen, and where in it, in parts of the panel. */
  hit(event) {
    for (const figure of this.figures) {
      const at = placeIn(figure.querySelector(".frame"), event);
      if (at) return { figure, at };
    }
    return undefined;
  }

  pixelAt(at) {
    return pixelAt(at.map((part, i) => (part - this.offset[i]) / this.zoom), this.header.size);
  }

  /** Names the segment at a pixel in every panel; null names none. */
  probe(pixel, under) {
    this.probed = pixel;
    this.root.toggleAttribute("data-probing", Boolean(pixel));
    if (!pixel) {
      this.readout.textContent = this.header?.size.join(" × ") ?? "";
      return [];
    }
    this.readout.textContent = `x ${pixel[0]}  y ${pixel[1]}`;
    const named = this.figures.map((figure, i) => {
      figure.toggleAttribute("data-under", figure === under);
      return this.nameAt(figure, this.panels[i], pixel);
    });
    this.placeCross();
    return named;
  }

  nameAt(figure, panel, [x, y]) {
    if (!panel?.map) return "";
    const { width, height } = panel.labels;
    const column = Math.floor(((x + 0.5) * width) / this.header.size[0]);
    const row = Math.floor(((y + 0.5) * height) / this.header.size[1]);
    const label = panel.map[row * width + column];
    const name = panel.names[label] ?? `Segment ${label}`;
    const [r, g, b, a] = panel.colors.subarray(4 * label, 4 * label + 4);
    const chip = figure.querySelector(".name");
    chip.querySelector("span").textContent = name;
    chip.querySelector("i").style.background = a ? `rgb(${r},${g},${b})` : "transparent";
    return `${panel.title}: ${name}`;
  }

  placeCross() {
    if (!this.probed) return;
    this.probed.forEach((at, i) => {
      const part = this.offset[i] + (this.zoom * (at + 0.5)) / this.header.size[i];
      this.root.style.setProperty(i ? "--at-y" : "--at-x", `${part * 100}%`);
    });
  }

  // Listening -----------------------------------------------------------------------------------

  listen() {
    this.on(this.grid, "wheel", (event) => this.onWheel(event), { passive: false });
    this.on(this.grid, "pointerdown", (event) => this.onDown(event));
    this.on(this.grid, "pointermove", (event) => this.onMove(event));
    for (const type of ["pointerup", "pointercancel"]) this.on(this.grid, type, (e) => this.onUp(e));
    this.on(this.grid, "pointerleave", () => this.probe(null));
    this.on(this.grid, "dblclick", (event) => this.onDouble(event));
    this.on(this.grid, "keydown", (event) => this.onKey(event));
    this.on(this.grid, "click", (event) => this.onPin(event));
    this.on(this.root.querySelector(".zoom"), "click", ({ target }) => this.onButton(target));
  }

  /** The wheel zooms; with all of it in view, turning it back scrolls the page as ever. */
  onWheel(event) {
    const hit = this.hit(event);
    if (!hit || (this.zoom === 1 && event.deltaY > 0 && !event.ctrlKey)) return;
    event.preventDefault();
    const lines = event.deltaMode === 1 ? 30 : 1;
    this.zoomBy(Math.exp(-event.deltaY * lines * (event.ctrlKey ? 0.01 : 0.0015)), hit.at);
    this.probe(this.pixelAt(hit.at), hit.figure);
  }

  onDown(event) {
    const hit = this.hit(event);
    if (!hit || event.button > 0) return;
    this.fingers.set(event.pointerId, [event.clientX, event.clientY]);
    if (event.pointerType === "mouse" || this.zoom > 1 || this.fingers.size > 1) {
      hit.figure.querySelector(".frame").setPointerCapture(event.pointerId);
    }
  }

  onMove(event) {
    const before = this.fingers.get(event.pointerId);
    if (before) this.drag(event, before);
    const hit = this.hit(event);
    this.probe(hit ? this.pixelAt(hit.at) : null, hit?.figure);
  }

  /** One finger moves; two zoom by their distance and move by their middle. */
  drag(event, before) {
    const now = [event.clientX, event.clientY];
    const frame = this.figures[0].querySelector(".frame").getBoundingClientRect();
    const other = [...this.fingers].find(([pointer]) => pointer !== event.pointerId)?.[1];
    this.fingers.set(event.pointerId, now);
    if (other) {
      const apart = (place) => Math.hypot(place[0] - other[0], place[1] - other[1]);
      const middle = this.hit({
        clientX: (now[0] + other[0]) / 2,
        clientY: (now[1] + other[1]) / 2,
      });
      this.zoomBy(apart(now) / Math.max(1, apart(before)), middle?.at);
    } else if (this.zoom > 1) {
      this.root.toggleAttribute("data-dragging", true);
      this.moveBy((now[0] - before[0]) / frame.width, (now[1] - before[1]) / frame.height);
    }
  }

  onUp(event) {
    this.fingers.delete(event.pointerId);
    if (!this.fingers.size) this.root.removeAttribute("data-dragging");
  }

  onDouble(event) {
    const hit = this.hit(event);
    if (hit) this.zoomBy(STEP * STEP, hit.at);
  }

  onKey(event) {
    if (event.target !== this.grid || event.ctrlKey || event.metaKey || event.altKey) return;
    const arrows = {
      ArrowLeft: [-1, 0],
      ArrowRight: [1, 0],
      ArrowUp: [0, -1],
      ArrowDown: [0, 1],
    };
    const arrow = arrows[event.key];
    if (arrow && (event.shiftKey || this.zoom === 1)) this.moveCross(arrow);
    else if (arrow) this.moveBy(-0.1 * arrow[0], -0.1 * arrow[1]);
    else if (event.key === "+" || event.key === "=") this.zoomBy(STEP, this.middle());
    else if (event.key === "-" || event.key === "_") this.zoomBy(1 / STEP, this.middle());
    else if (event.key === "0") this.showAll();
    else if (event.key === "Escape") this.probe(null);
    else return;
    event.preventDefault();
  }

  /** Where zooming by keys leaves the picture in place: at the crosshair, if it is in view. */
  middle() {
    if (!this.probed) return [0.5, 0.5];
    const at = this.probed.map((pixel, i) => this.offset[i] + (this.zoom * pixel) / this.header.size[i]);
    return at.every((part) => part >= 0 && part <= 1) ? at : [0.5, 0.5];
  }

  /** Moves the crosshair by a hundredth of what is in view, at least one pixel. */
  moveCross(arrow) {
    const size = this.header.size;
    const step = Math.max(1, Math.round(Math.max(...size) / this.zoom / 100));
    this.cursor = (this.probed ?? this.cursor).map((at, i) =>
      clamp(at + step * arrow[i], size[i]));
    this.spoken.textContent = this.probe(this.cursor).filter(Boolean).join("; ");
  }

  onButton(target) {
    const act = target.closest("button")?.dataset.act;
    if (act === "in") this.zoomBy(STEP);
    if (act === "out") this.zoomBy(1 / STEP);
    if (act === "all") this.showAll();
  }

  onPin(event) {
    const pin = event.target.closest(".pin");
    if (!pin) return;
    const { key } = pin.closest(".panel").dataset;
    this.trigger("pin", this.header.pinned === key ? "" : key);
  }

  onResize() {
    if (!this.image) return;
    this.panels.forEach((panel, i) => {
      if (!this.figures[i]) return;
      if (panel.width !== this.line) Object.assign(panel, { width: this.line, edges: null });
      this.paint(i);
    });
    this.move();
  }

  close() {
    super.close();
    this.images.clear();
    this.maps.clear();
    this.panels = [];
  }
}

/** 1 for pixels with another label within `reach` to the left, right, above or below. */
function edgesOf(map, width, height, reach) {
  const edges = new Uint8Array(map.length);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const label = map[i];
      for (let r = 1; r <= reach; r++) {
        if (
          (x >= r && map[i - r] !== label) ||
          (x + r < width && map[i + r] !== label) ||
          (y >= r && map[i - r * width] !== label) ||
          (y + r < height && map[i + r * width] !== label)
        ) {
          edges[i] = 1;
          break;
        }
      }
    }
  }
  return edges;
}

/** Paints the labels over the image in `out`, RGBA. */
function fill(out, { map, colors, edges }, view, opacity) {
  const share = view === "overlay" ? opacity : 1;
  for (let i = 0; i < map.length; i++) {
    const color = 4 * map[i];
    const isOpen = colors[color + 3] === 0;
    if (isOpen && view !== "labels") continue;
    if (view === "outlines" && !edges[i]) continue;
    for (let c = 0; c < 3; c++) {
      const wanted = isOpen ? NOTHING[c] : colors[color + c];
      out[4 * i + c] += share * (wanted - out[4 * i + c]);
    }
  }
}

export default mounted(".panels", Grid);
