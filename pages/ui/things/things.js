// The browser's side of the things; __init__.py says what a person can do with it.

const SIDE = 900; // pixels of the canvas' long side at least, so that lines and numbers are fine
const OPACITY = 0.4; // of the tint
const DIM = 0.35; // brightness of what was not chosen
const FINE = 640; // pixels of a picture whose outlines are one pixel wide
const LETTERS = 0.028; // height of a number, in parts of the canvas' long side

const COLUMNS = [
  { title: "No.", help: "Its label: the value of its pixels in the downloads", of: (row) => row.label },
  { title: "Class", of: (row) => row.name, kind: "text" },
  { title: "Score", help: "How sure the technique is", of: (row) => row.score, digits: 2 },
  { title: "Area", help: "In pixels", of: (row) => row.area },
  { title: "Share", help: "Of the picture", of: (row) => row.share, show: (row) => percent(row.share) },
  {
    title: "Box",
    help: "Left, top – right, bottom in pixels: as the technique predicted it, else around the pixels",
    of: (row) => row.box[0],
    show: ({ box: [left, top, right, bottom] }) => `${left}, ${top} – ${right}, ${bottom}`,
    kind: "wide",
  },
];

class Things extends Component {
  map = null; // label of each pixel
  rows = new Map(); // label -> what is known of the thing
  lines = new Map(); // label -> its <tr>
  chosen = new Set(); // labels
  pointed = 0; // the label under the pointer or the focus
  sorted = { column: 0, sign: 1 };
  images = new Map(); // digest -> promise of a bitmap
  maps = new Map(); // digest -> promise of labels

  constructor(root) {
    super(root);
    const find = (selector) => root.querySelector(selector);
    this.frame = find(".frame");
    this.all = find(".all");
    this.one = find(".one");
    this.head = find("thead tr");
    this.body = find("tbody");
    this.scroll = find(".scroll");
    this.none = find(".none");
    this.on(this.frame, "pointermove", (event) => this.onMove(event));
    this.on(this.frame, "pointerleave", () => this.onMove(null));
    this.on(this.frame, "click", (event) => this.onClick(event));
    this.on(this.body, "pointerover", (event) => this.point(labelOf(event)));
    this.on(this.body, "pointerleave", () => this.point(0));
    this.on(this.body, "focusin", (event) => this.point(labelOf(event)));
    this.on(this.body, "focusout", () => this.point(0));
    this.on(this.body, "click", (event) => this.choose(labelOf(event)));
    this.on(this.body, "keydown", (event) => this.onKey(event));
    this.on(this.head, "click", (event) => this.onSort(event));
    this.on(this.none, "click", () => this.choose(0));
  }

  // Showing -------------------------------------------------------------------------------------

  update(data) {
    const { header, files } = unpackFiles(data);
    const turn = ++this.turn;
    const { image, labels } = header;
    const photo = remember(this.images, image, () => createImageBitmap(new Blob([files.get(image)])));
    const map = remember(this.maps, labels.digest, () =>
      inflate(files.get(labels.digest), labels.bytes));
    this.setSize(header.size);
    Promise.all([photo, map]).then(
      ([bitmap, known]) => this.show(turn, header, bitmap, known),
      (error) => this.refuse(error),
    );
    return turn;
  }

  setSize([width, height]) {
    this.root.style.setProperty("--width", width);
    this.root.style.setProperty("--height", height);
  }

  show(turn, header, photo, map) {
    if (this.isLate(turn)) return;
    this.shown = turn;
    keepOnly(this.images, [header.image]);
    keepOnly(this.maps, [header.labels.digest]);
    if (JSON.stringify(header) === JSON.stringify(this.header)) return;
    Object.assign(this, { header, map, photo, chosen: new Set(), pointed: 0 });
    this.colors = fromHex(header.colors);
    const pixels = header.size[0] * header.size[1];
    this.rows = new Map(header.rows.map((row) => [row.label, { ...row, share: row.area / pixels }]));
    this.columns = COLUMNS.filter(({ of }) => header.rows.some((row) => of({ ...row, share: 0 }) !== null));
    this.sorted = { column: 0, sign: 1 };
    this.drawTable();
    this.draw();
    this.root.dataset.done = header.rows.length;
  }

  onResize() {} // the canvas is stretched

  // The picture ---------------------------------------------------------------------------------

  /** All of it: photograph, tint, outlines, numbers; what was not chosen is dim. */
  draw() {
    const { width, height } = this.header.labels;
    this.scale = Math.max(1, Math.ceil(SIDE / Math.max(width, height)));
    const size = { width: width * this.scale, height: height * this.scale };
    for (const canvas of [this.all, this.one]) Object.assign(canvas, size);
    const context = this.all.getContext("2d", { willReadFrequently: true });
    context.drawImage(this.photo, 0, 0, size.width, size.height);
    const picture = context.getImageData(0, 0, size.width, size.height);
    this.tint(picture);
    context.putImageData(picture, 0, 0);
    this.line = Math.max(1, Math.round(Math.max(size.width, size.height) / FINE));
    const shown = [...this.rows.values()].filter((row) => this.isBright(row.label));
    for (const row of shown) this.outline(context, row, this.colorOf(row.label), this.line);
    for (const row of shown) this.number(context, row);
    this.all.setAttribute("aria-label", `${this.rows.size} things, outlined and numbered`);
    this.drawPointed();
    this.say(null);
  }

