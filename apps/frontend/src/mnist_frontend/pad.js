// The drawing pad: strokes by pointer or keyboard, samples, and photographs; vectors in, vectors out.
//
// Contract: every finished change is sent once as the state `picture`, which pad.py describes.
// A sheet is what is drawn between two clearings; its number never returns. A photograph is made
// small here and loses its metadata, so that the original never leaves the visitor's machine.
// Does not know what a picture is read as. Words come from `data` and are only ever set as text.

const SIDE = 280; // of the sheet, in its own units
const MIDDLE = { x: SIDE / 2, y: SIDE / 2 };
const STEP = 10; // of the keyboard pen; 2 with Shift
const GAP = 2; // between two points that are worth keeping
const PHOTO_SIDE = 512;
const PHOTO_BYTES = 25_000_000;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const NARROW = "(max-width: 640px)"; // there the answer stands below, so what else there is is folded away
const ENGLISH = '[data-testid="stSkipToContent"], [data-testid="stHeader"]'; // what Streamlit says itself
const SVG = "http://www.w3.org/2000/svg";

export default function ({ parentElement: root, data, setStateValue }) {
  const sheet = root.querySelector("#sheet");
  sheet.pad ??= new Pad(root, sheet);
  sheet.pad.update(data, setStateValue);
}

class Pad {
  constructor(root, sheet) {
    this.root = root;
    this.canvas = sheet;
    this.pen = { ...MIDDLE, down: false };
    this.pointer = null; // the one that draws
    this.keyed = false; // whether the keyboard was used last
    this.turn = 0; // counts what is sent, so that an answer can be told from the one before
    if (!window.matchMedia(NARROW).matches) this.get("more").open = true;
    this.renew();
    this.listen();
    new ResizeObserver(() => this.paint()).observe(sheet);
  }

  get(id) {
    return this.root.querySelector(`#${id}`);
  }

  renew(strokes = [], photo = null) {
    this.sheet = Math.max(Date.now(), (this.sheet ?? 0) + 1);
    this.strokes = strokes;
    this.photo = photo;
  }

  update({ language, words, samples }, setStateValue) {
    this.setStateValue = setStateValue;
    document.documentElement.lang = language; // the page's host says "en" to everybody
    for (const part of document.querySelectorAll(ENGLISH)) part.lang = "en";
    if (this.words?.help === words.help) return;
    this.words = words;
    for (const name of ["help", "undo", "clear", "width-name", "more-name", "samples-name", "photo-name"])
      this.get(name).textContent = words[name];
    this.get("tools").setAttribute("aria-label", words.tools);
    this.canvas.setAttribute("aria-roledescription", words.pad);
    this.get("status").textContent = "";
    this.get("samples").replaceChildren(...samples.map((sample, digit) => this.sample(sample, digit)));
    this.paint();
  }

  sample(strokes, digit) {
    const button = document.createElement("button");
    const picture = document.createElementNS(SVG, "svg");
    picture.setAttribute("viewBox", `0 0 ${SIDE} ${SIDE}`);
    picture.setAttribute("aria-hidden", "true");
    for (const { points } of strokes) {
      const path = document.createElementNS(SVG, "path");
      path.setAttribute("d", `M${points.map((point) => point.join(" ")).join("L")}`);
      picture.append(path);
    }
    button.type = "button";
    button.setAttribute("aria-label", filled(this.words.sample, { digit }));
    button.append(picture);
    button.onclick = () => this.take(structuredClone(strokes), null, filled(this.words.sampled, { digit }));
    return button;
  }

  take(strokes, photo, said) {
    this.pen.down = false;
    if (!strokes.length && !photo) Object.assign(this.pen, MIDDLE);
    this.renew(strokes, photo);
    this.send(said);
  }

  listen() {
    const { canvas } = this;
    canvas.onpointerdown = (event) => this.press(event);
    canvas.onpointermove = (event) => this.drag(event);
    canvas.onpointerup = canvas.onpointercancel = (event) => this.release(event);
    canvas.onkeydown = (event) => this.key(event);
    canvas.onfocus = () => this.paint();
    canvas.onblur = () => (this.pen.down ? this.lift() : this.paint());
    canvas.ondragover = (event) => event.preventDefault();
    canvas.ondrop = (event) => {
      event.preventDefault();
      if (event.dataTransfer.files.length) this.read(event.dataTransfer.files[0]);
    };
    this.get("undo").onclick = () => this.undo();
    this.get("clear").onclick = () => this.take([], null, this.words.cleared);
    const file = this.get("photo");
    file.onchange = async () => {
      if (file.files.length) await this.read(file.files[0]);
      file.value = ""; // the same file may be chosen again
    };
  }

  press(event) {
    if (this.pointer !== null || event.button > 0) return;
    this.pointer = event.pointerId;
    this.keyed = false;
    this.canvas.setPointerCapture(event.pointerId);
    Object.assign(this.pen, this.place(event));
    this.lower();
  }

  drag(event) {
    if (event.pointerId !== this.pointer) return;
    const each = event.getCoalescedEvents?.() ?? [];
    for (const one of each.length ? each : [event]) this.move(this.place(one));
    this.paint();
  }

  release(event) {
    if (event.pointerId !== this.pointer) return;
    this.lift();
    this.pointer = null;
  }

  place(event) {
    const box = this.canvas.getBoundingClientRect();
    const along = (at, from, length) => ((at - from) * SIDE) / length;
    return { x: along(event.clientX, box.left, box.width), y: along(event.clientY, box.top, box.height) };
  }

