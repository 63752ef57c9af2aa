"""One conversation without sockets: who speaks, what is answered and when."""

from __future__ import annotations

import itertools

import pytest
from prometheus_client import CollectorRegistry

from gateway.framings import Lines
from gateway.listeners.access import Access, Anyone
from gateway.listeners.door import Door, House
from gateway.listeners.intake import Intake
from gateway.listeners.talk import MAX_IDENTITIES, MOST_NOISE_BYTES, Talk
from gateway.metrics import DoorMetrics
from gateway.wire import Heard, Wire
from sealtrail.contract.errors import DecodeError
from sealtrail.runtime.settings.gateway import DoorSettings


class Words:
    """``login NAME SECRET``, ``ping``, ``say WORD``, ``as NAME WORD``, ``nonsense``, ``fault``."""

    def hear(self, frame: bytes, received_at_ms: int) -> Heard:
        assert received_at_ms == 7
        match frame.decode().split():
            case ["login", name, *secret]:
                return Heard(name, "".join(secret).encode(), answer=b"hello;", refusal=b"no;")
            case ["ping"]:
                return Heard(answer=b"pong;")
            case ["say", word]:
                return Heard(message=word.encode(), answer=f"{word};".encode())
            case ["as", name, word]:
                return Heard(name, message=word.encode(), answer_refused=lambda reason: f"{reason};".encode())
            case ["fault"]:
                raise ZeroDivisionError
            case _:
                raise DecodeError("nonsense", "not a word")


class Doorman(Anyone):
    """Lets in who isn't on the list, and keeps a diary."""

    def __init__(self) -> None:
        self.refused: dict[str, str] = {}
        self.fallen: dict[str, str] = {}
        self.diary: list[str] = []
        self.spoken: list[str] = []

    def admit(self, family: str, device_id: str, secret: bytes, now_ms: int) -> str | None:
        assert (family, now_ms) == ("json", 7)
        self.diary.append(f"admit {device_id} {secret.decode()}".strip())
        return self.refused.get(device_id)

    def standing(self, family: str, device_id: str, now_ms: int) -> str | None:
        assert (family, now_ms) == ("json", 7)
        return self.fallen.get(device_id)

    def opened(self, family: str, device_id: str, connection_id: int, peer: str, now_ms: int) -> None:
        assert (family, now_ms, connection_id > 0) == ("json", 7, True)
        self.diary.append(f"opened {device_id} from {peer}")

    def spoke(self, family: str, device_id: str, connection_id: int, now_ms: int) -> None:
        assert (family, now_ms, connection_id > 0) == ("json", 7, True)
        self.spoken.append(device_id)

    def closed(self, family: str, device_id: str, connection_id: int, now_ms: int) -> None:
        assert (family, now_ms, connection_id > 0) == ("json", 7, True)
        self.diary.append(f"closed {device_id}")


class Play:
    """A talk, what it sends, and a log that takes messages when told."""

    def __init__(self, access: Access | None = None, **bounds: object) -> None:
        self.intake = Intake(0, 100, 100_000)
        self.access = access or Anyone()
        settings = DoorSettings.model_validate(bounds)
        house = House(settings, self.access, DoorMetrics(CollectorRegistry()), lambda: 7, lambda: 1.0)
        door = Door("tcp", "json", Wire(lambda: Lines(100), Words, 0), self.intake, house)
        self.sent = b""
        self.cut: list[str] = []
        self.ready = 0
        self.talk = Talk(door, "192.0.2.1", self._send, self.cut.append, self._ready)

    def _send(self, answer: bytes) -> None:
        self.sent += answer

    def _ready(self) -> None:
        self.ready += 1

    def hear(self, *lines: str) -> None:
        self.talk.feed("".join(f"{line}\n" for line in lines).encode())

    def store(self, most: int = 1_000, refusals: dict[str, str] | None = None) -> list[tuple[str, bytes]]:
        """The log takes what waits; topics and payloads of it."""
        taken = self.intake.take(most, 1 << 20)
        reasons = {
            token: refusals[p.decode()] for _, p, token in taken if refusals and p.decode() in refusals
        }
        self.intake.settle([token for _, _, token in taken], reasons)
        return [(topic, payload) for topic, payload, _ in taken]


def test_answers_in_order_after_the_log() -> None:
    """A message's answer waits for the log, what comes after it waits for that, a login before it doesn't."""
    play = Play()
    play.hear("login d1", "say a", "ping", "say b")
    assert play.sent == b"hello;"
    assert play.store(1) == [("tcp/json/d1", b"a")]
    assert play.sent == b"hello;a;pong;"
    play.store()
    assert play.sent == b"hello;a;pong;b;"


def test_answers_that_come_out_of_turn_wait() -> None:
    """A later message that the log has first is answered after the earlier one."""
    play = Play()
    play.hear("login d1", "say a", "say b")
    (first, second) = play.intake.take(10, 1 << 20)
    play.intake.settle([second[2]], {})
    assert play.sent == b"hello;"
    play.intake.settle([first[2]], {})
    assert play.sent == b"hello;a;b;"


