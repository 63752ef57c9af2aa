/** `window.sealtrail`: a read-only look at what the page shows, for tests and for support. */
import type { Controller } from "./controller";

export interface Inspection {
  readonly containers: number;
  readonly connection: string;
  readonly mapIdle: boolean;
  readonly zoom: number;
  renderedContainers(): number;
  drawn(layer: string): number;
  status(containerId: string): string | null;
  project(longitudeDeg: number, latitudeDeg: number): { x: number; y: number } | null;
}

declare global {
  interface Window {
    readonly sealtrail: Inspection;
  }
}

export function expose(controller: Controller): void {
  const inspection: Inspection = {
    get containers() {
      return controller.fleet.containers.size;
    },
    get connection() {
      return controller.store.state.connection;
    },
    get mapIdle() {
      return controller.map?.idle ?? false;
    },
    get zoom() {
      return controller.map?.zoom ?? 0;
    },
    renderedContainers: () => controller.map?.renderedContainers() ?? 0,
    drawn: (layer) => controller.map?.drawn(layer) ?? 0,
    status: (id) => {
      const container = controller.fleet.containers.get(id);
      return container ? controller.statusOf(container) : null;
    },
    project: (longitude, latitude) => controller.map?.project(longitude, latitude) ?? null,
  };
  Object.defineProperty(window, "sealtrail", { value: Object.freeze(inspection) });
}
