"""What shows how far the alerts service has come: nothing stays counted as not yet done."""

from __future__ import annotations

import asyncio

import nats

from alerts.feed import AlertFeed
from sealtrail.contract import subjects
from sealtrail.contract.codec import encode_alert_events
from sealtrail.runtime import streams
from sealtrail.runtime.log import Log
from sealtrail.runtime.settings.nats import NatsSettings


async def test_what_another_has_taken_is_followed_when_it_comes_again(
    open_log: Log, nats_settings: NatsSettings
) -> None:
    """A message that the durable consumer has given away and that is never acknowledged: done, in time."""
    client = await nats.connect(
        nats_settings.url, user=nats_settings.user, password=nats_settings.password.get_secret_value()
    )
    stream = client.jetstream()
    known = await stream.consumer_info(subjects.ALERT_STREAM, streams.ALERTS_EVENTS)
    known.config.ack_wait = 3
    await stream.add_consumer(subjects.ALERT_STREAM, known.config)
    await client.close()
    await open_log.append(subjects.alerts_subject(0), encode_alert_events([]))
    other = open_log.durable(subjects.ALERT_STREAM, streams.ALERTS_EVENTS)
    assert len(await other.take()) == 1
    await other.close()
    feed = await AlertFeed.open(open_log)
    try:
        async with asyncio.timeout(20):
            await feed.done(await feed.take())
            while await open_log.lag(subjects.ALERT_STREAM, streams.ALERTS_EVENTS):
                assert await feed.take() == []
    finally:
        await feed.close()
