"""`Talk`: one conversation, whatever carries it: bytes in, messages out, answers in order. No I/O."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from gateway.listeners.door import Door, next_connection_id
from gateway.listeners.intake import Entry
from gateway.topics import DEVICE_ID, MAX_DEVICE_ID, door_topic
from gateway.wire import Heard, StreamError
from sealtrail.contract.errors import RefusedError

LOGGER = structlog.get_logger(__name__)

SLICE_BYTES = 4_096
"""Received bytes are cut into frames in pieces of this size, so that few frames wait beside their bytes."""
MAX_IDENTITIES = 1_000
"""Devices that one connection may speak for."""
PROMPT_AFTER_S = 5.0
"""After it was held back a conversation may have old bytes to hear for so long; see `Access.spoke`."""
FOR_GOOD = frozenset({"ended", "no_secret", "bad_secret", "login_busy"})
"""Refusals that only another login lifts; the others may hold no more when the next frame comes."""
END_OF_INPUT = "end_of_input"
MOST_NOISE_BYTES = 4_096
"""Refused frames of somebody who hasn't said a name stand together in the quarantine, up to this size."""

_failures_shown: set[tuple[str, str]] = set()


class _Noise:
    """Refused frames one after the other, until they are filed as one."""

    def __init__(self, refusal: RefusedError) -> None:
        self.refusal = refusal  # of the first
        self.frames = 0
        self.bytes = bytearray()

    @property
    def detail(self) -> str:
        """The first one's, and how many there are."""
        return self.refusal.detail if self.frames == 1 else f"{self.frames} frames; {self.refusal.detail}"