  isBright(label) {
    return this.rows.has(label) && (!this.chosen.size || this.chosen.has(label));
  }

  colorOf(label) {
    return this.colors.subarray(3 * label, 3 * label + 3);
  }

  tint({ data, width, height }) {
    const across = this.header.labels.width;
    const bright = Uint8Array.from({ length: this.colors.length / 3 }, (_, label) =>
      this.isBright(label));
    for (let y = 0, i = 0; y < height; y++) {
      const row = Math.floor(y / this.scale) * across;
      for (let x = 0; x < width; x++, i += 4) {
        const label = this.map[row + Math.floor(x / this.scale)];
        for (let c = 0; c < 3; c++) {
          if (bright[label]) data[i + c] += OPACITY * (this.colors[3 * label + c] - data[i + c]);
          else if (this.chosen.size) data[i + c] *= DIM;
        }
      }
    }
  }

  /** The inner edge of a thing, drawn as runs of pixels along its rows and columns. */
  outline(context, { label, around }, [r, g, b], width) {
    const [left, top, right, bottom] = this.boxOnMap(around);
    const { width: across, height: down } = this.header.labels;
    const is = (x, y) =>
      x >= 0 && y >= 0 && x < across && y < down && this.map[y * across + x] === label;
    const s = this.scale;
    context.fillStyle = `rgb(${r},${g},${b})`;
    for (let y = top; y < bottom; y++) {
      for (let x = left; x < right; x++) {
        if (!is(x, y)) continue;
        if (!is(x - 1, y)) context.fillRect(x * s, y * s, width, s);
        if (!is(x + 1, y)) context.fillRect((x + 1) * s - width, y * s, width, s);
        if (!is(x, y - 1)) context.fillRect(x * s, y * s, s, width);
        if (!is(x, y + 1)) context.fillRect(x * s, (y + 1) * s - width, s, width);
      }
    }
  }

  /** A box of the image on the map, which is smaller where the image is very large. */
  boxOnMap([left, top, right, bottom]) {
    const { width, height } = this.header.labels;
    const [x, y] = [width / this.header.size[0], height / this.header.size[1]];
    return [Math.floor(left * x), Math.floor(top * y), Math.ceil(right * x), Math.ceil(bottom * y)];
  }

  /** Its label, where it lies farthest from its edge, if there is room. */
  number(context, { label, middle: [x, y, away] }) {
    const factor = context.canvas.width / this.header.size[0];
    const high = LETTERS * Math.max(context.canvas.width, context.canvas.height);
    if (away * factor < 0.55 * high) return;
    const [r, g, b] = Array.from(this.colorOf(label), (c) => 255 - (255 - c) * 0.35);
    Object.assign(context, {
      font: `600 ${high}px sans-serif`,
      textAlign: "center",
      textBaseline: "middle",
      lineJoin: "round",
      lineWidth: high / 5,
      strokeStyle: "#000",
      fillStyle: `rgb(${r},${g},${b})`,
    });
    const at = [(x + 0.5) * factor, (y + 0.5) * factor];
    context.strokeText(label, ...at);
    context.fillText(label, ...at);
  }

  /** What is pointed at, on a canvas of its own: a light outline with a dark one inside. */
  drawPointed() {
    const context = this.one.getContext("2d");
    context.clearRect(0, 0, this.one.width, this.one.height);
    const row = this.rows.get(this.pointed);
    if (!row) return;
    this.outline(context, row, [0, 0, 0], 3 * this.line + 1);
    this.outline(context, row, [255, 255, 255], 2 * this.line);
  }

  // Pointing and choosing -----------------------------------------------------------------------

  point(label) {
    if (!this.header || label === this.pointed) return;
    this.lines.get(this.pointed)?.removeAttribute("data-pointed");
    this.pointed = label;
    const row = this.rows.get(label);
    this.root.toggleAttribute("data-pointed", Boolean(row));
    this.drawPointed();
    if (!row) return;
    this.lines.get(label).setAttribute("data-pointed", "");
    const chip = this.root.querySelector(".name");
    chip.querySelector("span").textContent = this.wordsOf(row);
    chip.querySelector("i").style.background = `rgb(${this.colorOf(label).join()})`;
  }

  wordsOf({ label, name, score }) {
    const title = name.endsWith(` ${label}`) ? name : `${name} · No. ${label}`;
    return score === null ? title : `${title} · ${score.toFixed(2)}`;
  }

  say(pixel) {
    this.readout.textContent = pixel ? `x ${pixel[0]}  y ${pixel[1]}` : this.header.size.join(" × ");
  }

