/** The whole page: bar, queue, map, drawer, dialogs. */
import type { Controller } from "../controller";
import { useStore } from "../state/store";
import { Dialogs } from "./dialogs";
import { Drawer } from "./drawer";
import { Legend } from "./legend";
import { MapView } from "./map-view";
import { Side } from "./queue";
import { TopBar } from "./top-bar";

export function App({ controller }: { controller: Controller }) {
  const { store } = controller;
  const open = useStore(store, (state) => state.selection !== null);
  const announced = useStore(store, (state) => state.announced);
  const notices = useStore(store, (state) => state.notices);
  return (
    <div class={open ? "frame with-drawer" : "frame"}>
      <TopBar controller={controller} />
      <Side controller={controller} />
      <main class="stage" aria-label="Live map">
        <MapView controller={controller} />
        <FeedBanner controller={controller} />
        <Legend controller={controller} />
      </main>
      {open && <Drawer controller={controller} />}
      <Dialogs controller={controller} />
      <div class="notices" role="alert">
        {notices.map((notice) => (
          <p key={notice.id} class={`notice ${notice.kind}`}>
            {notice.text}
          </p>
        ))}
      </div>
      <div class="for-readers" aria-live="assertive" data-testid="announcer">
        {announced}
      </div>
    </div>
  );
}

/** Says plainly when what is shown may be old. */
function FeedBanner({ controller }: { controller: Controller }) {
  const { store } = controller;
  const loaded = useStore(store, (state) => state.loaded);
  const connection = useStore(store, (state) => state.connection);
  const detail = useStore(store, (state) => state.connectionDetail);
  const feedError = useStore(store, (state) =>
    state.stats && !state.stats.feed_connected ? state.stats.feed_error : "",
  );
  const containers = useStore(store, (state) => state.stats?.containers ?? 0);
  if (connection === "reconnecting") {
    return (
      <p class="banner warn" role="status">
        <b>Not live.</b> {detail} Trying again; what you see may be old.
      </p>
    );
  }
  if (feedError !== "") {
    return (
      <p class="banner warn" role="status">
        <b>No reports are coming in.</b> The control room is cut off from the log ({feedError}); it tries
        again by itself.
      </p>
    );
  }
  if (!loaded) {
    return (
      <p class="banner" role="status">
        Loading containers and alerts…
      </p>
    );
  }
  if (containers === 0) {
    return (
      <p class="banner" role="status">
        <b>No container has reported yet.</b> The first report puts it on the map.
      </p>
    );
  }
  return null;
}
