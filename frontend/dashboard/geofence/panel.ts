/** The geofence editor: the list, one form, the draft on the map. */

import { all } from "../../shared/api";
import { element, icon, ICONS } from "../../shared/dom";
import { count } from "../../shared/format";
import type { Panel, PanelContext } from "../panel";
import { sentenceOfError } from "../toast";
import { EditorCanvas } from "./canvas";
import { changesBetween } from "./changes";
import { type Draft, draftOf, newDraft, type WireGeofence } from "./draft";
import { shapeOfDrawing } from "./drawn";
import "./editor.css";
import { type Fields, fieldsOf, numberOf, type Problems, readFields } from "./fields";
import { GeofenceForm } from "./form";
import { ImportReview } from "./import_review";
import { GeofenceList } from "./list";
import { PreviewLine } from "./preview";
import { combined, fitBeside, HINTS, reach } from "./placing";
import { downloadAll, problemsOf, warningOf } from "./requests";
import { Saving } from "./saving";
import { rounded, type Shape } from "./shape";

export function mount(context: PanelContext): Panel {
  return new GeofenceEditor(context);
}

class GeofenceEditor implements Panel {
  private readonly list: GeofenceList;
  private readonly form: GeofenceForm;
  private readonly body = element("div", { class: "editor-body" });
  private readonly importing: ImportReview;
  private readonly preview: PreviewLine;
  private readonly saving = new Saving(() => this.changed());
  private readonly readOnly: boolean;
  private stored: WireGeofence[] = [];
  /** Questions for the geofences so far, and the one whose answer is shown: answers may overtake each other. */
  private asked = 0;
  private answered = 0;
  private canvas: EditorCanvas | null = null;
  private before: Draft = newDraft();
  private draft: Draft = newDraft();
  private problems: Problems = {};
  private editing = false;
  private undoStack: (Shape | null)[] = [];
  private dragging = false;
  private leaving = false;

  constructor(private readonly context: PanelContext) {
    const { role } = context.config;
    this.readOnly = role !== "dispatcher" && role !== "admin";
    this.list = new GeofenceList(
      {
        create: () => this.edit(newDraft()),
        edit: (geofence) => this.edit(draftOf(geofence)),
        importFile: () => this.importing.choose(),
        export: () => downloadAll(),
      },
      this.readOnly,
    );
    this.form = new GeofenceForm({
      changed: () => this.typed(),
      draw: (what) => void this.drawOnMap(what),
      centre: () => this.useCentre(),
      save: () => void this.save(),
      cancel: () => this.leave(),
      remove: () => void this.remove(),
      showPlace: ({ latitude, longitude }) => context.map.flyTo(longitude, latitude),
    });
    this.preview = new PreviewLine(context, this.form);
    this.importing = new ImportReview({
      stored: () => this.stored,
      changed: () => this.changed(),
      showPlace: ({ latitude, longitude }) => context.map.flyTo(longitude, latitude),
    });
    this.build();
    context.store.on("geofences", () => this.isOpen() && void this.read());
  }

  opened(argument: unknown): void {
    void this.read();
    void this.startCanvas();
    if (argument && typeof argument === "object" && "geofence_id" in argument) {
      this.edit(draftOf(argument as WireGeofence));
    } else if (!this.editing) this.showList(null);
  }

  closing(): boolean {
    if (this.editing && !this.mayDiscard()) return false;
    this.stopEditing();
    this.canvas?.remove();
    this.canvas = null;
    this.context.map.takeClicks(false);
    return true;
  }

  private isOpen(): boolean {
    return !this.context.place.hidden;
  }

  private build(): void {
    const { place } = this.context;
    place.classList.add("panel");
    const head = element(
      "div",
      { class: "editor-head" },
      element("h2", { text: "Geofences" }),
      element(
        "button",
        {
          class: "plain icon",
          attributes: { type: "button", "aria-label": "Close geofences", title: "Close" },
          on: { click: () => this.context.close("editor") },
        },
        icon(ICONS.close),
      ),
    );
    this.form.root.hidden = true;
    this.body.append(this.importing.root, this.list.root, this.form.root);
    place.append(head, this.body);
    if (!this.readOnly) this.importing.takeDrops(place, () => !this.editing);
    place.addEventListener("keydown", (event) => this.pressed(event));
    // Before the page's own keys, which leave alone what was taken here: one press does one thing.
    document.addEventListener(
      "keydown",
      (event) => {
        if (this.isOpen() && !place.contains(event.target as Node)) this.pressed(event);
      },
      { capture: true },
    );
  }

