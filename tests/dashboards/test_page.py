"""The control-room page in a real browser, over a scene in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import expect

from sealtrail.contract.alert import AlertType
from sealtrail.runtime.settings.controlroom import ControlRoomSettings
from tests.dashboards.controlroom_scene import Scene
from tests.dashboards.controlroom_server import Running, running
from tests.dashboards.page_browser import Look, browser_page, built_page

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", autouse=True)
def _built() -> None:
    built_page()


@pytest.fixture
def scene() -> Scene:
    return Scene(40)


@pytest_asyncio.fixture
async def served(scene: Scene) -> AsyncIterator[Running]:
    async with running(scene, ControlRoomSettings(port=0)) as one:
        yield one


@pytest_asyncio.fixture
async def look(served: Running) -> AsyncIterator[Look]:
    async with browser_page(served.url) as one:
        await one.open()
        yield one


async def test_containers_are_drawn_where_they_are(look: Look, scene: Scene) -> None:
    """The map draws containers; a click on one opens its drawer."""
    assert await look.ask("window.sealtrail.containers") == 40
    silent = scene.containers[31]
    assert await look.ask(f"window.sealtrail.status('{silent}')") == "silent"
    spot = next(one for one in await scene.latest() if one.container_id == scene.containers[9])
    at = await look.ask(f"window.sealtrail.project({spot.longitude_deg}, {spot.latitude_deg})")
    box = await look.page.get_by_test_id("map").bounding_box()
    assert box is not None
    await look.page.mouse.click(box["x"] + at["x"], box["y"] + at["y"])
    await expect(look.page.get_by_test_id("drawer")).to_be_visible()
    assert look.faults == []


async def test_alert_arrives_is_acknowledged_by_keyboard_and_stays_so(look: Look, scene: Scene) -> None:
    """An alert comes while somebody watches, is announced, acknowledged with a name asked once, and kept."""
    page = look.page
    before = await page.locator(".queue-item").count()
    box = scene.containers[20]
    incident = scene.breach(box, AlertType.SEAL_CUT, scene.now_ms)
    item = page.locator(f"[data-incident='{incident.incident_id}']")
    await expect(item).to_have_attribute("data-state", "open")
    await expect(page.locator(".queue-item")).to_have_count(before + 1)
    await expect(page.get_by_test_id("announcer")).to_contain_text(box)
    await look.until(f"window.sealtrail.status('{box}') === 'critical'")

    await page.keyboard.press("j")  # the newest critical one is on top
    await expect(item.locator(".queue-open")).to_be_focused()
    await page.keyboard.press("a")
    name = page.get_by_label("Your name or duty number")
    await expect(name).to_be_focused()
    await name.fill("A. Officer")
    await page.keyboard.press("Enter")
    await expect(item).to_have_attribute("data-state", "acknowledged")
    await expect(item).to_contain_text("A. Officer")

    await look.open()
    await expect(item).to_have_attribute("data-state", "acknowledged")
    await look.until(f"window.sealtrail.status('{box}') === 'acknowledged'")

    other = scene.breach(scene.containers[21], AlertType.SEAL_CUT, scene.now_ms)
    item = page.locator(f"[data-incident='{other.incident_id}']")
    await expect(item).to_have_attribute("data-state", "open")
    await item.locator(".queue-open").focus()
    await page.keyboard.press("a")  # the name is known by now
    await expect(item).to_have_attribute("data-state", "acknowledged")
    await expect(item.locator(".queue-open")).to_be_focused()  # where it now stands in the queue
    assert look.faults == []


async def test_keys_decide_about_what_is_shown_and_nothing_else(look: Look, scene: Scene) -> None:
    """While a container without an incident is shown, or the drawer is in use, A is not for another alert."""
    page = look.page
    first, second = (scene.breach(scene.containers[at], AlertType.SEAL_CUT, scene.now_ms) for at in (22, 23))
    items = [page.locator(f"[data-incident='{one.incident_id}']") for one in (first, second)]
    await expect(items[1]).to_have_attribute("data-state", "open")
    await items[0].locator(".queue-open").focus()
    await page.keyboard.press("/")
    await page.keyboard.type(scene.containers[13][4:])
    await page.keyboard.press("Enter")
    await expect(page.get_by_test_id("drawer")).to_be_visible()
    await page.keyboard.press("a")
    await expect(page.get_by_role("dialog")).to_have_count(0)

    await items[0].locator(".queue-open").click()
    await items[1].locator(".queue-open").focus()
    await page.get_by_role("button", name="Close the drawer").focus()
    await page.keyboard.press("a")
    await page.get_by_label("Your name or duty number").fill("A. Officer")
    await page.keyboard.press("Enter")
    await expect(items[0]).to_have_attribute("data-state", "acknowledged")
    await expect(items[1]).to_have_attribute("data-state", "open")
    assert look.faults == []


async def test_drawer_shows_the_whole_trip_and_resolves(look: Look) -> None:
    """Track, corridor, seal history, plot and custody are shown; resolving asks for a reason."""
    page = look.page
    await page.keyboard.press("j")
    await page.keyboard.press("Enter")
    drawer = page.get_by_test_id("drawer")
    await expect(drawer).to_contain_text("Seal cut")
    await expect(drawer).to_contain_text("late by 4 h")
    await expect(page.get_by_test_id("trip")).to_contain_text("Rotterdam")
    await expect(page.get_by_test_id("seals")).to_contain_text("Cut", ignore_case=True)
    await expect(page.get_by_test_id("custody")).to_contain_text("Trip started")
    await expect(page.get_by_test_id("sensors").locator("path.line").first).to_be_visible()
    await page.get_by_label("Quantity").select_option("humidity_pct")
    await expect(page.get_by_test_id("sensors").locator("figcaption")).to_contain_text("%")
    for layer in ("track", "corridor", "alerts"):
        await look.until(f"window.sealtrail.drawn('{layer}') > 0")

    await page.locator("[data-decision=resolve]").click()
    submit = page.get_by_role("dialog").get_by_role("button", name="Resolve")
    await page.get_by_label("Your name or duty number").fill("A. Officer")
    await expect(submit).to_be_disabled()
    await page.get_by_label("Reason").fill("Seal replaced at Hengelo")
    await submit.click()
    await expect(page.get_by_test_id("custody")).to_contain_text("Seal replaced at Hengelo")
    await page.keyboard.press("Escape")
    await expect(drawer).to_have_count(0)
    await look.until("window.sealtrail.drawn('corridor') === 0")
    await page.locator("[data-filter=resolved]").click()
    await expect(page.locator(".queue-item.is-resolved").first).to_contain_text("Seal cut")
    assert look.faults == []


async def test_search_finds_a_container_by_keyboard(look: Look, scene: Scene) -> None:
    """``/`` focuses the search, a part of the number finds it, Enter opens it."""
    await look.page.keyboard.press("/")
    await look.page.keyboard.type(scene.containers[13][4:])
    await expect(look.page.get_by_role("option")).to_have_count(1)
    await look.page.keyboard.press("Enter")
    await expect(look.page.get_by_test_id("drawer")).to_have_attribute(
        "aria-label", f"Container {scene.containers[13]}"
    )
    assert look.faults == []


async def test_reports_move_containers_without_a_reload(look: Look, scene: Scene) -> None:
    """A container that was silent reports again and is shown as under way."""
    silent = scene.containers[31]
    scene.wake(silent)
    await look.until(f"window.sealtrail.status('{silent}') === 'ok'")
    assert look.faults == []


async def test_legend_hides_and_shows_a_state(look: Look) -> None:
    """What is switched off in the legend leaves the map."""
    shown = await look.ask("window.sealtrail.renderedContainers()")
    button = look.page.get_by_role("button", name="Under way")
    await button.click()
    await expect(button).to_have_attribute("aria-pressed", "false")
    await look.until(f"window.sealtrail.renderedContainers() < {shown}")
    await button.click()
    await look.until(f"window.sealtrail.renderedContainers() === {shown}")


async def test_lost_feed_is_said_in_words(look: Look, scene: Scene) -> None:
    """When the log is gone the page says that what it shows may be old, and recovers by itself."""
    await expect(look.page.get_by_test_id("connection")).to_have_text("Live")
    scene.break_feed("the log is gone")
    await expect(look.page.locator(".banner")).to_contain_text("the log is gone")
    await expect(look.page.get_by_test_id("connection")).to_have_text("Reconnecting")
    scene.failing = ""
    await expect(look.page.get_by_test_id("connection")).to_have_text("Live")
    await expect(look.page.locator(".banner")).to_have_count(0)


@pytest.mark.parametrize("scheme", ["dark", "light"])
async def test_colours_follow_the_system_and_the_switch(served: Running, scheme: str) -> None:
    """The system's preference is the start; the switch holds over a reload."""
    other = {"dark": "light", "light": "dark"}[scheme]
    async with browser_page(served.url, color_scheme=scheme) as look:
        await look.open()
        assert await look.ask("document.documentElement.dataset.theme") == scheme
        await look.page.keyboard.press("t")
        await look.open()
        assert await look.ask("document.documentElement.dataset.theme") == other
        assert look.faults == []


