"""Names that makers of LoRaWAN devices give to what a reading has a place for.

Used by `gateway.decoders._lora_object`; in snake_case, without channel.
"""

from __future__ import annotations

from sealtrail.contract.public.device_report import RANGES
from sealtrail.contract.reading import SealEvent, SealState

PLACES = frozenset(
    {"fix", "gps", "gnss", "location", "position", "coordinates", "gpslocation", "gps_location"}
)
SECTIONS = frozenset({"data", "measurements", "sensors", "status"})
LATITUDES = (
    "latitude_deg",
    "latitude",
    "lat",
    "gps_latitude",
    "gps_lat",
    "position_latitude",
    "position_lat",
)
LONGITUDES = (
    "longitude_deg", "longitude", "lon", "lng", "long",
    "gps_longitude", "gps_lon", "gps_lng", "position_longitude", "position_lon", "position_lng",
)  # fmt: skip
TIMES = ("occurred_at", "timestamp", "time", "device_time", "gps_time", "fix_time", "ts", "unix_time")
SEQUENCES = ("sequence",)

QUANTITIES: dict[str, str] = {
    **{name: name for name in RANGES if not name.startswith(("latitude", "longitude"))},
    **dict.fromkeys(
        (
            "temperature",
            "temp",
            "temp_c",
            "temperature_sensor",
            "temp_c_sht",
            "temp_c_ds",
            "air_temperature",
            "ambient_temperature",
        ),
        "temperature_c",
    ),
    **dict.fromkeys(
        (
            "humidity",
            "hum",
            "rh",
            "relative_humidity",
            "humidity_sensor",
            "hum_sht",
            "air_humidity",
            "air_relative_humidity",
        ),
        "humidity_pct",
    ),
    **dict.fromkeys(
        (
            "illuminance",
            "lux",
            "luminosity",
            "light_lux",
            "illumination",
            "illuminance_sensor",
            "light_intensity",
            "air_light_intensity",
            "brightness",
            "light",
        ),
        "light_lux",
    ),
    **dict.fromkeys(
        (
            "battery_percent",
            "battery_level",
            "battery_percentage",
            "batt_pct",
            "bat_pct",
            "battery_capacity",
            "soc",
            "battery_soc",
            "bat_percent",
        ),
        "battery_pct",
    ),
    **dict.fromkeys(
        ("battery_voltage", "bat_v", "batv", "battery_volt", "vbat", "batt_v", "battery_volts"), "battery_v"
    ),
    **dict.fromkeys(
        ("external_voltage", "ext_v", "vext", "supply_voltage", "external_power_voltage"), "external_v"
    ),
    **dict.fromkeys(("altitude", "alt", "gps_altitude", "gps_alt", "height"), "altitude_m"),
    **dict.fromkeys(("speed", "velocity", "speed_km_h", "gps_speed", "speed_kph"), "speed_kmh"),
    **dict.fromkeys(("course", "heading", "direction", "bearing", "azimuth", "gps_course"), "course_deg"),
    **dict.fromkeys(
        ("sats", "sat", "satellite", "num_sat", "num_sats", "sat_count", "gps_sats", "satellites_used"),
        "satellites",
    ),
    **dict.fromkeys(
        ("accuracy", "acc", "position_accuracy", "horizontal_accuracy", "gps_accuracy"), "accuracy_m"
    ),
    **dict.fromkeys(("shock", "impact", "acceleration_peak", "peak_g"), "shock_g"),
    **dict.fromkeys(("tilt", "tilt_angle", "angle", "inclination"), "tilt_deg"),
    **dict.fromkeys(("odometer", "mileage", "mileage_km"), "odometer_km"),
}

