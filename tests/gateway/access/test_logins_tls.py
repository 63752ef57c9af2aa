"""Client certificates: a device that has one in the registry must show it."""

from __future__ import annotations

import hashlib
import shutil
import ssl
import subprocess
from pathlib import Path

import aiomqtt
import pytest
from pydantic import SecretStr

from sealtrail.contract.device import Device
from sealtrail.runtime.devices import DeviceRegistry
from sealtrail.runtime.log import Log
from sealtrail.runtime.nats_endpoint import Endpoint
from sealtrail.runtime.settings.nats import NatsSettings
from tests.gateway.access.desk import Desk, enter, within
from tests.system.compose_parts import Ports, nats_files, nats_of_the_project
from tests.system.compose_project import SECRETS, absent


def _openssl(*words: str) -> None:
    program = shutil.which("openssl")
    if program is None:
        absent("openssl: not on this machine")
    subprocess.run([program, *words], check=True, capture_output=True)


def _authority(folder: Path) -> None:
    """A certificate authority that is also the server's certificate, where the configuration looks."""
    folder.mkdir()
    _openssl(
        *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
        *("-keyout", str(folder / "server.key"), "-out", str(folder / "server.pem"), "-days", "2"),
        *("-subj", "/CN=nats", "-addext", "subjectAltName=IP:127.0.0.1"),
    )


def _certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, str]:
    """A client's TLS with a certificate of the authority, and the certificate's fingerprint."""
    request, key, certificate = (folder / f"{name}.{end}" for end in ("csr", "key", "pem"))
    _openssl(
        *("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"),
        *("-keyout", str(key), "-out", str(request), "-subj", f"/CN={name}"),
    )
    _openssl(
        *("x509", "-req", "-in", str(request), "-CA", str(folder / "server.pem")),
        *("-CAkey", str(folder / "server.key"), "-out", str(certificate), "-days", "2"),
    )
    context = ssl.create_default_context(cafile=str(folder / "server.pem"))
    context.load_cert_chain(certificate, key)
    der = ssl.PEM_cert_to_DER_cert(certificate.read_text())
    return context, hashlib.sha256(der).hexdigest()


def _server(tmp_path: Path) -> tuple[Path, Ports]:
    """The project's own server with TLS, made to ask for certificates as the manual says."""
    _authority(tmp_path / "tls")
    config, ports = nats_files(tmp_path, "mqtt-tls.conf")
    listener = tmp_path / "mqtt.conf"
    text = listener.read_text()
    assert "    timeout: 10\n" in text
    asked = f'    timeout: 10\n    ca_file: "{tmp_path}/tls/server.pem"\n    verify: true\n'
    listener.write_text(text.replace("    timeout: 10\n", asked))
    return config, ports


async def _gets_in(port: int, tls: ssl.SSLContext, user: str | None, password: str | None) -> bool:
    try:
        async with aiomqtt.Client(
            "127.0.0.1", port, username=user, password=password, tls_context=tls, identifier="x", timeout=8
        ):
            return True
    except aiomqtt.MqttError:
        return False


def _endpoint(ports: Ports) -> Endpoint:
    """The project's server as the access service is told of it."""
    return Endpoint(
        pid=0,
        host="127.0.0.1",
        client_port=ports.client,
        mqtt_port=ports.mqtt,
        user="sealtrail",
        password=SECRETS["NATS_PASSWORD"],
        mqtt_user="gateway",
        mqtt_password=SECRETS["MQTT_PASSWORD"],
        device_user="device",
        device_password=SECRETS["DEVICE_PASSWORD"],
        access_user="access",
        access_password=SECRETS["ACCESS_PASSWORD"],
        issuer_seed=SECRETS["ACCESS_ISSUER_SEED"],
    )


@pytest.mark.parametrize("with_password", [True, False])
async def test_certificate_must_be_the_device_s_own(tmp_path: Path, *, with_password: bool) -> None:
    """One of the same authority isn't enough; where there is a password, too, both must be right."""
    files = _server(tmp_path)
    port = files[1].mqtt
    own, fingerprint = _certificate(tmp_path / "tls", "own")
    other, _ = _certificate(tmp_path / "tls", "other")
    environment = {name: f'"{value}"' for name, value in SECRETS.items()}
    with nats_of_the_project(tmp_path, environment, "mqtt-tls.conf", files):
        settings = NatsSettings(
            url=f"nats://127.0.0.1:{files[1].client}",
            user="sealtrail",
            password=SecretStr(SECRETS["NATS_PASSWORD"]),
        )
        log = await Log.connect(settings, "test")
        await log.declare()
        desk = Desk(tmp_path, _endpoint(files[1]))
        desk.start()
        try:
            if with_password:
                await enter(log, "KE-0001", certificate_sha256=fingerprint)
            else:
                await DeviceRegistry(log).add(
                    Device(device_id="KE-0001", family="json", certificate_sha256=fingerprint), "test"
                )
            user, password = ("KE-0001", "open") if with_password else (None, None)
            async with within(10):
                while not await _gets_in(port, own, user, password):
                    pass
            assert not await _gets_in(port, other, user, password)
            assert await _gets_in(port, own, "KE-0001", "wrong") is not with_password
        finally:
            desk.kill()
            await log.close()
