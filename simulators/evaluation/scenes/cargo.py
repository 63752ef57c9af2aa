"""What the box feels: temperature, shocks, battery; and what looks like it."""

from __future__ import annotations

import numpy as np

from sealtrail.contract.alert import AlertType
from sealtrail.contract.reading import SealEvent
from sealtrail.contract.trip import SensorLimit
from simulators.evaluation.draft import Draft
from simulators.evaluation.profile import HOUR_MS, MINUTE_MS
from simulators.evaluation.scenes.scene import Scene, at_moment, last_watched, spot

LASTING_S = 1_800.0


def _cooled(draft: Draft) -> None:
    spot(draft)
    draft.reefer_c = 4.5
    limit = SensorLimit(quantity="temperature_c", least=1.5, greatest=8.0, lasting_s=LASTING_S)
    draft.limits.append(limit)


def _excursion(draft: Draft) -> None:
    seal = draft.seal
    until_ms = draft.at_ms + draft.rng.uniform(2.5, 5) * HOUR_MS
    rows = seal.between(draft.at_ms, until_ms)
    seal.temperature_c[rows] = draft.noise.uniform(10.5, 13.0) + draft.noise.normal(0, 0.3, len(rows))
    long = rows[seal.true_ms[rows] >= seal.true_ms[rows[0]] + LASTING_S * 1000]
    draft.claim(
        AlertType.SENSOR_EXCURSION, draft.at_ms, until_ms, rows=long, also=(AlertType.SENSOR_ANOMALY,)
    )


def _short_excursion(draft: Draft) -> None:
    """Defrosting, twenty minutes."""
    rows = draft.seal.between(draft.at_ms, draft.at_ms + 20 * MINUTE_MS)
    draft.seal.temperature_c[rows] = 9.5
    after = draft.seal.between(draft.at_ms + 20 * MINUTE_MS, draft.at_ms + 90 * MINUTE_MS)
    draft.seal.temperature_c[after] = np.minimum(np.nan_to_num(draft.seal.temperature_c[after], nan=5.0), 7.0)
    draft.claim(None, draft.at_ms, draft.at_ms + HOUR_MS)


def _late_spot(draft: Draft) -> None:
    draft.pick(200.0, 0.45, 0.8)


def _unusual(draft: Draft) -> None:
    """No profile forbids it, but this box has never been so: hot and dry at once."""
    seal = draft.seal
    until_ms = draft.at_ms + draft.rng.uniform(3, 6) * HOUR_MS
    rows = seal.between(draft.at_ms, until_ms)
    seal.temperature_c[rows] += 24.0
    seal.humidity_pct[rows] = np.maximum(seal.humidity_pct[rows] - 32.0, 4.0)
    shown = rows[~np.isnan(seal.temperature_c[rows])]
    draft.claim(AlertType.SENSOR_ANOMALY, draft.at_ms, until_ms, rows=shown, needed=min(3, len(shown)))


def _warehouse(draft: Draft) -> None:
    """Into a warm hall and out again, slowly."""
    seal = draft.seal
    rows = seal.between(draft.at_ms, draft.at_ms + 8 * HOUR_MS)
    part = (seal.true_ms[rows] - draft.at_ms) / (8 * HOUR_MS)
    seal.temperature_c[rows] += 6.0 * np.sin(np.pi * part)
    draft.claim(None, draft.at_ms, draft.at_ms + 8 * HOUR_MS)


def _shock(draft: Draft) -> None:
    seal, row = draft.seal, draft.seal.row(draft.at_ms)
    seal.shock_g[row] = draft.rng.uniform(13.0, 22.0)
    if draft.rng.random() < 0.5:  # noqa: PLR2004 - part of the devices that say it as an event
        seal.seal_events[row] |= int(SealEvent.SHOCK)
    draft.claim(AlertType.SHOCK, draft.at_ms, draft.at_ms, rows=np.array([row]))


def _drop(draft: Draft) -> None:
    row = draft.seal.row(draft.at_ms)
    draft.seal.seal_events[row] |= int(SealEvent.DROP)
    draft.claim(AlertType.SHOCK, draft.at_ms, draft.at_ms, rows=np.array([row]))


def _battery(draft: Draft) -> None:
    seal = draft.seal
    rows = np.arange(seal.row(draft.at_ms), len(seal))
    hours = (seal.true_ms[rows] - seal.true_ms[rows[0]]) / HOUR_MS
    seal.battery_pct[rows] = np.maximum(18.0 - 2.5 * hours, 4.0)
    low = rows[seal.battery_pct[rows] < 14.9]  # noqa: PLR2004 - below 15 % as it is rounded
    from_ms = int(seal.true_ms[low[0]]) if len(low) else draft.at_ms
    draft.claim(AlertType.BATTERY_LOW, from_ms, last_watched(draft), rows=low)


def _battery_said(draft: Draft) -> None:
    seal, row = draft.seal, draft.seal.row(draft.at_ms)
    seal.battery_pct[:] = np.nan
    seal.seal_events[row] |= int(SealEvent.LOW_BATTERY)
    draft.claim(AlertType.BATTERY_LOW, draft.at_ms, draft.at_ms, rows=np.array([row]))


def _battery_nearly(draft: Draft) -> None:
    """A cold night at 16 %, then it is charged."""
    seal = draft.seal
    rows = seal.between(draft.at_ms, draft.at_ms + 5 * HOUR_MS)
    seal.battery_pct[rows] = draft.noise.uniform(15.6, 16.6, len(rows))
    seal.battery_pct[rows[-1] + 1 :] = 80.0
    draft.claim(None, draft.at_ms, draft.at_ms + 5 * HOUR_MS)


SCENES = (
    Scene("too warm", _cooled, at_moment, _excursion, at_sea=True, interval_max_min=30, wants_fixes=False),
    Scene("defrosting", _cooled, at_moment, _short_excursion, wants_fixes=False),
    Scene("hot and dry", _late_spot, at_moment, _unusual, interval_max_min=15, weight=2, wants_fixes=False),
    Scene("warm hall", _late_spot, at_moment, _warehouse, wants_fixes=False),
    Scene("hard blow", spot, at_moment, _shock, at_sea=True, wants_fixes=False),
    Scene("dropped", spot, at_moment, _drop, wants_fixes=False),
    Scene("battery runs down", spot, at_moment, _battery, at_sea=True, wants_fixes=False),
    Scene("battery low, said", spot, at_moment, _battery_said, wants_fixes=False),
    Scene("battery nearly low", spot, at_moment, _battery_nearly, at_sea=True, wants_fixes=False),
)