  private async startCanvas(): Promise<void> {
    const map = await this.context.map.whenReady();
    if (!this.isOpen() || this.canvas) return;
    this.canvas = new EditorCanvas(map, {
      edited: (shape, done) => this.dragged(shape, done),
      hidden: (n) => {
        if (!this.canvas?.drawing) {
          this.form.showDrawing(n ? `${count(n, "point")} too close together to drag: zoom in to reach them.` : "");
        }
      },
    });
    this.showOnMap();
  }

  private async read(): Promise<void> {
    const asked = ++this.asked;
    try {
      const stored = await all<WireGeofence>("/api/v1/geofences");
      if (asked < this.answered) return;
      this.answered = asked;
      this.stored = stored;
      this.list.show(stored);
    } catch (error) {
      if (asked === this.asked) this.list.showFailure(sentenceOfError(error), () => void this.read());
    }
  }

  private async changed(): Promise<void> {
    this.context.store.geofencesChanged();
    await this.read();
  }

  // --- moving between list and form ---

  private edit(draft: Draft): void {
    this.canvas?.cancelDrawing();
    this.editing = true;
    this.before = this.draft = draft;
    this.undoStack = [];
    this.problems = {};
    this.list.root.hidden = true;
    this.importing.close();
    this.form.root.hidden = false;
    this.context.map.takeClicks(true);
    this.context.map.hideGeofence(draft.version > 0 ? draft.geofence_id : null);
    this.form.show(fieldsOf(draft), {
      title: draft.version > 0 ? draft.name : "New geofence",
      stored: draft.version > 0,
      readOnly: this.readOnly,
      shape: draft.shape,
    });
    this.body.scrollTop = 0;
    this.showReach();
    this.showOnMap();
    if (draft.version > 0 && draft.shape) fitBeside(this.context, draft.shape);
    this.askPreview();
  }

  private leave(): void {
    if (this.mayDiscard()) this.showList(this.before.version > 0 ? this.before.geofence_id : null);
  }

  /** Ask once before changes are thrown away: the second press within the notice does it. */
  private mayDiscard(): boolean {
    const changed = this.draft.shape !== this.before.shape || changesBetween(this.before, this.draft).length > 0;
    if (!changed || this.readOnly || this.leaving) return true;
    this.leaving = true;
    this.form.showFailure("Not saved yet. Save it, or press Back (or Close) again to throw the changes away.");
    setTimeout(() => (this.leaving = false), 10_000);
    return false;
  }

  private stopEditing(): void {
    this.editing = this.leaving = false;
    this.canvas?.cancelDrawing();
    this.preview.stop();
    this.before = this.draft = newDraft();
    this.context.map.hideGeofence(null);
    this.context.map.takeClicks(false);
    this.showOnMap();
  }

  private showList(focus: string | null): void {
    this.stopEditing();
    this.form.root.hidden = true;
    this.list.root.hidden = false;
    this.list.show(this.stored);
    this.list.focus(focus);
  }

  // --- changing the draft ---

  private typed(): void {
    this.leaving = false;
    const fields = this.form.fields();
    const { draft, problems } = readFields(fields, this.draft, this.taken());
    this.draft = draft;
    this.problems = problems;
    const active = document.activeElement;
    // What is not filled in yet is no mistake yet: complaints wait for the save, but for the field at hand.
    const name = active instanceof HTMLInputElement || active instanceof HTMLTextAreaElement ? active.name : "";
    const at = name as keyof Fields;
    this.form.showProblems(active && "value" in active && active.value && problems[at] ? { [at]: problems[at] } : {});
    this.form.arrange(fields.type, draft.shape);
    this.showReach();
    this.showOnMap();
    this.askPreview();
  }

  private dragged(shape: Shape, done: boolean): void {
    if (shape !== this.draft.shape) this.takeShape(shape, { remember: !this.dragging });
    this.dragging = !done;
    if (done) this.askPreview();
  }

  private takeShape(shape: Shape | null, { remember }: { remember: boolean }): void {
    if (remember) this.undoStack.push(this.draft.shape);
    this.draft = { ...this.draft, shape };
    if (!shape) {
      this.form.showShape({ ...this.form.fields(), center: "", points: "" }, null);
      return;
    }
    const shown = fieldsOf(this.draft);
    const { radius_m, width_m } = this.form.fields();
    if (shape.type !== "circle") shown.radius_m = radius_m;
    if (shape.type !== "corridor") shown.width_m = width_m;
    this.form.showShape(shown, shape);
    const read = readFields(this.form.fields(), this.draft, this.taken());
    this.problems = read.problems;
    this.draft = { ...read.draft, shape };
    this.form.showProblems({});
    this.form.showWarnings([]);
  }