def test_refused_messages_have_their_own_answer() -> None:
    """Where a family tells refusals, the reason reaches the device; where it doesn't, it hears the usual."""
    play = Play()
    play.hear("as d1 a", "say b")
    play.store(refusals={"a": "bad_value", "b": "bad_value"})
    assert play.sent == b"bad_value;b;"


def test_device_that_may_not_speak() -> None:
    """Its login is refused, what it sends is quarantined without its secret and not answered as if stored."""
    doorman = Doorman()
    doorman.refused["d1"] = "suspended_device"
    play = Play(doorman)
    play.hear("login d1 key", "say a", "ping")
    stored = play.store()
    assert [topic.split("?")[:2] for topic, _ in stored] == [["tcp/json/d1", "suspended_device"]] * 3
    assert [payload for _, payload in stored] == [b"login d1 ***\n", b"a", b"ping\n"]
    assert play.sent == b"no;"
    assert doorman.diary == ["admit d1 key", "admit d1", "admit d1"]
    assert play.cut == []


def test_device_that_may_not_speak_is_cut_if_set_so() -> None:
    """With the setting the connection ends after the first refused frame; what came with it is kept."""
    doorman = Doorman()
    doorman.refused["d1"] = "unknown_device"
    play = Play(doorman, refused_devices="close")
    play.hear("login d1", "say a", "say b")
    assert play.cut == []
    stored = play.store()
    assert [payload for _, payload in stored] == [b"login d1\n", b"say a\nsay b\n"]
    assert (play.sent, play.cut) == (b"no;", ["unknown_device"])


def test_standing_is_asked_again() -> None:
    """A device that is suspended while it is connected is cut, after its answers."""
    doorman = Doorman()
    play = Play(doorman)
    play.hear("login d1", "say a")
    play.talk.check_standing()
    assert play.cut == []
    doorman.fallen["d1"] = "suspended_device"
    play.talk.check_standing()
    assert play.cut == []
    play.store()
    assert (play.sent, play.cut) == (b"hello;a;", ["suspended_device"])
    assert doorman.diary == ["admit d1", "opened d1 from 192.0.2.1", "closed d1"]


def test_device_that_was_added_is_heard_on_the_connection_that_stands() -> None:
    """What the registry says counts from the next frame on, without a new login."""
    doorman = Doorman()
    doorman.refused["d1"] = "unknown_device"
    play = Play(doorman)
    play.hear("login d1", "say a")
    doorman.refused.clear()
    play.hear("say b", "say c")
    refused = [payload for topic, payload in play.store() if topic.startswith("tcp/json/d1?unknown_device")]
    assert refused == [b"login d1\n", b"a"]
    assert (play.sent, play.cut) == (b"no;b;c;", [])
    play.talk.gone()
    assert doorman.diary == [*["admit d1"] * 3, "opened d1 from 192.0.2.1", "closed d1"]


@pytest.mark.parametrize("reason", ["bad_secret", "no_secret", "login_busy"])
def test_wrong_secret_stays_wrong(reason: str) -> None:
    """Only another login lifts it, not that the device may speak in general."""
    doorman = Doorman()
    doorman.refused["d1"] = reason
    play = Play(doorman)
    play.hear("login d1 x", "say a")
    play.talk.check_standing()
    play.hear("say b")
    assert doorman.diary == ["admit d1 x"]
    assert [payload for topic, payload in play.store() if reason in topic] == [b"login d1 *\n", b"a", b"b"]


def test_sessions_are_opened_and_closed_once() -> None:
    """Every device of a connection has one session, whatever it says and however often it logs in."""
    doorman = Doorman()
    play = Play(doorman)
    play.hear("login d1 x", "as d2 a", "as d1 b", "login d1 x", "say c")
    play.talk.gone()
    play.talk.gone()
    assert [each for each in doorman.diary if not each.startswith("admit")] == [
        "opened d1 from 192.0.2.1",
        "opened d2 from 192.0.2.1",
        "closed d1",
        "closed d2",
    ]
    assert [topic for topic, _ in play.store()] == [f"tcp/json/{name}" for name in ("d2", "d1", "d1")]


def test_only_what_is_heard_at_once_is_a_sign_of_life() -> None:
    """Bytes that had to wait, or whose sender is gone, don't show that a device speaks now."""
    doorman = Doorman()
    doorman.refused["d2"] = "suspended_device"
    play = Play(doorman, max_pending_per_connection=5)
    play.hear("login d1", "ping", "say a", "as d2 b", "nonsense")
    assert doorman.spoken == ["d1", "d1", "d1"]
    play.store()
    play.hear("as d1 c", *(f"say {number}" for number in range(10)))
    for _ in range(3):
        play.store()
    assert doorman.spoken == ["d1"] * 8
    other = Play(doorman)
    other.talk.gone()
    other.hear("login d3")
    assert doorman.spoken == ["d1"] * 8


