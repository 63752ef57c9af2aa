/** Which key means what. Pure, so that the help page and the tests read the same table. */

export type Command =
  | "next"
  | "previous"
  | "open"
  | "acknowledge"
  | "resolve"
  | "close"
  | "search"
  | "help"
  | "theme"
  | "fit";

export const KEYS: readonly { keys: readonly string[]; shown: string; command: Command; says: string }[] = [
  { keys: ["j", "ArrowDown"], shown: "J  ↓", command: "next", says: "Next alert" },
  { keys: ["k", "ArrowUp"], shown: "K  ↑", command: "previous", says: "Previous alert" },
  { keys: ["Enter"], shown: "Enter", command: "open", says: "Open the alert" },
  { keys: ["a"], shown: "A", command: "acknowledge", says: "Acknowledge the alert" },
  { keys: ["r"], shown: "R", command: "resolve", says: "Resolve the alert" },
  { keys: ["Escape"], shown: "Esc", command: "close", says: "Close the drawer" },
  { keys: ["/"], shown: "/", command: "search", says: "Search a container" },
  { keys: ["0"], shown: "0", command: "fit", says: "Show all containers" },
  { keys: ["t"], shown: "T", command: "theme", says: "Dark or light" },
  { keys: ["?"], shown: "?", command: "help", says: "This help" },
];

export interface KeyContext {
  key: string;
  modified: boolean;
  /** The key goes into a text field, a select or a dialog. */
  typing: boolean;
  /** The focus is on a button or link that Enter presses by itself, or on the map that takes arrows. */
  target: "queue" | "control" | "map" | "page";
}

/** Command of a key press; null where the browser or the focused control should have it. */
export function commandOf({ key, modified, typing, target }: KeyContext): Command | null {
  if (modified || typing) return null;
  const found = KEYS.find((one) => one.keys.includes(key))?.command ?? null;
  if (found === "open" && target !== "page") return null;
  if (key.startsWith("Arrow") && (target === "map" || target === "control")) return null;
  return found;
}
