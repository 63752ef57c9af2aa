/** Where the map stands, with its own buttons, and what the selection draws on it. */
import { useEffect, useRef } from "preact/hooks";
import type { Controller } from "../controller";
import { LiveMap } from "../map/live-map";
import { useStore } from "../state/store";
import { FitIcon, MinusIcon, PlusIcon } from "./icons";

const FONT_WAIT_MS = 2_000;
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

export function MapView({ controller }: { controller: Controller }) {
  const element = useRef<HTMLDivElement>(null);
  const hidden = useStore(controller.store, (state) => state.hidden);
  useEffect(() => {
    const place = element.current;
    if (place === null || controller.map !== null) return;
    // Labels are drawn with the page's font, so it must be there first; a missing one holds nothing up.
    void Promise.race([document.fonts.load('16px "IBM Plex Sans"'), wait(FONT_WAIT_MS)]).then(() => {
      try {
        controller.map = new LiveMap(place, {
          pick: (id) => controller.openContainer(id),
          failed: (words) => controller.notify("failed", `Map: ${words}`),
        });
      } catch {
        controller.notify(
          "failed",
          "This browser can't draw the map (WebGL is off). The alert queue works without.",
        );
      }
    });
  }, [controller]);
  useEffect(() => controller.map?.hide(hidden), [controller, hidden]);
  return (
    <>
      <div class="map" ref={element} data-testid="map" />
      <fieldset class="map-buttons" aria-label="Map view">
        <button type="button" aria-label="Zoom in" onClick={() => controller.map?.zoomBy(1)}>
          <PlusIcon />
        </button>
        <button type="button" aria-label="Zoom out" onClick={() => controller.map?.zoomBy(-1)}>
          <MinusIcon />
        </button>
        <button
          type="button"
          aria-label="Show all containers"
          title="Show all containers (0)"
          onClick={() => controller.fitAll()}
        >
          <FitIcon />
        </button>
      </fieldset>
    </>
  );
}
