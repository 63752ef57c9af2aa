/** Calls of the control room's HTTP API. Every failure is an `ApiError` with words for people. */
import type {
  Decision,
  Deliveries,
  IncidentDetail,
  Problem,
  SealHistory,
  SensorSeries,
  State,
  Track,
  TripDetail,
  TripRisk,
  WorkList,
} from "./types";

const TIMEOUT_MS = 30_000;

export class ApiError extends Error {
  constructor(
    readonly problem: string,
    message: string,
    readonly status: number,
  ) {
    super(message);
  }
}

async function call<T>(path: string, init: RequestInit = {}): Promise<T> {
  let response: Response;
  try {
    response = await fetch(path, { ...init, signal: init.signal ?? AbortSignal.timeout(TIMEOUT_MS) });
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw new ApiError("unreachable", "The control room's server doesn't answer.", 0);
  }
  if (response.ok) return (await response.json()) as T;
  throw await refusal(response);
}

async function refusal(response: Response): Promise<ApiError> {
  try {
    const problem = (await response.json()) as Problem;
    const words = problem.detail ? `${problem.title}: ${problem.detail}` : problem.title;
    return new ApiError(problem.name, words, response.status);
  } catch {
    return new ApiError("http_error", `The server answered ${response.status}.`, response.status);
  }
}

const container = (id: string) => `/api/containers/${encodeURIComponent(id)}`;

function windowQuery(sinceMs: number, untilMs: number): string {
  return `since=${new Date(sinceMs).toISOString()}&until=${new Date(untilMs).toISOString()}`;
}

export const api = {
  state: () => call<State>("/api/state"),
  incident: (id: string) => call<IncidentDetail>(`/api/incidents/${encodeURIComponent(id)}`),
  trip: (id: string) => call<TripDetail>(`/api/trips/${encodeURIComponent(id)}`),
  workList: (limit: number) => call<WorkList>(`/api/risk?limit=${limit}`),
  risk: (tripId: string) => call<TripRisk>(`/api/risk/${encodeURIComponent(tripId)}`),
  track: (id: string, sinceMs: number, untilMs: number) =>
    call<Track>(`${container(id)}/track?${windowQuery(sinceMs, untilMs)}&limit=10000`),
  seals: (id: string, sinceMs: number, untilMs: number) =>
    call<SealHistory>(`${container(id)}/seals?${windowQuery(sinceMs, untilMs)}`),
  sensors: (id: string, quantity: string, sinceMs: number, untilMs: number) =>
    call<SensorSeries>(`${container(id)}/sensors?quantity=${quantity}&${windowQuery(sinceMs, untilMs)}`),
  deliveries: (incidentId: string) =>
    call<Deliveries>(`/api/deliveries?limit=50&incident_id=${encodeURIComponent(incidentId)}`),
  decide: (id: string, decision: Decision, actor: string, reason: string) =>
    call<IncidentDetail>(`/api/incidents/${encodeURIComponent(id)}/${decision}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ actor, reason }),
    }),
};