@pytest.mark.parametrize("name", ["a/b", "a?b", "d" * 65, "+", "..", "é"])
def test_names_that_cant_be(name: str) -> None:
    """A name that no topic, bucket or file could carry is refused by name."""
    play = Play()
    play.hear(f"as {name} a", "say b")
    first, second = play.store()
    assert first[0].split("?")[:2] == ["tcp/json/", "bad_identity"]
    assert second == ("tcp/json/", b"b")  # of nobody: the pipeline refuses what names no device


def test_many_names_on_one_connection() -> None:
    """A connection speaks for a bounded number of devices."""
    play = Play(max_pending_per_connection=10_000)
    reasons = []
    for number in range(MAX_IDENTITIES + 5):
        play.hear(f"as d{number} a")
        reasons += [topic.partition("?")[2].partition("?")[0] for topic, _ in play.store()]
    assert reasons == [""] * MAX_IDENTITIES + ["too_many_identities"] * 5


def test_frames_that_mean_nothing() -> None:
    """Nonsense and faults of ours cost the frame, by name, not the conversation."""
    play = Play()
    play.hear("login d1", "nonsense", "fault", "say a")
    reasons = [topic.partition("?")[2].partition("?")[0] for topic, _ in play.store()]
    assert reasons == ["nonsense", "dialogue_failure", ""]
    assert play.sent == b"hello;a;"


def test_full_means_wait() -> None:
    """Beyond the bound received bytes wait as they are, until the log has taken what is before them."""
    play = Play(max_pending_per_connection=3)
    play.hear("login d1", *(f"say {n}" for n in range(10)))
    assert (play.talk.held, play.talk.backlog, play.intake.unsettled, play.ready) == (True, True, 3, 0)
    heard = [payload for _ in range(4) for _, payload in play.store()]
    assert heard == [b"%d" % n for n in range(10)]
    assert play.sent == b"hello;" + b"".join(b"%d;" % n for n in range(10))
    assert (play.talk.held, play.ready > 0) == (False, True)


def test_who_is_gone_is_still_heard() -> None:
    """When the connection ends, what was received is handed over as there is room; answers are forgotten."""
    play = Play(max_pending_per_connection=3)
    play.hear("login d1", *(f"say {n}" for n in range(150)))
    sent = play.sent
    play.talk.feed(b"say incompl")
    play.talk.gone()
    assert (play.intake.unsettled, play.talk.drained) == (100, False)
    heard = [payload for _ in range(3) for _, payload in play.store()]
    assert heard == [*(b"%d" % n for n in range(150)), b"say incompl"]
    assert (play.talk.drained, play.sent, play.cut) == (True, sent, [])


def test_end_of_input_closes_after_the_last_answer() -> None:
    """A device that has said all hears the answers, then the end."""
    play = Play()
    play.hear("login d1", "say a")
    play.talk.no_more_input()
    assert play.cut == []
    play.store()
    assert (play.sent, play.cut) == (b"hello;a;", ["end_of_input"])


def test_what_comes_after_the_end_is_kept() -> None:
    """Bytes that were on their way when we ended the conversation are quarantined, too."""
    play = Play()
    play.hear("login d1", "say a")
    play.talk.end("idle_timeout")
    play.hear("say b")
    assert [payload for _, payload in play.store()] == [b"a", b"say b\n"]
    assert play.cut == ["idle_timeout"]


def test_finish_hears_all_at_once() -> None:
    """When the gateway stops, bounds don't keep back what was received."""
    play = Play(max_pending_per_connection=3)
    play.hear("login d1", *(f"say {n}" for n in range(50)), "say")
    play.talk.feed(b"par")
    play.talk.finish()
    assert play.intake.unsettled == 52
    assert list(itertools.islice((payload for _, payload in reversed(play.store())), 2)) == [b"par", b"say\n"]


def test_nonsense_of_somebody_without_a_name_is_one_entry() -> None:
    """Refused frames of one read are filed together and counted, up to a size and up to the next message."""
    play = Play()
    play.hear(*["nonsense"] * 20, "say a", *["nonsense"] * 3)
    play.hear("nonsense")
    joined = [(topic, payload.count(b"nonsense")) for topic, payload in play.store()]
    assert joined == [
        ("tcp/json/?nonsense?20 frames; not a word", 20),
        ("tcp/json/", 0),
        ("tcp/json/?nonsense?3 frames; not a word", 3),
        ("tcp/json/?nonsense?not a word", 1),
    ]
    counts = play.talk._door.counts  # noqa: SLF001  as the metrics show them
    assert (counts.messages._value.get(), counts.joined._value.get()) == (4, 21)  # noqa: SLF001  of prometheus_client
    for _ in range(100):
        play.talk.feed(b"nonsense\n" * 90)
    assert max(len(payload) for _, payload in play.store()) <= MOST_NOISE_BYTES
    play.hear("login d1", "nonsense", "nonsense")
    assert [payload for _, payload in play.store()] == [b"nonsense\n"] * 2
