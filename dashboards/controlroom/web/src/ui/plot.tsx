/** One quantity over time: line for each device, UTC axis, alert marks, value under the pointer. */
import { useState } from "preact/hooks";
import { api } from "../api";
import type { Controller } from "../controller";
import { QUANTITIES, type Quantity, utc, utcDay, utcTime } from "../format";
import type { Alert, SensorSample } from "../types";
import { nearest, padded, runs, scale, timeTicks, valueTicks } from "./plot-scale";
import { useLoaded } from "./use-loaded";

const WIDTH = 396;
const HEIGHT = 156;
const FRAME = { left: 40, right: 8, top: 10, bottom: 22 };
const GAP_MS = 3 * 3_600_000;
const DAY_MS = 86_400_000;

interface PlotProps {
  controller: Controller;
  containerId: string;
  sinceMs: number;
  untilMs: number;
  version: number;
  alerts: readonly Alert[];
}

export function SensorPlot({ containerId, sinceMs, untilMs, version, alerts }: PlotProps) {
  const [chosen, setChosen] = useState("temperature_c");
  const quantity = QUANTITIES.find((one) => one.id === chosen) ?? (QUANTITIES[0] as Quantity);
  const { data, error } = useLoaded(`${containerId}/${chosen}/${sinceMs}`, version, () =>
    api.sensors(containerId, chosen, sinceMs, untilMs),
  );
  return (
    <section class="block" aria-label="Sensors" data-testid="sensors">
      <div class="block-head">
        <h3>Sensors</h3>
        <label class="pick">
          <span class="for-readers">Quantity</span>
          <select value={chosen} onChange={(event) => setChosen(event.currentTarget.value)}>
            {QUANTITIES.map(({ id, label, unit }) => (
              <option key={id} value={id}>
                {label} ({unit})
              </option>
            ))}
          </select>
        </label>
      </div>
      {error !== null && <p class="empty failed">The series can't be loaded. {error}</p>}
      {error === null && data === null && <p class="empty">Loading…</p>}
      {data !== null && data.samples.length === 0 && (
        <p class="empty">No {quantity.label.toLowerCase()} was reported in this time.</p>
      )}
      {data !== null && data.samples.length > 0 && (
        <Plot samples={data.samples} quantity={quantity} alerts={alerts} />
      )}
    </section>
  );
}

function Plot({
  samples,
  quantity,
  alerts,
}: {
  samples: readonly SensorSample[];
  quantity: Quantity;
  alerts: readonly Alert[];
}) {
  const [pointed, setPointed] = useState<SensorSample | null>(null);
  const first = samples[0]?.occurred_at_ms ?? 0;
  const last = Math.max(samples.at(-1)?.occurred_at_ms ?? 0, first + 60_000);
  const [low, high] = padded(samples.map((sample) => sample.value));
  const x = scale(first, last, FRAME.left, WIDTH - FRAME.right);
  const y = scale(low, high, HEIGHT - FRAME.bottom, FRAME.top);
  const devices = [...new Set(samples.map((sample) => sample.device_id))];
  const marks = alerts.filter((alert) => alert.occurred_at_ms >= first && alert.occurred_at_ms <= last);
  const latest = samples.at(-1);
  const shown = pointed ?? latest;
  const point = (event: PointerEvent) => {
    const box = (event.currentTarget as SVGElement).getBoundingClientRect();
    const at =
      first +
      ((((event.clientX - box.left) / box.width) * WIDTH - FRAME.left) / (x.at(last) - FRAME.left)) *
        (last - first);
    setPointed(nearest(samples, at));
  };
  return (
    <figure class="plot">
      <figcaption>
        <b>
          {shown?.value.toFixed(quantity.decimals)} {quantity.unit}
        </b>
        <span>
          {shown && utc(shown.occurred_at_ms)} UTC{pointed === null && " · latest"}
        </span>
      </figcaption>
      <svg
        viewBox={`0 0 ${WIDTH} ${HEIGHT}`}
        role="img"
        aria-label={`${quantity.label} in ${quantity.unit}, ${samples.length} samples from ${utc(first)} to ${utc(last)} UTC, latest ${latest?.value.toFixed(quantity.decimals)}`}
        onPointerMove={point}
        onPointerLeave={() => setPointed(null)}
      >
        {valueTicks(low, high, 4).map((value) => (
          <g key={value} class="tick">
            <line x1={FRAME.left} x2={WIDTH - FRAME.right} y1={y.at(value)} y2={y.at(value)} />
            <text x={FRAME.left - 6} y={y.at(value) + 3.5} text-anchor="end">
              {Number(value.toFixed(2))}
            </text>
          </g>
        ))}
        {timeTicks(first, last, 5).map((at) => (
          <g key={at} class="tick time">
            <line x1={x.at(at)} x2={x.at(at)} y1={HEIGHT - FRAME.bottom} y2={HEIGHT - FRAME.bottom + 4} />
            <text x={x.at(at)} y={HEIGHT - 6} text-anchor="middle">
              {at % DAY_MS === 0 ? utcDay(at) : utcTime(at).slice(0, 5)}
            </text>
          </g>
        ))}
        {marks.map((alert) => (
          <line
            key={alert.alert_id}
            class={`mark sev-${alert.severity}`}
            x1={x.at(alert.occurred_at_ms)}
            x2={x.at(alert.occurred_at_ms)}
            y1={FRAME.top}
            y2={HEIGHT - FRAME.bottom}
          >
            <title>{alert.title}</title>
          </line>
        ))}
        {devices.map((device, index) =>
          runs(
            samples.filter((sample) => sample.device_id === device),
            GAP_MS,
          ).map((run) => (
            <path
              key={`${device} ${run[0]?.occurred_at_ms}`}
              class={`line device-${index % 3}`}
              d={run
                .map(
                  (one, i) =>
                    `${i ? "L" : "M"}${x.at(one.occurred_at_ms).toFixed(1)} ${y.at(one.value).toFixed(1)}`,
                )
                .join("")}
            />
          )),
        )}
        {pointed && (
          <g class="pointed">
            <line
              x1={x.at(pointed.occurred_at_ms)}
              x2={x.at(pointed.occurred_at_ms)}
              y1={FRAME.top}
              y2={HEIGHT - FRAME.bottom}
            />
            <circle cx={x.at(pointed.occurred_at_ms)} cy={y.at(pointed.value)} r="3.5" />
          </g>
        )}
      </svg>
      {devices.length > 1 && (
        <ul class="devices">
          {devices.map((device, index) => (
            <li key={device} class={`device-${index % 3}`}>
              <i aria-hidden="true" />
              {device}
            </li>
          ))}
        </ul>
      )}
    </figure>
  );
}
