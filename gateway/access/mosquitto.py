"""Mosquitto's password file and access list, made from the registry.

Told to read them again (SIGHUP), Mosquitto 2 also disconnects everyone whose
password is no longer right, so that a suspended device's session is cut. Devices
that sign in with a certificate have no line in the password file; a suspended
one is denied every topic at once, and its session ends when the gateway's
certificate authority says so (``crlfile``).

``pattern`` lines hold for every user name: a device's is its identity, a
subscriber's ends in ``@alerts``, which no device's does.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

import structlog

from gateway.access.credentials import Credentials
from gateway.decoders import decoders
from gateway.foreign_topics import BRIDGE, publish_filters
from sealtrail.contract.decoder import Decoder
from sealtrail.contract.device import SPEAKING, Device, Login, subscriber_login
from sealtrail.runtime.settings.access import AccessSettings

LOGGER = structlog.get_logger(__name__)

PASSWORDS = "passwords"
ACCESS_LIST = "acl"
OWN_LINES = ("passwords.own", "acl.own")
"""Files with lines of your own, for the gateway and the alerts service, put before those made here."""
GATHER_S = 0.5


def password_lines(devices: Iterable[Device], logins: Iterable[Login]) -> str:
    """Password file: ``user:hash`` for everyone who may sign in with a password."""
    users = {
        device.device_id: device.password_hash
        for device in devices
        if device.password_hash and device.state in SPEAKING
    }
    users |= {subscriber_login(login.subscriber_id): login.password_hash for login in logins}
    return "".join(f"{user}:{hashed}\n" for user, hashed in sorted(users.items()))


def access_lines(
    devices: Collection[Device], logins: Iterable[Login], families: Mapping[str, Decoder]
) -> str:
    """Access list: by pattern devices; by name who may not speak, who has own topics, and subscribers."""
    silent = sorted(device.device_id for device in devices if device.state not in SPEAKING)
    lines = [f"user {device_id}\ntopic deny #\n" for device_id in silent]
    for login in sorted(logins, key=lambda one: one.subscriber_id):
        user = subscriber_login(login.subscriber_id)
        lines.append(
            f"user {user}\ntopic deny sealtrail/+/{user}/up\n"  # else it might report under its own name
            f"topic read sealtrail/alerts/{login.subscriber_id}/#\n"
        )
    for device in devices:
        decoder = families.get(device.family)
        if decoder is None or device.state not in SPEAKING:
            continue
        bridge = BRIDGE in device.capabilities
        foreign = publish_filters(decoder, device.device_id, bridge=bridge)
        if foreign:
            lines.append(
                "".join([f"user {device.device_id}\n", *(f"topic write {one}\n" for one in foreign)])
            )
    lines += [
        f"pattern write sealtrail/{family}/%u/up\npattern read sealtrail/{family}/%u/down\n"
        for family in sorted(families)
    ]
    return "\n".join(lines)


def write_files(folder: Path, devices: Iterable[Device], logins: Iterable[Login]) -> bool:
    """Writes both files, readable by their owner and group; False where nothing has changed.

    Each is replaced as a whole, so that Mosquitto never reads half of one.
    """
    known, books = list(devices), list(logins)
    folder.mkdir(parents=True, exist_ok=True)
    own = _own(folder / OWN_LINES[0])
    ours = {line.partition(":")[0] for line in own.splitlines()}
    known = [device for device in known if device.device_id not in ours]
    contents = {
        PASSWORDS: own + password_lines(known, books),
        ACCESS_LIST: _own(folder / OWN_LINES[1]) + access_lines(known, books, decoders()),
    }
    changed = False
    for name, content in contents.items():
        path = folder / name
        with contextlib.suppress(OSError):
            if path.read_text(encoding="utf-8") == content:
                continue
        partial = path.with_suffix(".partial")
        partial.unlink(missing_ok=True)
        partial.touch(mode=0o640)
        partial.write_text(content, encoding="utf-8")
        partial.replace(path)
        changed = True
    return changed


def _own(path: Path) -> str:
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return ""
    return text if text.endswith("\n") else text + "\n"


def tell_mosquitto(pid_file: Path) -> None:
    """Has Mosquitto read its files again. Raises ``OSError`` or ``ValueError`` where that can't be done."""
    os.kill(int(pid_file.read_text(encoding="ascii")), signal.SIGHUP)


class MosquittoFiles:
    """Keeps the files current while the service runs; changes within half a second are written together."""

    def __init__(self, settings: AccessSettings, credentials: Credentials) -> None:
        self._folder = settings.mosquitto_dir
        self._pid_file = settings.mosquitto_pid_file
        self._credentials = credentials
        self.changed = asyncio.Event()

    async def keep(self) -> None:
        """Until cancelled; what can't be written is tried again."""
        self.changed.set()
        untold = False
        while True:
            if not untold:
                await self.changed.wait()
            self.changed.clear()
            try:
                if self.write() or untold:
                    untold = True
                    if self._pid_file is not None:
                        tell_mosquitto(self._pid_file)
                    untold = False
            except (OSError, ValueError) as error:
                LOGGER.warning("mosquitto_not_told", detail=str(error))
                self.changed.set()
            await asyncio.sleep(GATHER_S)

    def write(self) -> bool:
        """Writes the files as the registry is now; False where nothing has changed. Raises ``OSError``."""
        if self._folder is None:
            return False
        devices = [standing.device for standing in self._credentials.view.standings.values()]
        return write_files(self._folder, devices, self._credentials.logins.values())
