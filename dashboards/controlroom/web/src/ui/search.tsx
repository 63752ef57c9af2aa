/** Search by container number: a combobox over the containers that are on the map. */
import { useEffect, useRef, useState } from "preact/hooks";
import type { Controller } from "../controller";
import { age, containerNumber } from "../format";
import { STATUS_LABELS } from "../state/fleet";
import { SearchIcon } from "./icons";

const SHOWN = 8;

export function Search({ controller }: { controller: Controller }) {
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const [open, setOpen] = useState(false);
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => {
    controller.search = input.current;
    return () => {
      controller.search = null;
    };
  }, [controller]);

  const found = open ? controller.fleet.search(text, SHOWN) : [];
  const choose = (id: string | undefined) => {
    if (id === undefined) return;
    setOpen(false);
    setText("");
    input.current?.blur();
    controller.openContainer(id);
  };
  const key = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown") setAt(Math.min(at + 1, found.length - 1));
    else if (event.key === "ArrowUp") setAt(Math.max(at - 1, 0));
    else if (event.key === "Enter") choose(found[at]?.id);
    else if (event.key === "Escape") {
      setText("");
      setOpen(false);
      input.current?.blur();
    } else return;
    event.preventDefault();
  };
  const listed = open && text.trim() !== "";
  return (
    <div class="search">
      <SearchIcon />
      <input
        ref={input}
        type="search"
        role="combobox"
        placeholder="Container number"
        aria-label="Search a container by its number"
        aria-expanded={listed}
        aria-controls="search-found"
        aria-autocomplete="list"
        aria-activedescendant={listed && found[at] ? `found-${at}` : undefined}
        autocomplete="off"
        spellcheck={false}
        value={text}
        onInput={(event) => {
          setText(event.currentTarget.value);
          setAt(0);
          setOpen(true);
        }}
        onFocus={() => setOpen(true)}
        onBlur={() => setOpen(false)}
        onKeyDown={key}
      />
      <span class="key" aria-hidden="true">
        /
      </span>
      {listed && (
        <div id="search-found" class="found" role="listbox" aria-label="Containers found">
          {found.length === 0 && <p class="none">No container of that number has reported.</p>}
          {found.map((container, index) => {
            const status = controller.statusOf(container);
            return (
              // biome-ignore lint/a11y/useKeyWithClickEvents: the field has the keys, as a combobox does
              <div
                key={container.id}
                id={`found-${index}`}
                role="option"
                tabIndex={-1}
                aria-selected={index === at}
                onMouseDown={(event) => event.preventDefault()}
                onClick={() => choose(container.id)}
              >
                <i class={`dot ${status}`} aria-hidden="true" />
                <b class="number">{containerNumber(container.id)}</b>
                <span>{STATUS_LABELS[status]}</span>
                <span>{age(container.occurredAtMs, controller.store.state.nowMs)}</span>
              </div>
            );
          })}
        </div>
      )}
    </div>
  );
}