async def test_help_shows_the_keys(look: Look) -> None:
    """``?`` opens the list of keys and Escape closes it."""
    await look.page.keyboard.press("?")
    await expect(look.page.get_by_role("dialog")).to_contain_text("Acknowledge the alert")
    await look.page.keyboard.press("Escape")
    await expect(look.page.get_by_role("dialog")).to_have_count(0)


async def test_empty_world_is_worded() -> None:
    """Before the first report the page says so instead of showing nothing."""
    async with running(Scene(0), ControlRoomSettings(port=0)) as served, browser_page(served.url) as look:
        await look.page.goto(served.url)
        await expect(look.page.locator(".banner")).to_contain_text("No container has reported yet")
        await expect(look.page.locator(".queue .empty")).to_contain_text("No alert needs attention")
        assert look.faults == []


async def test_twenty_thousand_containers_stay_fluent() -> None:
    """With 20,000 containers of which thousands move, the page goes on answering the keyboard."""
    scene = Scene(20_000)
    async with running(scene, ControlRoomSettings(port=0)) as served, browser_page(served.url) as look:
        await look.open()
        assert await look.ask("window.sealtrail.containers") == 20_000

        async def move() -> None:
            while True:
                scene.move(0.1)
                await asyncio.sleep(1)

        moving = asyncio.create_task(move())
        try:
            for _ in range(3):
                await look.page.keyboard.press("j")
            async with asyncio.timeout(10):
                await look.page.keyboard.press("Enter")
                await expect(look.page.get_by_test_id("drawer")).to_be_visible()
            await look.until("window.sealtrail.mapIdle")
        finally:
            moving.cancel()
            await asyncio.gather(moving, return_exceptions=True)
        assert look.faults == []