class Talk:
    """Bounded: while `full`, received bytes wait as they are, and the carrier must not read more.

    ``send`` gets answers whose turn has come. ``cut`` is called once when the
    carrier is to be closed by us, after the last answer, with the reason.
    ``ready`` is called whenever nothing that was received waits any more and
    there is room, or the other side is gone and all it sent has been handed over.
    """

    def __init__(
        self,
        door: Door,
        peer: str,
        send: Callable[[bytes], None],
        cut: Callable[[str], None],
        ready: Callable[[], None],
    ) -> None:
        self._door = door
        self._peer = peer
        self._send = send
        self._cut = cut
        self._ready = ready
        self._framing = door.wire.framing()
        self._dialogue = door.wire.dialogue()
        self._id = next_connection_id()
        self._unread = b""
        # lists, since an empty one costs a tenth of a deque, and there are ten thousand idle connections
        self._frames: list[bytes] = []  # the next one last
        self._queue: list[Entry] = []  # all that is to be answered, in order
        self._noise: _Noise | None = None
        self._known: dict[str, str] = {}  # identity -> why it may not speak; empty: it may
        self._identity = ""
        self._ending = ""  # why the conversation ends; nothing more is heard
        self._no_more_input = False
        self._gone = False  # no answer can reach the other side
        self._rest_left = False
        self._cut_called = False
        self._held_s = -PROMPT_AFTER_S  # when there was no room, last
        self.heard_s = door.monotonic()  # when the last complete frame came

    # ----------------------------------------------------------------- what the carrier sees

    @property
    def named(self) -> bool:
        """Whether a device has been named, admitted or not."""
        return bool(self._known)

    @property
    def held(self) -> bool:
        """Whether the carrier must not read: no room, or no ear."""
        return self.full or self.backlog or bool(self._ending) or self._no_more_input

    @property
    def full(self) -> bool:
        """Whether nothing more may be heard until the log has taken something."""
        most = self._door.bounds.max_pending_per_connection
        return len(self._queue) >= most or not self._door.intake.has_room

    @property
    def backlog(self) -> bool:
        """Whether received bytes wait to be heard."""
        return bool(self._unread or self._frames)

    @property
    def drained(self) -> bool:
        """Whether all that was received has been handed over."""
        return not self.backlog and (self._rest_left or bool(self._ending))

    def feed(self, data: bytes) -> None:
        """Bytes from the device."""
        self._door.counts.received_bytes.inc(len(data))
        if self._ending:
            self._quarantine(data, self._ending, "after the end of the conversation")
            return
        self._unread = self._unread + data if self._unread else data
        self._proceed()

    def no_more_input(self) -> None:
        """The other side sends nothing more, but may still be listening."""
        self._no_more_input = True
        self._proceed()

    def gone(self) -> None:
        """The other side is gone: its answers are forgotten, what it has sent is still heard."""
        self._gone = self._no_more_input = True
        self._queue.clear()
        self._proceed()

    def finish(self) -> None:
        """Hears at once all that waits, whatever the bounds: the gateway stops."""
        self._no_more_input = True
        self._proceed(bounded=False)

    def end(self, reason: str) -> None:
        """We end it, for a reason that is counted; answers that wait are sent first."""
        self._end(reason, "the connection was closed")

    def check_standing(self) -> None:
        """Ends the conversation if a device that speaks here may do so no longer."""
        now_ms = self._door.clock()
        for identity, refusal in self._known.items():
            if not refusal:
                reason = self._door.access.standing(self._door.family, identity, now_ms)
                if reason is not None:
                    self.end(reason)
                    return

    # --------------------------------------------------------------------- what the intake sees

    def settled(self, entry: Entry) -> None:
        """See `gateway.listeners.intake.Party`; `flush` looks at the head of the queue."""

    def flush(self) -> None:
        """See `gateway.listeners.intake.Party`."""
        self._answer()
        self._proceed()

    def resume(self) -> None:
        """See `gateway.listeners.intake.Party`."""
        self._proceed()

    # ------------------------------------------------------------------------------- hearing

    def _proceed(self, *, bounded: bool = True) -> None:
        while self.backlog and not self._ending:
            if bounded and self.full:
                break
            if self._frames:
                self.heard_s = self._door.monotonic()
                self._hear(self._frames.pop())
            else:
                piece, self._unread = self._unread[:SLICE_BYTES], self._unread[SLICE_BYTES:]
                self._cut_piece(piece)
        if self.full:
            self._held_s = self._door.monotonic()
        self._file_noise()
        if not self.backlog and self._no_more_input and not self._ending:
            self._leave_rest()
        self._cut_if_done()
        if (self._gone and self.drained) or not self.full:
            self._ready()
        elif not self._door.intake.has_room:
            self._door.intake.want_room(self)

    def _cut_piece(self, piece: bytes) -> None:
        try:
            self._frames = self._framing.cut(piece)[::-1]
        except StreamError as error:
            for frame in error.frames:
                self._hear(frame)
            self._end(error.reason, error.detail)
        except Exception as error:  # noqa: BLE001  it is logged; a fault in one framing costs this connection only
            self._note_failure("framing", error)
            self._unread = piece + self._unread
            self._end("framing_failure", type(error).__name__)

    def _hear(self, frame: bytes) -> None:
        try:
            heard = self._dialogue.hear(frame, self._door.clock())
        except RefusedError as refusal:
            self._refuse_frame(frame, refusal)
            return
        except Exception as error:  # noqa: BLE001  it is logged; a fault in one dialogue costs this frame only
            self._note_failure("dialogue", error)
            self._quarantine(frame, "dialogue_failure", type(error).__name__)
            return
        refusal_name = ""
        if heard.identity is not None or self._identity:
            identity = self._identity if heard.identity is None else heard.identity
            refusal_name = self._identify(identity, heard.secret)
        if refusal_name:
            self._refuse(frame, heard, refusal_name)
            return
        if self._identity and not self._gone and self.heard_s - self._held_s > PROMPT_AFTER_S:
            self._door.access.spoke(self._door.family, self._identity, self._id, self._door.clock())
        self._take(heard)

    def _take(self, heard: Heard) -> None:
        if heard.message is None:
            self._door.counts.silent.inc()
            entry = Entry(self, heard.answer, None)
            entry.done = True
            self._expect(entry)
            self._answer()
        else:
            entry = Entry(self, heard.answer, heard.answer_refused)
            self._put(door_topic(self._door.name, self._door.family, self._identity), heard.message, entry)

    def _refuse_frame(self, frame: bytes, refusal: RefusedError) -> None:
        """A frame that means nothing; those of one read, of somebody without a name, are filed together."""
        if self._known:
            self._quarantine(frame, refusal.reason, refusal.detail)
            return
        if self._noise is None or len(self._noise.bytes) + len(frame) > MOST_NOISE_BYTES:
            self._file_noise()
            self._noise = _Noise(refusal)
        self._noise.frames += 1
        self._noise.bytes += frame

    def _file_noise(self) -> None:
        noise, self._noise = self._noise, None
        if noise is not None:
            self._door.counts.joined.inc(noise.frames - 1)
            self._quarantine(bytes(noise.bytes), noise.refusal.reason, noise.detail)

    def _refuse(self, frame: bytes, heard: Heard, reason: str) -> None:
        kept = _without(heard.secret, frame) if heard.message is None else heard.message
        answer = heard.refusal
        if not answer and heard.answer_refused is not None:
            answer = heard.answer_refused(reason)
        self._quarantine(kept, reason, "this device may not speak", answer)
        if self._door.bounds.refused_devices == "close":
            self._end(reason, "after a frame that was refused")

    def _identify(self, identity: str, secret: bytes) -> str:
        """Why the device that is named may not speak; empty: it may."""
        if len(identity) > MAX_DEVICE_ID or DEVICE_ID.fullmatch(identity) is None:
            return "bad_identity"
        known = self._known.get(identity)
        if known is None or secret or (known and known not in FOR_GOOD):
            if known is None and len(self._known) >= MAX_IDENTITIES:
                return "too_many_identities"
            known = self._asked(identity, secret, known)
        self._identity = identity
        return known

    def _asked(self, identity: str, secret: bytes, before: str | None) -> str:
        door, now_ms = self._door, self._door.clock()
        reason = door.access.admit(door.family, identity, secret, now_ms) or ""
        if not reason and before != "":
            door.access.opened(door.family, identity, self._id, self._peer, now_ms)
        elif reason and before == "":
            door.access.closed(door.family, identity, self._id, now_ms)
        self._known[identity] = reason
        return reason

    # ---------------------------------------------------------------------------- handing over

    def _answer(self) -> None:
        """Sends the answers before which nothing waits."""
        out = bytearray()
        count = 0
        turn = 0
        for entry in self._queue:
            if not entry.done:
                break
            turn += 1
            answer = entry.answer
            if entry.refused and entry.if_refused is not None:
                answer = entry.if_refused(entry.refused)
            if answer:
                count += 1
                out += answer
        del self._queue[:turn]
        if out:
            self._door.counts.answers.inc(count)
            self._send(bytes(out))

    def _expect(self, entry: Entry) -> None:
        if not self._gone:
            self._queue.append(entry)

    def _put(self, topic: str, payload: bytes, entry: Entry) -> None:
        if self._noise is not None:
            self._file_noise()  # what came first is filed first
        self._expect(entry)
        self._door.counts.messages.inc()
        self._door.intake.put(topic, payload, entry)

    def _quarantine(self, payload: bytes, reason: str, detail: str, answer: bytes = b"") -> None:
        topic = door_topic(self._door.name, self._door.family, self._identity, reason, detail)
        self._put(topic, payload, Entry(self, answer, None))

    def _end(self, reason: str, detail: str) -> None:
        """Hears nothing more; what was received and isn't heard goes into the quarantine in one piece."""
        if self._ending:
            return
        self._ending = reason
        left = b"".join(reversed(self._frames)) + self._framing.rest() + self._unread
        self._frames.clear()
        self._unread = b""
        if left and not self._rest_left:
            self._quarantine(left, reason, detail)
        self._end_sessions()
        self._cut_if_done()

    def _leave_rest(self) -> None:
        """The incomplete frame at the end of the input; and no more is heard of these devices here."""
        if self._rest_left:
            return
        self._rest_left = True
        rest = self._framing.rest()
        if rest:
            self._quarantine(rest, "cut_off", "the connection ended within a frame")
        self._end_sessions()

    def _end_sessions(self) -> None:
        now_ms = self._door.clock()
        for identity, refusal in self._known.items():
            if not refusal:
                self._door.access.closed(self._door.family, identity, self._id, now_ms)
                self._known[identity] = "ended"

    def _cut_if_done(self) -> None:
        over = self._ending or (END_OF_INPUT if self._rest_left else "")
        if over and not self._queue and not self._gone and not self._cut_called:
            self._cut_called = True
            self._cut(over)

    def _note_failure(self, part: str, error: Exception) -> None:
        """The trace once, the number in the quarantine's counter."""
        key = (f"{self._door.family} {part}", type(error).__name__)
        if key not in _failures_shown:
            _failures_shown.add(key)
            LOGGER.error("wire_failure", part=part, family=self._door.family, exc_info=error)


def _without(secret: bytes, frame: bytes) -> bytes:
    """A login whose secret nobody can read; a refused device's may be right, or nearly so."""
    return frame.replace(secret, b"*" * len(secret)) if secret else frame
