"""Delivery: at least once, with Event Grid's retries, and a dead-letter list.

Source: Learn, "Event Grid message delivery and retry" and "Endpoint validation with Event Grid event schema".
"""

import asyncio
from random import Random
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import aiohttp

from localazure.azure import LocalAzure
from localazure.cannot_start import CannotStart
from localazure.event_grid.faults import DeliveryFaults
from localazure.event_grid.subscription import DeadLetter, Delivery, Endpoint, Filter, Schema, Subscription
from localazure.store import Json

RETRY_AFTER = (10, 30, 60, 300, 600, 1800, 3600, 10800, 21600, 43200)  # seconds; the last one again and again
MOST_ATTEMPTS = 30
LIFE = 24 * 3600  # seconds that an event is tried for
DELIVERED = frozenset({200, 201, 202, 203, 204})
NEVER_RETRIED = frozenset({400, 401, 403, 413})  # for webhooks
LEAST_PAUSE = {404: 300, 408: 120, 503: 30}  # seconds before the next attempt, whatever the schedule says
DEAD_LETTER_AFTER = 300  # seconds between the last attempt and the dead letter
NO_ANSWER = 0


class SubscriptionRefused(CannotStart):
    """The endpoint did not prove that it wants events."""


class EventGrid:
    """The system topics of all subscriptions, and who listens to them.

    `latency` and `jitter` are seconds of Azure's clock between the happening and the first attempt. An endpoint has
    30 s of Azure's clock to answer, but on a quickened clock never less than `least_wait` real seconds, for the
    subscriber's own time is not quickened. `cool_down` (failed attempts in a row, seconds) delays first attempts to
    an endpoint that keeps failing, which Event Grid may do for hours.
    """

    def __init__(
        self,
        azure: LocalAzure,
        *,
        latency: float = 1.0,
        jitter: float = 0.5,
        least_wait: float = 10.0,
        cool_down: tuple[int, float] | None = None,
        seed: int = 0,
    ) -> None:
        self.subscriptions: list[Subscription] = []
        self.faults = DeliveryFaults()
        self._azure = azure
        self._latency = latency
        self._jitter = jitter
        self._answer_within = 30.0
        self._least_wait = least_wait
        self._cool_down = cool_down
        self._random = Random(seed)
        self._overtaken = asyncio.Event()
        self._session: aiohttp.ClientSession | None = None
        azure.listen(self._happened)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Forget the subscribers. Deliveries under way end with the LocalAzure's own `close`."""
        self.subscriptions.clear()
        if self._session is not None:
            await self._session.close()

    async def subscribe(
        self,
        name: str,
        endpoint: Endpoint,
        *,
        filter: Filter | None = None,  # noqa: A002 - Event Grid's word
        schema: Schema = "EventGridSchema",
    ) -> Subscription:
        """Subscribe; a URL must pass the validation handshake first, else SubscriptionRefused."""
        subscription = Subscription(name, endpoint, filter or Filter(), schema)
        if isinstance(endpoint, str):
            await self._validate(subscription, endpoint)
        self.subscriptions.append(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """No new events. What is on its way still arrives, as in Azure."""
        self.subscriptions.remove(subscription)

    def _happened(self, event: Json) -> None:
        for subscription in self.subscriptions:
            if not subscription.filter.wants(event):
                continue
            fates = self.faults.strike(event, self._random)
            if "lose" in fates:
                continue
            for _ in range(2 if "double" in fates else 1):
                wait = self._latency + self._random.uniform(0, self._jitter)
                wait += self.faults.delay_by if "delay" in fates else 0.0
                self._azure.spawn(self._deliver(subscription, event, wait, overtaken="reorder" in fates))

    async def _deliver(self, subscription: Subscription, event: Json, wait: float, *, overtaken: bool) -> None:
        """Try until the event is taken or given up."""
        clock = self._azure.clock
        happened = clock.now()
        await clock.sleep(wait + self._cooling(subscription))
        if overtaken:
            await self._let_one_overtake()
        attempt = 0
        while True:
            attempt += 1
            subscription.tried.add(event["id"])
            status = await self._attempt(subscription, event)
            subscription.attempts.append(Delivery(event["id"], attempt, clock.now(), status))
            if status in DELIVERED:
                subscription.failures_in_a_row = 0
                if not overtaken:
                    self._overtaken.set()
                    self._overtaken = asyncio.Event()
                return
            subscription.failures_in_a_row += 1
            if status in NEVER_RETRIED:
                self._give_up(subscription, event, f"the endpoint answered {status}", attempt, status)
                return
            pause = max(RETRY_AFTER[min(attempt, len(RETRY_AFTER)) - 1], LEAST_PAUSE.get(status, 0))
            pause *= self._random.uniform(1.0, 1.1)  # "a small randomization"
            reason = "MaxDeliveryAttemptsExceeded" if attempt >= MOST_ATTEMPTS else ""
            reason = "TimeToLiveExceeded" if clock.now() + pause > happened + LIFE else reason
            if reason:
                await clock.sleep(DEAD_LETTER_AFTER)
                self._give_up(subscription, event, reason, attempt, status)
                return
            await clock.sleep(pause)

    def _give_up(self, subscription: Subscription, event: Json, reason: str, attempts: int, status: int) -> None:
        subscription.dead_letters.append(DeadLetter(event, reason, attempts, status, self._azure.clock.now()))

    def _cooling(self, subscription: Subscription) -> float:
        """Seconds that a new event waits because its endpoint keeps failing."""
        if self._cool_down is None or subscription.failures_in_a_row < self._cool_down[0]:
            return 0.0
        return self._cool_down[1]

    async def _let_one_overtake(self) -> None:
        """Wait until another event was delivered, at most 60 s of Azure's clock."""
        overtaken = asyncio.ensure_future(self._overtaken.wait())
        await asyncio.wait({overtaken}, timeout=self._azure.clock.ours(60))
        overtaken.cancel()

    async def _attempt(self, subscription: Subscription, event: Json) -> int:
        """One delivery; the endpoint's status, or NO_ANSWER."""
        written = subscription.written(event)
        seconds = max(self._azure.clock.ours(self._answer_within), self._least_wait)
        try:
            async with asyncio.timeout(seconds):
                if isinstance(subscription.endpoint, str):
                    return await self._post(subscription, subscription.endpoint, written)
                return await subscription.endpoint([written])
        except (TimeoutError, aiohttp.ClientError):
            return NO_ANSWER

    async def _post(self, subscription: Subscription, url: str, event: Json) -> int:
        """A webhook takes the Event Grid schema as an array of one, and CloudEvents one by one."""
        headers = {
            "aeg-event-type": "Notification",
            "aeg-subscription-name": subscription.name.upper(),
            "aeg-delivery-count": str(sum(done.event_id == event["id"] for done in subscription.attempts)),
        }
        if subscription.schema == "EventGridSchema":
            answer = await self._http().post(url, json=[event], headers=headers)
        else:
            headers["content-type"] = "application/cloudevents+json; charset=utf-8"
            answer = await self._http().post(url, json=event, headers=headers)
        async with answer:
            return answer.status

    async def _validate(self, subscription: Subscription, url: str) -> None:
        """The handshake: an event with a code to be sent back, or for CloudEvents an OPTIONS with our origin."""
        try:
            if subscription.schema == "EventGridSchema":
                proven = await self._validate_by_code(subscription, url)
            else:
                async with self._http().options(
                    url, headers={"WebHook-Request-Origin": "eventgrid.azure.net"}
                ) as answer:
                    allowed = answer.headers.get("WebHook-Allowed-Origin", "")
                    proven = answer.status == 200 and allowed in ("*", "eventgrid.azure.net")
        except (aiohttp.ClientError, ValueError) as error:
            raise SubscriptionRefused(f"the endpoint of {subscription.name} cannot be validated: {error}") from error
        if not proven:
            where = urlsplit(url)._replace(query="").geturl()  # the query holds a key
            raise SubscriptionRefused(f"the endpoint of {subscription.name} at {where} failed the validation handshake")

    async def _validate_by_code(self, subscription: Subscription, url: str) -> bool:
        code = self._azure.guid()
        event: Json = {
            "id": self._azure.guid(),
            "topic": f"/subscriptions/{self._azure.guid()}",
            "subject": "",
            "data": {"validationCode": code, "validationUrl": ""},
            "eventType": "Microsoft.EventGrid.SubscriptionValidationEvent",
            "eventTime": self._azure.clock.iso(),
            "metadataVersion": "1",
            "dataVersion": "2",
        }
        headers = {"aeg-event-type": "SubscriptionValidation", "aeg-subscription-name": subscription.name.upper()}
        async with self._http().post(url, json=[event], headers=headers) as answer:
            if answer.status != 200:
                return False
            said: Json = await answer.json()
            return said.get("validationResponse") == code

    def _http(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession()
        return self._session
