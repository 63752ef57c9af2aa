"""What follows from a batch: findings of the containers that were touched, against what was told."""

from __future__ import annotations

from anomaly.container_file import ContainerFile
from anomaly.containers import cut_point
from anomaly.fixes import Fixes
from anomaly.ledger import Cause, forget, settle
from anomaly.memory import Memory
from anomaly.rules.catalogue import COMPOSED, JUDGED, PLANNED, RULES, WATCHERS
from anomaly.rules.passages import NAME as PASSAGES
from anomaly.rules.rule import Case, Finding
from anomaly.rules.seal_custody import NAME as SEAL_CUSTODY
from anomaly.rules.seal_custody import OPEN
from sealtrail.contract.alert import AlertEvent, AlertType
from sealtrail.runtime.settings.anomaly import AnomalySettings

RESTING_ON = {PASSAGES: (AlertType.CHECKPOINT_MISSED, AlertType.OVERDUE)}
"""Types that rest on the signals of a rule of another type too: of all devices together."""


def settle_touched(memory: Memory, cause: Cause) -> list[AlertEvent]:
    """Alert events of all containers that were touched since the last time."""
    events: list[AlertEvent] = []
    touched = memory.stepper.touched
    for row in sorted(touched):
        file = memory.containers.files[row]
        events += settle(file.key, file.ledger, _findings(memory, row), cause, file.fixed)
        _trim(memory, file)
        memory.containers.wants_place[row] = _waits(memory, file)
    touched.clear()
    return events


def _findings(memory: Memory, row: int) -> list[Finding]:
    """What all rules find of a container; notes when it is to be looked at again."""
    file = memory.containers.files[row]
    case = _case(memory, row)
    for rule in (*RULES, *WATCHERS):
        case.tracks = file.tracks_of(rule.name)
        if case.tracks:
            case.found += rule.findings(case)
    if file.custody is not None and file.custody.planned:
        for each in PLANNED:
            case.tracks = file.tracks_of(each.name)
            case.found += each.findings(case)
    if case.found:
        for each in COMPOSED:
            case.tracks = file.tracks_of(each.name)
            case.found += each.findings(case)
    memory.containers.wake_at[row] = case.wake_at_ms
    return case.found


def _case(memory: Memory, row: int) -> Case:
    lanes, file = memory.lanes, memory.containers.files[row]
    return Case(
        key=file.key,
        paired=file.paired,
        custody=file.custody,
        fixed_before_ms=file.fixed.before_ms,
        tracks=[],
        settings=memory.settings,
        plans=memory.plans,
        now_ms=memory.now_ms,
        lanes={lane: lanes.devices[lane] for lane in file.lanes},
        around=Fixes(lanes, file.lanes).around,
        history=lanes.history_of,
        live=lambda lane: lanes.live[lane],
        watch=lambda lane: lanes.watch[lane],
        outages=memory.outages,
        tracks_of=file.tracks_of,
        others=lambda note: memory.stepper.neighbourhood.others(note._replace(row=row)),
        number_of_seal=lambda number: memory.stepper.seal_numbers.get(number, ""),
        model_of=lambda number: memory.sensors.held[number - 1],
    )


def _trim(memory: Memory, file: ContainerFile) -> None:
    """Give up the oldest transitions where there are too many."""
    apart_ms = _joined_most_ms(memory.settings)
    for rule in JUDGED:
        for track in file.tracks_of(rule.name):
            cut = cut_point(track.signals, memory.settings.signals_kept, rule.begins, apart_ms)
            if cut:
                last = track.signals[cut - 1]
                track.base, track.given_up = last.word, last.at.key
                del track.signals[:cut]
                window_ms = round(memory.settings.theft_window_s * 1000)
                file.fix_composed_before(last.at.occurred_at_ms + window_ms + 1)
                for lane in file.lanes if rule.name == PASSAGES else (track.lane,):
                    forget(file.ledger, lane, RESTING_ON.get(rule.name, rule.types), last.at.key)
                if rule.name == SEAL_CUSTODY:
                    up_to = min(last.at.key, memory.lanes.foundation_key(track.lane))
                    memory.lanes.logs.seal(track.lane).forget(up_to)


def _joined_most_ms(settings: AnomalySettings) -> int:
    """What lies further apart than this no rule takes for one thing, as far as it joins signals by time."""
    joins_s = (
        settings.door_join_s,
        settings.excursion_join_s,
        settings.fault_join_s,
        settings.gnss_join_s,
        settings.refusal_join_s,
        settings.shock_join_s,
    )
    return round(max(joins_s) * 1000)


def _waits(memory: Memory, file: ContainerFile) -> bool:
    """Whether a fix still to come could place an opening better."""
    tracks = file.tracks_of(SEAL_CUSTODY)
    if not tracks:
        return False
    newest = max(int(memory.lanes.live["last_t"][lane]) for lane in file.lanes)
    settings = memory.settings
    since = newest - int(max(settings.place_max_age_s, settings.place_stood_max_s) * 1000)
    return any(
        signal.word & OPEN
        and signal.at.occurred_at_ms >= since
        and (signal.place is None or signal.place.at_ms != signal.at.occurred_at_ms)
        for track in tracks
        for signal in track.signals
    )
