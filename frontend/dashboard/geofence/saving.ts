/** Saving and deleting: what the server is told, what people are told of it, and the way back for ten seconds. */

import { toast } from "../toast";
import { changesBetween } from "./changes";
import { type Draft, type WireGeofence, wireOf } from "./draft";
import { geofences, storable, type Stored } from "./requests";

export class Saving {
  /** `changed` reads the geofences again. */
  constructor(private readonly changed: () => Promise<void>) {}

  /** Stores the draft and says what changed; `previous` is what was stored under its id. */
  async save(before: Draft, draft: Draft, previous: WireGeofence | undefined): Promise<Stored> {
    const answer = await geofences.save(wireOf(draft));
    const changes = before.version > 0 ? changesBetween(before, draft) : [];
    const untouched = before.version > 0 && !changes.length;
    const undo = (): Promise<string> => this.takeBack(draft.geofence_id, draft.name, previous);
    toast(savedText(draft.name, before.version === 0, changes), untouched ? {} : { undo });
    await this.changed();
    return answer;
  }

  /** Deletes a geofence; without `previous` there is nothing to go back to. */
  async remove(id: string, name: string, previous: WireGeofence | undefined): Promise<void> {
    await geofences.remove(id);
    toast(
      `“${name}” deleted. Its alerts stay in the log.`,
      previous ? { undo: () => this.takeBack(id, name, previous) } : {},
    );
    await this.changed();
  }

  private async takeBack(id: string, name: string, previous: WireGeofence | undefined): Promise<string> {
    if (previous) await geofences.save(storable(previous));
    else await geofences.remove(id);
    await this.changed();
    return previous ? `“${previous.name}” is as it was.` : `“${name}” is gone again.`;
  }
}

function savedText(name: string, isNew: boolean, changes: readonly string[]): string {
  if (isNew) return `“${name}” saved; it watches from the next position on.`;
  return changes.length ? `“${name}” saved: ${changes.join("; ")}.` : `“${name}” saved; nothing had changed.`;
}
