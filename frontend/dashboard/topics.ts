/** Telling those who care: a typed set of topics with subscribers. */

export class Topics<Events extends object> {
  private readonly listeners = new Map<keyof Events, Set<(event: never) => void>>();

  /** Call `listener` for every event of the topic from now on; returns how to stop. */
  on<K extends keyof Events>(topic: K, listener: (event: Events[K]) => void): () => void {
    const set = this.listeners.get(topic) ?? new Set();
    this.listeners.set(topic, set);
    set.add(listener as (event: never) => void);
    return () => set.delete(listener as (event: never) => void);
  }

  /** One listener's mistake must not keep the others from hearing. */
  protected tell<K extends keyof Events>(topic: K, event: Events[K]): void {
    for (const listener of [...(this.listeners.get(topic) ?? [])]) {
      try {
        (listener as (event: Events[K]) => void)(event);
      } catch (error) {
        reportError(error);
      }
    }
  }
}