DOORS = frozenset(
    {
        "door",
        "door_open",
        "door_opened",
        "door_status",
        "door_open_status",
        "door_state",
        "magnet",
        "magnet_status",
        "reed",
        "reed_state",
        "reed_switch",
        "contact",
        "contact_state",
        "contact_status",
        "door_contact",
        "action_contact_state",
        "door_sensor",
        "lid",
        "lid_open",
        "open",
    }
)
DOORS_IN_WORDS = frozenset(name for name in DOORS if name.startswith(("magnet", "reed")) or "contact" in name)
"""Of these 0 and 1 mean one thing with some makers and the other with others: only words count."""
TAMPERS = frozenset(
    {
        "tamper",
        "tampered",
        "tamper_status",
        "tamper_alarm",
        "tamper_detected",
        "tamper_alert",
        "tamper_event",
        "tamper_state",
        "tampering",
        "intrusion",
        "intrusion_alarm",
        "intrusion_detected",
        "case_open",
        "cover_open",
        "housing_open",
        "dismantled",
        "removed",
        "removal",
        "detached",
        "disassembled",
        "back_cover_open",
    }
)
LIGHTS = frozenset(
    {"light", "light_status", "light_alarm", "light_detected", "light_intrusion", "photo", "daylight"}
)
LOCKS = frozenset(
    {
        "lock",
        "lock_status",
        "lock_state",
        "locked",
        "seal_state",
        "seal_status",
        "seal",
        "seal_lock",
        "armed",
        "sealed",
        *(
            f"{part}{suffix}"
            for part in ("cable", "wire", "rope", "shackle", "bolt", "strap", "string")
            for suffix in ("", "_status", "_state")
        ),
    }
)
INTACT = frozenset({"intact", "seal_intact", "cable_intact", "wire_intact", "rope_intact", "bolt_intact"})
"""True: sealed; false: cut."""
TOLD_EVENTS: dict[str, SealEvent] = {
    **dict.fromkeys(
        ("cut", "seal_cut", "cable_cut", "wire_cut", "seal_broken", "broken", "rope_cut"), SealEvent.CUT
    ),
    **dict.fromkeys(("jamming", "jammed", "gnss_jamming", "gps_jamming", "radio_jamming"), SealEvent.JAMMING),
    **dict.fromkeys(("sos", "panic", "emergency", "sos_alarm", "panic_button"), SealEvent.SOS),
    **dict.fromkeys(
        ("shock_alarm", "vibration", "vibration_alarm", "impact_alarm", "shock", "impact"), SealEvent.SHOCK
    ),
    **dict.fromkeys(("drop", "dropped", "fall", "free_fall", "drop_alarm"), SealEvent.DROP),
    **dict.fromkeys(
        ("low_battery", "battery_low", "low_battery_alarm", "battery_alarm", "low_bat"), SealEvent.LOW_BATTERY
    ),
    **dict.fromkeys(("power_lost", "power_cut", "external_power_lost", "power_off"), SealEvent.POWER_LOST),
    **dict.fromkeys(("wrong_password", "bad_password"), SealEvent.WRONG_PASSWORD),
    **dict.fromkeys(("bad_card", "unknown_card", "illegal_card"), SealEvent.BAD_CARD),
    **dict.fromkeys(("lock_fault", "motor_stuck", "lock_jammed"), SealEvent.LOCK_FAULT),
    **dict.fromkeys(
        ("illegal_movement", "unauthorised_movement", "unauthorized_movement", "towing", "tow"),
        SealEvent.ILLEGAL_MOVEMENT,
    ),
    **dict.fromkeys(("geofence_enter", "geofence_entered", "enter_geofence"), SealEvent.GEOFENCE_ENTERED),
    **dict.fromkeys(
        ("geofence_exit", "geofence_left", "leave_geofence", "exit_geofence"), SealEvent.GEOFENCE_LEFT
    ),
    **dict.fromkeys(("opened", "unlocked", "unsealed"), SealEvent.OPENED),
}
EVENT_WORDS: dict[str, SealEvent] = {
    **dict.fromkeys(("tamper", "tampering", "removed", "removal", "dismantled"), SealEvent.TAMPERED),
    **dict.fromkeys(("open", "unlock", "unseal", "seal_open", "seal_opened"), SealEvent.OPENED),
    **dict.fromkeys(("close", "lock", "locked", "seal", "sealed"), SealEvent.CLOSED),
    **dict.fromkeys(("door", "door_open", "lid_open", "lid_opened"), SealEvent.DOOR_OPENED),
    **dict.fromkeys(("door_close", "lid_close", "lid_closed"), SealEvent.DOOR_CLOSED),
    **dict.fromkeys(("seal_tamper", "tamper_alarm", "case_open", "cover_open"), SealEvent.TAMPERED),
    "light_detected": SealEvent.LIGHT,
}
"""What one word of a list of events means, beside our own names and `TOLD_EVENTS`."""
EVENT_NAMES = {str(event.name).lower(): event for event in SealEvent}
MOVING = frozenset(
    {"moving", "motion", "motion_detected", "is_moving", "in_motion", "action_motion_detected"}
)
STATES = {
    "sealed": SealState.SEALED,
    "locked": SealState.SEALED,
    "closed": SealState.SEALED,
    "close": SealState.SEALED,
    "armed": SealState.SEALED,
    "intact": SealState.SEALED,
    "inserted": SealState.SEALED,
    "connected": SealState.SEALED,
    "out": SealState.OPEN,
    "removed": SealState.OPEN,
    "disconnected": SealState.OPEN,
    "unlocked": SealState.UNLOCKED,
    "unsealed": SealState.UNLOCKED,
    "disarmed": SealState.UNLOCKED,
    "open": SealState.OPEN,
    "opened": SealState.OPEN,
    "cut": SealState.CUT,
    "broken": SealState.CUT,
    "breached": SealState.CUT,
    "fault": SealState.FAULT,
    "error": SealState.FAULT,
}
TAMPERED_WORDS = frozenset({"tampered", "tamper", "tampering", "violated"})
"""Of a seal's state: an event, and no level."""
STATE_EVENTS = {SealState.CUT: SealEvent.CUT, SealState.OPEN: SealEvent.OPENED}
LOCKED_WHEN_TRUE = frozenset({"locked", "armed", "sealed"})
YES = frozenset(
    {
        "true",
        "yes",
        "on",
        "open",
        "opened",
        "alarm",
        "tamper",
        "tampered",
        "triggered",
        "detected",
        "uninstalled",
        "removed",
        "bright",
        "light",
        "abnormal",
        "1",
        "active",
        "alert",
        "1.0",
    }
)
NO = frozenset(
    {
        "false",
        "no",
        "off",
        "close",
        "closed",
        "normal",
        "ok",
        "none",
        "installed",
        "not triggered",
        "dark",
        "0",
        "inactive",
        "idle",
        "untriggered",
        "0.0",
        "not_triggered",
        "secure",
    }
)
