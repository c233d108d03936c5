/** The form beside the map: one place for shape, name and rule, usable without the map, wrong fields named in place. */

import { element, setAttribute, setText } from "../../shared/dom";
import { count } from "../../shared/format";
import { hasPointList, type Fields, type Problems } from "./fields";
import type { PreviewEvent, Warning } from "./requests";
import type { Shape, ShapeType } from "./shape";

export interface FormEvents {
  changed(): void;
  draw(what: "shape" | "hole" | "part"): void;
  centre(): void;
  save(): void;
  cancel(): void;
  remove(): void;
  showPlace(at: { latitude: number; longitude: number }): void;
}

export interface Shown {
  title: string;
  stored: boolean;
  readOnly: boolean;
  shape: Shape | null;
}

const TYPES: { type: ShapeType; text: string }[] = [
  { type: "circle", text: "Circle" },
  { type: "polygon", text: "Polygon" },
  { type: "corridor", text: "Corridor" },
];

type TextField = Exclude<keyof Fields, "type" | "alert_on" | "active" | "detect_crossing">;

export class GeofenceForm {
  readonly root: HTMLFormElement;
  private readonly inputs = {} as Record<TextField, HTMLInputElement | HTMLTextAreaElement>;
  private readonly errors = new Map<keyof Fields, HTMLElement>();
  private readonly rows = new Map<keyof Fields, HTMLElement>();
  private readonly types = {} as Record<ShapeType, HTMLInputElement>;
  private readonly alertOn: HTMLSelectElement;
  private readonly active: HTMLInputElement;
  private readonly crossing: HTMLInputElement;
  private readonly title = element("h2", { attributes: { tabindex: -1 } });
  private readonly drawButton = this.button("Draw on the map", () => this.events.draw("shape"));
  private readonly centreButton = this.button("Use the map’s centre", () => this.events.centre());
  private readonly holeButton = this.button("Cut a hole", () => this.events.draw("hole"));
  private readonly partButton = this.button("Add a part", () => this.events.draw("part"));
  private readonly drawHint = element("p", { class: "draw-hint", attributes: { role: "status" } });
  private readonly parts = element("p", { class: "quiet small" });
  private readonly pointsBox: HTMLDetailsElement;
  private readonly pointsTitle = element("summary", { text: "Points as text" });
  private readonly reach = element("span", { class: "quiet small" });
  private readonly previewLine = element("p", { class: "preview-line", attributes: { role: "status" } });
  private readonly previewList = element("ul", { class: "preview-list" });
  private readonly previewBox = element(
    "details",
    { class: "preview-more" },
    element("summary", { text: "Show them" }),
  );
  private readonly previewPart = element("div", { class: "preview" }, this.previewLine, this.previewBox);
  private readonly warningList = element("ul", { class: "warnings" });
  private readonly failure = element("p", { class: "field-error", attributes: { role: "alert" } });
  private readonly save = element("button", { class: "primary", text: "Save", attributes: { type: "submit" } });
  private readonly removeButton = this.button("Delete", () => this.events.remove(), "danger");
  private readonly fieldset = element("fieldset", { class: "whole" });
  private readonly readOnlyNote = element("p", {
    class: "notice",
    text: "Your access token may look but not change. A dispatcher’s token may.",
  });

  constructor(private readonly events: FormEvents) {
    this.alertOn = element(
      "select",
      { attributes: { name: "alert_on" } },
      element("option", { text: "Entry and exit", attributes: { value: "both" } }),
      element("option", { text: "Entry", attributes: { value: "enter" } }),
      element("option", { text: "Exit", attributes: { value: "exit" } }),
    );
    this.active = this.checkbox("active");
    this.crossing = this.checkbox("detect_crossing");
    this.pointsBox = element(
      "details",
      { class: "points" },
      this.pointsTitle,
      this.text("points", "Latitude, longitude in degrees, one point per line", { lines: 6 }),
    );
    this.previewBox.append(this.previewList);
    this.root = element(
      "form",
      { class: "geofence-form", attributes: { novalidate: true } },
      this.title,
      this.readOnlyNote,
    );
    this.fieldset.append(this.shapePart(), this.rulePart(), this.morePart());
    this.root.append(this.fieldset, this.previewPart, this.footer());
    this.root.addEventListener("input", () => this.events.changed());
    this.root.addEventListener("submit", (event) => {
      event.preventDefault();
      this.events.save();
    });
  }

