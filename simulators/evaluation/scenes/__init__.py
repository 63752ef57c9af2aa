"""Everything that is scripted, by name, and on which trips it may happen."""

from __future__ import annotations

from simulators.evaluation.scenes import cargo, custody, doors, gnss, route, schedule
from simulators.evaluation.scenes.scene import PLAIN, Scene

SCENES: dict[str, Scene] = {
    scene.name: scene
    for scene in (
        PLAIN,
        *custody.SCENES,
        *doors.SCENES,
        *route.SCENES,
        *schedule.SCENES,
        *gnss.SCENES,
        *cargo.SCENES,
    )
}
