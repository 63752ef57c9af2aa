/** Brand, figures, search, connection, clock, settings of the viewer. */
import type { Controller } from "../controller";
import { utcDate, utcTime, whole } from "../format";
import { openBySeverity } from "../state/queue";
import { useStore } from "../state/store";
import { HelpIcon, MarkIcon, MoonIcon, PersonIcon, SunIcon } from "./icons";
import { Search } from "./search";

export function TopBar({ controller }: { controller: Controller }) {
  const { store } = controller;
  const theme = useStore(store, (state) => state.theme);
  const actor = useStore(store, (state) => state.actor);
  return (
    <header class="bar">
      <div class="brand">
        <MarkIcon />
        <h1>
          SealTrail <span>Control room</span>
        </h1>
      </div>
      <Figures controller={controller} />
      <Search controller={controller} />
      <Connection controller={controller} />
      <Clock controller={controller} />
      <div class="tools">
        <button
          type="button"
          class="tool named"
          title="Your name, written into every decision"
          onClick={() => store.dispatch({ type: "dialog", dialog: { kind: "name" } })}
        >
          <PersonIcon />
          <span>{actor || "Set name"}</span>
        </button>
        <button
          type="button"
          class="tool"
          aria-label={theme === "dark" ? "Light colours" : "Dark colours"}
          title="Dark or light (T)"
          onClick={() => controller.toggleTheme()}
        >
          {theme === "dark" ? <SunIcon /> : <MoonIcon />}
        </button>
        <button
          type="button"
          class="tool"
          aria-label="Keyboard help"
          title="Keyboard help (?)"
          onClick={() => store.dispatch({ type: "dialog", dialog: { kind: "help" } })}
        >
          <HelpIcon />
        </button>
      </div>
    </header>
  );
}

function Figures({ controller }: { controller: Controller }) {
  const incidents = useStore(controller.store, (state) => state.incidents);
  const stats = useStore(controller.store, (state) => state.stats);
  const open = openBySeverity(incidents);
  return (
    <dl class="figures">
      <div>
        <dt>Containers</dt>
        <dd>{stats ? whole(stats.containers) : "–"}</dd>
      </div>
      <div class={open.critical > 0 ? "sev-critical" : ""}>
        <dt>Critical</dt>
        <dd>{open.critical}</dd>
      </div>
      <div class={open.high > 0 ? "sev-high" : ""}>
        <dt>High</dt>
        <dd>{open.high}</dd>
      </div>
      <div class="wide-only">
        <dt>Reports/s</dt>
        <dd>{stats ? whole(stats.reports_per_s) : "–"}</dd>
      </div>
    </dl>
  );
}

const WORDS = { connecting: "Connecting", live: "Live", reconnecting: "Reconnecting" } as const;

function Connection({ controller }: { controller: Controller }) {
  const connection = useStore(controller.store, (state) => state.connection);
  const feed = useStore(controller.store, (state) => state.stats?.feed_connected ?? false);
  const shown = connection === "live" && !feed ? "reconnecting" : connection;
  return (
    <p class={`connection ${shown}`} role="status" data-testid="connection">
      <i aria-hidden="true" />
      {WORDS[shown]}
    </p>
  );
}

function Clock({ controller }: { controller: Controller }) {
  const nowMs = useStore(controller.store, (state) => Math.floor(state.nowMs / 1_000) * 1_000);
  return (
    <time class="clock" dateTime={new Date(nowMs).toISOString()}>
      <b>{utcTime(nowMs)}</b>
      <span>{utcDate(nowMs)} UTC</span>
    </time>
  );
}