  /** Show a draft's fields; the focus goes to the title, so that a screen reader says where one is. */
  show(fields: Fields, shown: Shown): void {
    setText(this.title, shown.title);
    this.readOnlyNote.hidden = !shown.readOnly;
    this.fieldset.disabled = shown.readOnly;
    this.save.hidden = this.previewPart.hidden = shown.readOnly; // a viewer may not ask for previews either
    this.removeButton.hidden = shown.readOnly || !shown.stored;
    this.showFailure("");
    this.showProblems({});
    this.showWarnings([]);
    this.showPreview("", []);
    this.pointsBox.open = false;
    for (const [name, input] of Object.entries(this.inputs)) input.value = fields[name as TextField];
    this.alertOn.value = fields.alert_on;
    this.active.checked = fields.active;
    this.crossing.checked = fields.detect_crossing;
    this.showShape(fields, shown.shape);
    this.title.focus({ preventScroll: true });
  }

  /** Put a shape that was drawn or dragged into the fields; what is being typed in is left alone. */
  showShape(fields: Fields, shape: Shape | null): void {
    this.types[fields.type].checked = true;
    for (const name of ["center", "radius_m", "width_m", "points"] as const) {
      const input = this.inputs[name];
      if (document.activeElement !== input && input.value !== fields[name]) input.value = fields[name];
    }
    this.arrange(fields.type, shape);
  }

  fields(): Fields {
    const text = (name: TextField): string => this.inputs[name].value;
    return {
      name: text("name"),
      type: TYPES.find(({ type }) => this.types[type].checked)?.type ?? "circle",
      center: text("center"),
      radius_m: text("radius_m"),
      width_m: text("width_m"),
      points: text("points"),
      alert_on: this.alertOn.value as Fields["alert_on"],
      active: this.active.checked,
      trucks: text("trucks"),
      exit_buffer_m: text("exit_buffer_m"),
      confirm_fixes: text("confirm_fixes"),
      detect_crossing: this.crossing.checked,
      dwell_minutes: text("dwell_minutes"),
      speed_limit_kmh: text("speed_limit_kmh"),
    };
  }

  /** Show only the fields of that kind of shape. */
  arrange(type: ShapeType, shape: Shape | null): void {
    const known = shape?.type === type ? shape : null;
    const listed = known === null || hasPointList(known);
    this.row("center").hidden = this.row("radius_m").hidden = this.centreButton.hidden = type !== "circle";
    this.row("width_m").hidden = type !== "corridor";
    this.pointsBox.hidden = type === "circle" || !listed;
    this.holeButton.hidden = this.partButton.hidden = known?.type !== "polygon";
    setText(this.drawButton, known ? "Draw again" : "Draw on the map");
    const lines = this.inputs.points.value.split("\n").filter((line) => line.trim()).length;
    setText(this.pointsTitle, lines ? `${count(lines, "point")} as text` : "Points as text");
    const several = known?.type === "polygon" && !listed;
    const rings = several ? known.polygons.flat().length - known.polygons.length : 0;
    setText(
      this.parts,
      several
        ? `${count(known.polygons.length, "part")}${rings ? `, ${count(rings, "hole")}` : ""}: drag the points on the map; Delete removes the chosen one.`
        : "",
    );
  }

  /** Say what is wrong at each field; without `quiet` the first one gets the focus. */
  showProblems(problems: Problems, { quiet = true } = {}): void {
    for (const [name, place] of this.errors) {
      const problem = problems[name] ?? "";
      setText(place, problem);
      const input = this.inputs[name as TextField];
      if (input) setAttribute(input, "aria-invalid", problem ? "true" : null);
    }
    if (quiet) return;
    const first = [...this.errors.keys()].find((name) => problems[name] !== undefined);
    if (!first) return;
    if (first === "points") this.pointsBox.open = true;
    this.inputs[first as TextField]?.focus();
  }

  showReach(text: string): void {
    setText(this.reach, text);
  }

  showPreview(text: string, events: readonly { sentence: string; event: PreviewEvent }[]): void {
    setText(this.previewLine, text);
    this.previewBox.hidden = events.length === 0;
    this.previewList.replaceChildren(
      ...events.slice(0, 50).map(({ sentence, event }) =>
        element(
          "li",
          {},
          this.button(sentence, () => this.events.showPlace(event), "plain"),
        ),
      ),
    );
  }