async def test_the_work_list_leads_to_what_makes_the_risk(look: Look, scene: Scene) -> None:
    """Trips come by their score; opening one shows its parts, J and K move, and A decides about nothing."""
    page = look.page
    scene.breach(scene.containers[9], AlertType.SEAL_CUT, scene.now_ms)
    await page.locator("[data-panel=inspect]").click()
    lines = page.locator(".work-item")
    await expect(lines.first).to_contain_text("Seal cut")
    scores = [int(text) for text in await page.locator(".work-item .score b").all_text_contents()]
    assert scores == sorted(scores, reverse=True)
    await page.keyboard.press("j")
    await page.keyboard.press("j")
    await expect(lines.nth(1).locator("button")).to_be_focused()
    await page.keyboard.press("a")
    await expect(page.get_by_role("dialog")).to_have_count(0)
    await page.keyboard.press("k")
    await page.keyboard.press("Enter")
    risk = page.get_by_test_id("risk")
    await expect(risk.locator(".figure")).to_have_text(str(scores[0]))
    await expect(risk.locator("[data-part=seal]")).to_contain_text("Seal cut")
    await page.locator("[data-panel=alerts]").click()
    await expect(page.locator(".queue-item.chosen")).to_contain_text("Seal cut")
    assert look.faults == []


async def test_an_alert_without_report_device_and_place_is_shown(look: Look, scene: Scene) -> None:
    """What only the plan says (overdue) has its words in queue and drawer, and draws nothing on the map."""
    page = look.page
    incident = scene.breach(scene.containers[20], AlertType.OVERDUE, scene.now_ms, bare=True)
    await page.locator(f"[data-incident='{incident.incident_id}'] .queue-open").click()
    drawer = page.get_by_test_id("drawer")
    await expect(drawer.locator(".incident")).to_contain_text("Overdue")
    await drawer.get_by_text("What it rests on").click()
    await expect(drawer).to_contain_text("No report of a device stands behind it.")
    await expect(drawer.locator(".where")).to_have_count(0)
    await look.until("window.sealtrail.drawn('corridor') > 0")
    assert await look.ask("window.sealtrail.drawn('alerts')") == 0
    assert look.faults == []
