/** The dialog in which somebody says they have seen to an alert, and what they noted. */

import { element } from "../../shared/dom";
import { sentenceOfError } from "../toast";
import type { Alert } from "./sentence";

const LONGEST_NOTE = 1000;

export interface NoteActions {
  acknowledge(note: string): Promise<void>;
  takeBack(): Promise<void>;
}

/** Ask for a note; `sentence` says which alert it is about. Resolves when the dialog is closed. */
export function askNote(alert: Alert, sentence: string, actions: NoteActions): Promise<void> {
  const known = alert.acknowledged ?? null;
  const note = element("textarea", {
    attributes: { rows: 3, maxlength: LONGEST_NOTE, placeholder: "For example: called the driver", autofocus: true },
  });
  note.value = known?.note ?? "";
  const failure = element("p", { class: "field-error", attributes: { role: "alert" } });
  const dialog = element("dialog", { attributes: { "aria-labelledby": "note-title" } });
  const save = element("button", {
    class: "primary",
    text: known ? "Save note" : "Acknowledge",
    attributes: { type: "submit" },
  });
  const buttons = element("div", { class: "buttons" }, save);
  const run = (action: () => Promise<void>): void => {
    save.disabled = true;
    failure.textContent = "";
    action().then(
      () => dialog.close(),
      (error: unknown) => {
        save.disabled = false;
        failure.textContent = sentenceOfError(error);
      },
    );
  };
  if (known) {
    buttons.append(
      element("button", {
        text: "Take it back",
        attributes: { type: "button" },
        on: { click: () => run(() => actions.takeBack()) },
      }),
    );
  }
  buttons.append(
    element("button", { text: "Cancel", attributes: { type: "button" }, on: { click: () => dialog.close() } }),
  );
  const form = element(
    "form",
    { class: "note-form" },
    element("h2", { text: sentence, attributes: { id: "note-title" } }),
    element("label", { class: "field" }, element("span", { text: "Note (optional, everybody sees it)" }), note),
    failure,
    buttons,
  );
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    run(() => actions.acknowledge(note.value.trim()));
  });
  note.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });
  dialog.append(form);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve();
    });
  });
}