  private async drawOnMap(what: "shape" | "hole" | "part"): Promise<void> {
    if (!this.canvas) {
      this.form.showDrawing("Waiting for the map. Its points can be typed meanwhile.");
      await this.startCanvas();
    }
    if (!this.canvas || !this.editing) return;
    if (this.canvas.drawing) {
      this.canvas.cancelDrawing();
      return;
    }
    const { type, width_m } = this.form.fields();
    const { canvas } = this;
    canvas.show(what === "shape" ? null : this.draft.shape, { editable: false });
    try {
      const geometry = await canvas.startDrawing(type, () => this.form.showDrawing(HINTS[type]));
      const width = numberOf(width_m);
      const shape = geometry && shapeOfDrawing(type, geometry, width > 0 ? width : 100);
      if (geometry && !shape) this.form.showFailure("That was too small to be a shape: press at different places.");
      if (shape) {
        this.form.showFailure("");
        this.takeShape(combined(this.draft.shape, shape, what), { remember: true });
        this.askPreview();
      }
    } catch (error) {
      this.form.showFailure(sentenceOfError(error));
    }
    this.form.showDrawing("");
    this.showOnMap();
  }

  private useCentre(): void {
    void this.context.map.whenReady().then((map) => {
      const { lng, lat } = map.getCenter();
      const radius_m = numberOf(this.form.fields().radius_m);
      const center = rounded({ latitude: lat, longitude: lng });
      this.takeShape({ type: "circle", center, radius_m: radius_m > 0 ? radius_m : 500 }, { remember: true });
      this.showOnMap();
      this.askPreview();
    });
  }

  private undoShape(): void {
    if (!this.undoStack.length) return;
    this.takeShape(this.undoStack.pop() ?? null, { remember: false });
    this.showOnMap();
    this.askPreview();
  }

  private pressed(event: KeyboardEvent): void {
    const { target } = event;
    const typing = target instanceof HTMLElement && target.matches("input, textarea, select");
    const elsewhere = target instanceof HTMLElement && !this.context.place.contains(target);
    if (elsewhere && (typing || target.closest("dialog"))) return; // the search, a note: they have their own keys
    if (event.key === "Escape" && this.canvas?.drawing) {
      event.preventDefault();
      this.canvas.cancelDrawing();
    } else if (event.key === "Escape" && this.editing) {
      event.preventDefault();
      this.leave();
    } else if (!typing && this.editing && (event.key === "Delete" || event.key === "Backspace")) {
      if (this.canvas?.removeChosen()) event.preventDefault();
    } else if (!typing && this.editing && (event.ctrlKey || event.metaKey) && event.key === "z") {
      event.preventDefault();
      this.undoShape();
    }
  }

  private showOnMap(): void {
    if (this.canvas?.drawing) return;
    this.canvas?.show(this.draft.shape, { editable: this.editing && !this.readOnly });
  }

  private showReach(): void {
    const patterns = this.draft.rule.trucks;
    const n = patterns && reach(patterns, this.context.store.trucks.keys());
    this.form.showReach(n === null ? "" : `${count(n, "truck")} of the fleet`);
  }

  private taken(): ReadonlySet<string> {
    return new Set(this.stored.map((geofence) => geofence.geofence_id));
  }

  private askPreview(): void {
    const wrong = Object.keys(this.problems).some((field) => field !== "name");
    if (!this.readOnly) this.preview.ask(this.editing && !wrong ? this.draft : null);
  }

  // --- saving, deleting, files ---

  private async save(): Promise<void> {
    const { draft, problems } = readFields(this.form.fields(), this.draft, this.taken());
    this.problems = problems;
    this.form.showProblems(problems, { quiet: false });
    if (Object.keys(problems).length || !draft.shape) return;
    const previous = this.stored.find((geofence) => geofence.geofence_id === draft.geofence_id);
    this.form.setSaving(true);
    this.form.showFailure("");
    try {
      const { items, warnings } = await this.saving.save(this.before, draft, previous);
      if (warnings.length && items[0]) {
        this.edit(draftOf(items[0]));
        this.form.showWarnings(warnings.map(warningOf));
      } else this.showList(draft.geofence_id);
    } catch (error) {
      const wrong = problemsOf(error);
      if (wrong) this.form.showProblems(wrong, { quiet: false });
      else this.form.showFailure(sentenceOfError(error));
    } finally {
      this.form.setSaving(false);
    }
  }

  private async remove(): Promise<void> {
    const { geofence_id, name } = this.before;
    const previous = this.stored.find((geofence) => geofence.geofence_id === geofence_id);
    this.form.setSaving(true);
    try {
      await this.saving.remove(geofence_id, name, previous);
      this.showList(null);
    } catch (error) {
      this.form.showFailure(sentenceOfError(error));
    } finally {
      this.form.setSaving(false);
    }
  }
}
