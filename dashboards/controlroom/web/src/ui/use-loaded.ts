/** Data that a component loads and loads again, without flicker and without overtaking. */
import { useEffect, useState } from "preact/hooks";
import { ApiError } from "../api";

export interface Loaded<T> {
  data: T | null;
  error: string | null;
}

/** `key` names what is loaded: another key forgets the old data; `version` loads the same again. */
export function useLoaded<T>(key: string, version: number, load: () => Promise<T>): Loaded<T> {
  const [state, setState] = useState<Loaded<T> & { key: string }>({ key, data: null, error: null });
  useEffect(() => {
    let current = true;
    load().then(
      (data) => {
        if (current) setState({ key, data, error: null });
      },
      (error: unknown) => {
        if (!current) return;
        const words = error instanceof ApiError ? error.message : String(error);
        setState((before) => ({ key, data: before.key === key ? before.data : null, error: words }));
      },
    );
    return () => {
      current = false;
    };
  }, [key, version]);
  return state.key === key ? state : { data: null, error: null };
}

/** Counts up while the page is looked at. */
export function useVersion(everyMs: number): number {
  const [version, setVersion] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => {
      if (document.visibilityState === "visible") setVersion((count) => count + 1);
    }, everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return version;
}