  showWarnings(warnings: readonly Warning[]): void {
    this.warningList.hidden = warnings.length === 0;
    this.warningList.replaceChildren(
      ...warnings.map((warning) => {
        const { at } = warning;
        const show = at && this.button("Show the place", () => this.events.showPlace(at));
        return element("li", { class: "notice warning" }, element("span", { text: warning.text }), show);
      }),
    );
  }

  showDrawing(hint: string): void {
    setText(this.drawHint, hint);
    this.drawHint.hidden = hint === "";
    setAttribute(this.drawButton, "aria-pressed", hint !== "" ? "true" : "false");
  }

  showFailure(text: string): void {
    setText(this.failure, text);
  }

  setSaving(saving: boolean): void {
    this.save.disabled = this.removeButton.disabled = saving;
    setText(this.save, saving ? "Saving" : "Save");
  }

  private shapePart(): HTMLElement {
    const types = element("div", { class: "segments", attributes: { role: "radiogroup", "aria-label": "Shape" } });
    for (const { type, text } of TYPES) {
      const input = element("input", { attributes: { type: "radio", name: "type", value: type } });
      this.types[type] = input;
      types.append(element("label", {}, input, element("span", { text })));
    }
    return element(
      "div",
      { class: "group" },
      this.text("name", "Name"),
      types,
      element("div", { class: "buttons" }, this.drawButton, this.holeButton, this.partButton, this.centreButton),
      this.drawHint,
      this.parts,
      this.text("center", "Centre (latitude, longitude)"),
      this.text("radius_m", "Radius", { unit: "m" }),
      this.text("width_m", "Full width", { unit: "m" }),
      this.pointsBox,
      this.warningList,
    );
  }

  private rulePart(): HTMLElement {
    const trucks = this.text("trucks", "For trucks", { placeholder: "all, or for example TRK-001, VAN-*" });
    trucks.append(this.reach);
    return element(
      "div",
      { class: "group" },
      element("label", { class: "field" }, element("span", { text: "Alert on" }), this.alertOn),
      trucks,
      element(
        "div",
        { class: "two" },
        this.text("dwell_minutes", "Alert on a stay over", { unit: "min", placeholder: "–" }),
        this.text("speed_limit_kmh", "Alert on speed over", { unit: "km/h", placeholder: "–" }),
      ),
    );
  }

  private morePart(): HTMLElement {
    return element(
      "details",
      { class: "group more" },
      element("summary", { text: "How strictly" }),
      element(
        "div",
        { class: "two" },
        this.text("exit_buffer_m", "Exit only beyond", { unit: "m" }),
        this.text("confirm_fixes", "Positions that must agree"),
      ),
      element("label", { class: "check" }, this.crossing, "Also when it is crossed between two positions"),
      element("label", { class: "check" }, this.active, "Active"),
    );
  }

  private footer(): HTMLElement {
    return element(
      "div",
      { class: "footer" },
      this.failure, // in sight wherever the form is scrolled to
      this.save,
      this.button("Back", () => this.events.cancel()),
      element("span", { class: "spring" }),
      this.removeButton,
    );
  }

  private text(
    name: TextField,
    label: string,
    options: { unit?: string; placeholder?: string; lines?: number } = {},
  ): HTMLElement {
    const id = `geofence-${name}`;
    const attributes = {
      id,
      name,
      autocomplete: "off",
      spellcheck: "false",
      placeholder: options.placeholder,
      "aria-describedby": `${id}-error`,
    };
    const input = options.lines
      ? element("textarea", { attributes: { ...attributes, rows: options.lines } })
      : element("input", {
          attributes: { ...attributes, type: "text", inputmode: options.unit ? "decimal" : undefined },
        });
    this.inputs[name] = input;
    const error = element("span", { class: "field-error", attributes: { id: `${id}-error` } });
    this.errors.set(name, error);
    const words = options.unit ? `${label} (${options.unit})` : label;
    const row = element(
      "div",
      { class: "field-row" },
      element("label", { text: words, attributes: { for: id } }),
      input,
      error,
    );
    this.rows.set(name, row);
    return row;
  }

  private row(name: TextField): HTMLElement {
    return this.rows.get(name)!;
  }

  private checkbox(name: string): HTMLInputElement {
    return element("input", { attributes: { type: "checkbox", name } });
  }

  private button(text: string, press: () => void, look = ""): HTMLButtonElement {
    return element("button", { class: look, text, attributes: { type: "button" }, on: { click: press } });
  }
}
