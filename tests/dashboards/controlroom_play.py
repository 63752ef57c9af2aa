"""The page over a scene that moves once a second, without the rest of SealTrail.

``python -m tests.dashboards.controlroom_play --containers 20000 --port 8080``
"""

from __future__ import annotations

import argparse
import asyncio
from contextlib import suppress

import uvicorn

from dashboards.controlroom.server import create_app
from sealtrail.runtime.settings.controlroom import ControlRoomSettings
from tests.dashboards.controlroom_scene import Scene


async def main() -> None:
    """Serve the page over a scene that moves once a second."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--containers", type=int, default=60)
    parser.add_argument("--port", type=int, default=8080)
    options = parser.parse_args()
    scene = Scene(options.containers)
    app = create_app(scene, ControlRoomSettings(port=options.port))
    server = uvicorn.Server(uvicorn.Config(app, port=options.port, log_level="warning"))
    serving = asyncio.create_task(server.serve())
    while not serving.done():
        with suppress(TimeoutError):
            await asyncio.wait_for(asyncio.shield(serving), 1)
        scene.move()
    await serving


if __name__ == "__main__":
    asyncio.run(main())