  key(event) {
    const arrow = ARROWS[event.key];
    if (arrow) this.walk(arrow, event.shiftKey ? 2 : STEP);
    else if (event.key === " ") this.pen.down ? this.lift() : this.lower();
    else if (event.key === "Escape" && this.pen.down) this.lift();
    else if (event.key === "Delete") this.take([], null, this.words.cleared);
    else if (event.key === "Backspace" || (event.key === "z" && (event.ctrlKey || event.metaKey))) this.undo();
    else return; // Tab goes on, and so does every key of the browser's own
    this.keyed = true;
    event.preventDefault();
  }

  walk([right, down], step) {
    const { pen } = this;
    this.move({ x: pen.x + right * step, y: pen.y + down * step });
    this.paint();
    this.say(filled(pen.down ? this.words.drawing : this.words.moving, {
      column: Math.floor(pen.x / STEP) + 1,
      row: Math.floor(pen.y / STEP) + 1,
      ground: this.inked() ? this.words.ink : this.words.paper,
    }));
  }

  inked() {
    const { x, y } = this.pen;
    return this.strokes.some(({ width, points }) =>
      points.some((point, index) => distance([x, y], point, points[Math.max(0, index - 1)]) <= width / 2));
  }

  lower() {
    if (this.photo) this.renew();
    this.pen.down = true;
    this.strokes.push({ width: Number(this.get("width").value), points: [[round(this.pen.x), round(this.pen.y)]] });
    this.say(this.pointer === null ? this.words.lowered : "");
    this.paint();
  }

  move({ x, y }) {
    const { pen } = this;
    pen.x = Math.min(SIDE, Math.max(0, x));
    pen.y = Math.min(SIDE, Math.max(0, y));
    if (!pen.down) return;
    const { points } = this.strokes.at(-1);
    const [lastX, lastY] = points.at(-1);
    if (Math.hypot(pen.x - lastX, pen.y - lastY) >= GAP) points.push([round(pen.x), round(pen.y)]);
  }

  lift() {
    this.pen.down = false;
    this.send(this.pointer === null ? this.words.lifted : "");
  }

  undo() {
    this.pen.down = false;
    if (this.photo) this.renew();
    else this.strokes.pop();
    this.send(this.words.undone);
  }

  async read(file) {
    if (file.size > PHOTO_BYTES) return this.refuse("large");
    try {
      const photo = await createImageBitmap(file, { imageOrientation: "from-image" });
      this.take([], small(photo), this.words.photographed);
    } catch {
      this.refuse("unreadable");
    }
  }

  refuse(fault) {
    this.say(this.words[fault]);
    this.tell(fault);
  }

  tell(fault = null) {
    this.canvas.dataset.turn = ++this.turn;
    this.canvas.dataset.told = performance.now();
    this.setStateValue("picture", {
      turn: this.turn,
      sheet: this.sheet,
      kind: this.photo ? "photo" : "strokes",
      strokes: this.strokes,
      photo: this.photo?.toDataURL("image/png").split(",")[1] ?? null,
      fault,
    });
  }

  send(said) {
    this.say(said);
    this.paint();
    this.tell();
  }

  say(text) {
    this.get("status").textContent = text;
  }

  paint() {
    if (!this.words) return;
    const { canvas, pen } = this;
    canvas.width = canvas.height = Math.round(canvas.clientWidth * (window.devicePixelRatio || 1)) || SIDE;
    const context = canvas.getContext("2d");
    context.scale(canvas.width / SIDE, canvas.height / SIDE);
    if (this.photo) contained(context, this.photo);
    context.lineCap = context.lineJoin = "round";
    for (const { width, points } of this.strokes) {
      context.lineWidth = width;
      trace(context, points);
    }
    if (canvas.matches(":focus-visible") || (this.keyed && this.root.activeElement === canvas)) ring(context, pen);
    const count = this.strokes.length;
    const { words } = this;
    const holds = this.photo ? words.photo : count ? filled(count > 1 ? words.strokes : words.stroke, { count }) : words.empty;
    canvas.setAttribute("aria-label", `${words.pad}, ${holds}`);
  }
}

function filled(text, values) {
  return text.replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

function round(value) {
  return Math.round(value * 10) / 10;
}

function distance([x, y], [ax, ay], [bx, by]) {
  const length = (bx - ax) ** 2 + (by - ay) ** 2;
  const along = length ? Math.min(1, Math.max(0, ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / length)) : 0;
  return Math.hypot(x - ax - along * (bx - ax), y - ay - along * (by - ay));
}

function small(photo) {
  const ratio = Math.min(1, PHOTO_SIDE / Math.max(photo.width, photo.height));
  const canvas = document.createElement("canvas");
  canvas.width = Math.max(1, Math.round(photo.width * ratio));
  canvas.height = Math.max(1, Math.round(photo.height * ratio));
  canvas.getContext("2d").drawImage(photo, 0, 0, canvas.width, canvas.height);
  return canvas;
}

function contained(context, photo) {
  const ratio = SIDE / Math.max(photo.width, photo.height);
  const [width, height] = [photo.width * ratio, photo.height * ratio];
  context.drawImage(photo, (SIDE - width) / 2, (SIDE - height) / 2, width, height);
}

function trace(context, points) {
  context.beginPath();
  context.moveTo(...points[0]);
  for (const point of points) context.lineTo(...point); // a single point is a dot, for its caps are round
  context.stroke();
}

function ring(context, { x, y, down }) {
  for (const [colour, width] of [["#fff", 7], [down ? "#c01c28" : "#1a5fb4", 3]]) {
    context.strokeStyle = colour;
    context.lineWidth = width;
    context.beginPath();
    context.arc(x, y, 10, 0, 2 * Math.PI);
    context.stroke();
  }
  context.strokeStyle = "#000";
}
