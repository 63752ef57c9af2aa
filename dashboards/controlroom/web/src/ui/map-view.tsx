/** Where the map stands, with its own buttons, and what the selection draws on it. */
import { useEffect, useRef } from "preact/hooks";
import type { Controller } from "../controller";
import { LiveMap } from "../map/live-map";
import { useStore } from "../state/store";
import { FitIcon, MinusIcon, PlusIcon } from "./icons";

export function MapView({ controller }: { controller: Controller }) {
  const element = useRef<HTMLDivElement>(null);
  const hidden = useStore(controller.store, (state) => state.hidden);
  useEffect(() => {
    if (element.current === null || controller.map !== null) return;
    try {
      controller.map = new LiveMap(element.current, {
        pick: (id) => controller.openContainer(id),
        failed: (words) => controller.notify("failed", `Map: ${words}`),
      });
    } catch {
      controller.notify(
        "failed",
        "This browser can't draw the map (WebGL is off). The alert queue works without.",
      );
    }
  }, [controller]);
  useEffect(() => controller.map?.hide(hidden), [controller, hidden]);
  return (
    <>
      <div class="map" ref={element} data-testid="map" />
      <div class="map-buttons" role="group" aria-label="Map view">
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
      </div>
    </>
  );
}
