/** The line that says what a draft would have fired: asked a moment after the last change, the question before dropped. */

import { DAY_MS } from "../../shared/time";
import { type AlertType, clockText, sentenceOf } from "../alerts/sentence";
import type { PanelContext } from "../panel";
import { sentenceOfError } from "../toast";
import { previewSentence } from "./changes";
import { type Draft, wireOf } from "./draft";
import type { GeofenceForm } from "./form";
import { geofences, type PreviewEvent, problemsOf, warningOf } from "./requests";

const PAUSE_MS = 500;

export class PreviewLine {
  private timer: ReturnType<typeof setTimeout> | null = null;
  private asking: AbortController | null = null;

  constructor(
    private readonly context: PanelContext,
    private readonly form: GeofenceForm,
  ) {}

  /** Ask for a draft; null, or one without a shape, has nothing to ask. */
  ask(draft: Draft | null): void {
    this.stop();
    if (!draft?.shape) {
      this.form.showPreview("What it would have fired in the last 24 h shows here once it is drawn.", []);
      return;
    }
    this.timer = setTimeout(() => void this.request(draft), PAUSE_MS);
  }

  stop(): void {
    if (this.timer !== null) clearTimeout(this.timer);
    this.asking?.abort();
  }

  private async request(draft: Draft): Promise<void> {
    const asking = new AbortController();
    this.asking = asking;
    const wire = { ...wireOf(draft), geofence_id: draft.geofence_id || "preview", name: draft.name || "Preview" };
    const span = this.span();
    this.form.showPreview(`Looking at what it would have fired ${span.words}`, []);
    try {
      const found = await geofences.preview(wire, span.to_ms, asking.signal);
      const events = found.items.map((event) => ({ event, sentence: this.sentence(event, draft.name) }));
      this.form.showPreview(previewSentence(found, span.words), events);
      this.form.showWarnings((found.warnings ?? []).map(warningOf));
    } catch (error) {
      if (asking.signal.aborted) return;
      const problems = problemsOf(error);
      if (problems) this.form.showProblems(problems);
      this.form.showPreview(`No preview: ${sentenceOfError(error)}`, []);
    }
  }

  /** The last 24 h, or where nothing is that new, the 24 h up to the newest position. */
  private span(): { to_ms: number | null; words: string } {
    const { store, zone } = this.context;
    let newest_ms = 0;
    for (const truck of store.trucks.values()) newest_ms = Math.max(newest_ms, truck.timestamp_ms ?? 0);
    const now_ms = store.now();
    if (newest_ms === 0 || newest_ms > now_ms - DAY_MS) return { to_ms: null, words: "in the last 24 h" };
    return { to_ms: newest_ms + 1, words: `in the 24 h up to ${clockText(newest_ms, now_ms, zone)}` };
  }

  private sentence(event: PreviewEvent, name: string): string {
    const alert_type = (event.alert_type ?? event.event) as AlertType;
    const sentence = sentenceOf({ truck_id: event.truck_id, alert_type, geofence_name: name || "it" });
    return `${sentence}, ${clockText(Date.parse(event.timestamp), this.context.store.now(), this.context.zone)}`;
  }
}
