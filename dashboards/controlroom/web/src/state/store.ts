/** Holds the state and tells the components that read it. */
import { useEffect, useState } from "preact/hooks";
import { type Action, type AppState, reduce } from "./app";

type Listener = () => void;

export class Store {
  readonly #listeners = new Set<Listener>();

  constructor(public state: AppState) {}

  dispatch = (action: Action): void => {
    const next = reduce(this.state, action);
    if (next === this.state) return;
    this.state = next;
    for (const listener of [...this.#listeners]) listener();
  };

  subscribe(listener: Listener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** Part of the state; the component is drawn again only when that part is another value. */
export function useStore<T>(store: Store, select: (state: AppState) => T): T {
  const [, redraw] = useState(0);
  const current = select(store.state);
  useEffect(() => {
    let last = select(store.state);
    const check = () => {
      const next = select(store.state);
      if (next !== last) {
        last = next;
        redraw((count) => count + 1);
      }
    };
    if (last !== current) redraw((count) => count + 1);
    return store.subscribe(check);
    // The selector is a new function on every drawing, but always means the same part.
  }, [store]);
  return current;
}
