"""Where an embedded NATS server answers, and the configuration that makes it do so."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from sealtrail.runtime.settings.nats import NatsSettings


class Endpoint(NamedTuple):
    """Where an embedded server answers, and who may do what.

    Services log in as ``user`` and own the log; the gateway listens to MQTT as
    ``mqtt_user``. MQTT lives in an account of its own, so that nothing that is
    published there can reach the log's own subjects. Everybody else's login is
    asked of the access service, which listens in the system account as
    ``access_user``; ``device_user`` may report for any device, where it exists.
    """

    pid: int
    host: str
    client_port: int
    mqtt_port: int
    user: str
    password: str
    mqtt_user: str
    mqtt_password: str
    device_user: str  # the shared login; empty where there is none
    device_password: str
    access_user: str = ""
    access_password: str = ""
    issuer_seed: str = ""  # of the key that signs logins; empty: the server asks nobody

    @property
    def url(self) -> str:
        return f"nats://{self.host}:{self.client_port}"


def config_text(folder: Path, endpoint: Endpoint, settings: NatsSettings) -> str:
    """The server's configuration file."""
    from sealtrail.runtime.nkeys import AccountKey  # noqa: PLC0415 - 20 ms that only a parent needs

    sync = '"always"' if settings.sync == "always" else '"2m"'
    return f"""\
server_name: sealtrail-embedded
listen: "{endpoint.host}:{endpoint.client_port}"
pid_file: "{folder / "nats.pid"}"
log_file: "{folder / "nats.log"}"
logfile_size_limit: 10MB
max_payload: 8MB
max_pending: 64MB
write_deadline: "10s"
jetstream {{
  store_dir: "{folder / "jetstream"}"
  sync_interval: {sync}
}}
mqtt {{
  listen: "{settings.mqtt_host}:{endpoint.mqtt_port}"
  ack_wait: "{settings.mqtt_ack_wait_s:g}s"
  max_ack_pending: {settings.mqtt_window}
}}
accounts {{
  SEALTRAIL {{
    jetstream: enabled
    users: [ {{ user: "{endpoint.user}", password: "{endpoint.password}" }} ]
  }}
  FIELD {{
    jetstream: enabled
    users: [
      {{ user: "{endpoint.mqtt_user}", password: "{endpoint.mqtt_password}" }}
{_shared_login(endpoint)}    ]
{_parts(settings)}  }}
  ACCESS {{ users: [ {{ user: "{endpoint.access_user}", password: "{endpoint.access_password}" }} ] }}
}}
system_account: ACCESS
authorization {{
  timeout: 5
  auth_callout {{
    issuer: "{AccountKey.from_seed(endpoint.issuer_seed).public}"
    account: ACCESS
    auth_users: [ {", ".join(f'"{user}"' for user in _own_users(endpoint))} ]
  }}
}}
"""


def _own_users(endpoint: Endpoint) -> list[str]:
    """Users whose login the server answers itself."""
    users = (endpoint.user, endpoint.mqtt_user, endpoint.access_user, endpoint.device_user)
    return [user for user in users if user]


def _parts(settings: NatsSettings) -> str:
    """Where several gateways share the load: every device's reports always go to the same one."""
    if settings.mqtt_parts == 1:
        return ""
    shared = (
        f"sealtrail.{{{{wildcard(1)}}}}.{{{{wildcard(2)}}}}.up.{{{{partition({settings.mqtt_parts},2)}}}}"
    )
    return f"""    mappings: {{ "sealtrail.*.*.up": "{shared}" }}
"""


def _shared_login(endpoint: Endpoint) -> str:
    """The user that may report for any device, where there is one."""
    if not endpoint.device_user:
        return ""
    return f"""      {{
        user: "{endpoint.device_user}", password: "{endpoint.device_password}"
        permissions: {{
          publish: {{ allow: ["sealtrail.*.*.up", "sealtrail.*.*.up.*"], deny: ["sealtrail.alerts.>"] }}
          subscribe: {{ allow: ["sealtrail.*.*.down", "$MQTT.sub.>"], deny: ["sealtrail.alerts.>"] }}
        }}
      }}
"""