  /** The pixel under the pointer, and the thing there or 0. */
  hit(event) {
    const at = event && this.map && placeIn(this.frame, event);
    if (!at) return { pixel: null, label: 0 };
    const { width, height } = this.header.labels;
    const [x, y] = pixelAt(at, [width, height]);
    return { pixel: pixelAt(at, this.header.size), label: this.map[y * width + x] };
  }

  onMove(event) {
    if (!this.header) return;
    const { pixel, label } = this.hit(event);
    this.root.toggleAttribute("data-over", label > 0);
    this.point(label);
    this.say(pixel);
  }

  onClick(event) {
    if (!this.header) return;
    const { label } = this.hit(event);
    this.choose(label);
    const line = this.chosen.has(label) && this.lines.get(label);
    if (line) this.scroll.scrollTo({ top: line.offsetTop - this.scroll.clientHeight / 2 });
  }

  /** Chooses a thing or lets it go; 0 lets all go. */
  choose(label) {
    if (!label) this.chosen.clear();
    else if (!this.chosen.delete(label)) this.chosen.add(label);
    for (const [known, line] of this.lines) line.setAttribute("aria-selected", this.chosen.has(known));
    this.none.hidden = !this.chosen.size;
    this.draw();
    const names = [...this.chosen].map((known) => this.wordsOf(this.rows.get(known)));
    this.spoken.textContent = names.length ? `Chosen: ${names.join(", ")}` : "All are shown";
    this.root.dataset.chosen = [...this.chosen].join(" ");
  }

  onKey(event) {
    const line = event.target.closest("tr");
    const beside = { ArrowDown: line.nextElementSibling, ArrowUp: line.previousElementSibling };
    if (event.key in beside) this.focusOn(beside[event.key]);
    else if (event.key === "Home") this.focusOn(this.body.firstElementChild);
    else if (event.key === "End") this.focusOn(this.body.lastElementChild);
    else if (event.key === "Enter" || event.key === " ") this.choose(labelOf(event));
    else if (event.key === "Escape") this.choose(0);
    else return;
    event.preventDefault();
  }

  /** One row alone is reached by Tab, the others from it by the arrow keys. */
  focusOn(line) {
    if (!line) return;
    for (const known of this.lines.values()) known.tabIndex = known === line ? 0 : -1;
    line.focus();
  }

  // The table -----------------------------------------------------------------------------------

  drawTable() {
    this.head.replaceChildren(...this.columns.map((column, i) => heading(column, i)));
    const lines = [...this.rows.values()].map((row) => this.lineOf(row));
    this.lines = new Map(lines.map((line) => [Number(line.dataset.label), line]));
    this.none.hidden = true;
    this.root.dataset.chosen = "";
    this.root.removeAttribute("data-pointed");
    this.sort();
  }

  lineOf(row) {
    const line = document.createElement("tr");
    line.dataset.label = row.label;
    line.setAttribute("aria-selected", "false");
    for (const column of this.columns) {
      const cell = line.insertCell();
      const value = column.of(row);
      cell.className = column.kind ?? "";
      cell.textContent = column.show?.(row) ?? (column.digits ? value?.toFixed(column.digits) : value);
    }
    const swatch = document.createElement("i");
    swatch.className = "swatch";
    swatch.style.background = `rgb(${this.colorOf(row.label).join()})`;
    line.firstElementChild.prepend(swatch);
    return line;
  }

  onSort(event) {
    const column = Number(event.target.closest("th")?.dataset.column ?? -1);
    if (column < 0) return;
    const isSame = column === this.sorted.column;
    const first = typeof this.columns[column].of(this.header.rows[0]) === "number" && column ? -1 : 1;
    this.sorted = { column, sign: isSame ? -this.sorted.sign : first };
    this.sort();
  }

  sort() {
    const { column, sign } = this.sorted;
    const value = (line) => this.columns[column].of(this.rows.get(Number(line.dataset.label)));
    const order = new Intl.Collator(undefined, { numeric: true }).compare;
    const compare = (a, b) => (typeof a === "string" ? order(a, b) : (a ?? -1) - (b ?? -1));
    const lines = [...this.lines.values()].sort((a, b) => sign * compare(value(a), value(b)));
    this.body.replaceChildren(...lines);
    lines.forEach((line, i) => {
      line.tabIndex = i ? -1 : 0;
    });
    [...this.head.children].forEach((cell, i) => {
      const way = sign > 0 ? "ascending" : "descending";
      cell.setAttribute("aria-sort", i === column ? way : "none");
    });
  }
}

function labelOf(event) {
  return Number(event.target.closest("tr")?.dataset.label ?? 0);
}

function heading({ title, help, kind }, index) {
  const cell = document.createElement("th");
  cell.dataset.column = index;
  cell.scope = "col";
  cell.className = kind ?? "";
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = title;
  button.title = help ?? `Sort by ${title.toLowerCase()}`;
  cell.append(button);
  return cell;
}

function percent(share) {
  return `${(100 * share).toFixed(2)}%`;
}

export default mounted(".things", Things);
