/** What the colours mean, how many there are of each, and a switch for each. */
import type { Controller } from "../controller";
import { duration, whole } from "../format";
import { STATUS_LABELS, STATUSES, type Status } from "../state/fleet";
import { useStore } from "../state/store";

export function Legend({ controller }: { controller: Controller }) {
  const { store } = controller;
  const counts = useStore(store, (state) => state.statusCounts);
  const hidden = useStore(store, (state) => state.hidden);
  const ages = useStore(store, (state) => state.ages);
  const explained: Partial<Record<Status, string>> = {
    late: `no report for ${duration(ages.lateAfterMs)}`,
    silent: `no report for ${duration(ages.silentAfterMs)}`,
  };
  return (
    <section class="legend" aria-label="Legend">
      <ul>
        {STATUSES.map((status) => (
          <li key={status}>
            <button
              type="button"
              aria-pressed={!hidden.has(status)}
              title={explained[status] ?? "Show or hide on the map"}
              onClick={() => store.dispatch({ type: "toggle_status", status })}
            >
              <i class={`dot ${status}`} aria-hidden="true" />
              <span>{STATUS_LABELS[status]}</span>
              <b>{whole(counts[status])}</b>
            </button>
          </li>
        ))}
      </ul>
      <p class="source">Base map: Natural Earth</p>
    </section>
  );
}
