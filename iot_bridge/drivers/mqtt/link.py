"""One connection to an MQTT broker: paho-mqtt driven by the event loop, with its measured traps mended.

- A fresh client for each connection: the library's own reconnecting is off, and no command that was once
  published is published again by a later connection.
- It acknowledges when the caller says so (:meth:`Link.acknowledge`), never by itself.
- A link that is silent for ``silence_s`` is dead, however long the kernel still believes in it.
- Connecting (name lookup, TCP, TLS) blocks in the library: a thread does it, for which nobody has to wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from paho.mqtt.client import Client, ConnectFlags, DisconnectFlags, MQTTMessage
from paho.mqtt.enums import LogLevel, MQTTErrorCode
from paho.mqtt.reasoncodes import ReasonCode

from ...errors import LinkLost, Rejected
from .client import Will, greeting, make_client
from .settings import BrokerConfig
from .tls import reason_of

log = logging.getLogger(__name__)

LOOK_S = 0.1
READS_AT_ONCE = 200
FAREWELL_S = 0.3
NO_SUBSCRIBER = 0x10


@dataclass(frozen=True, slots=True)
class Message:
    """One message as it came; ``link`` is where it came from, ``mid`` its number there. dup: sent before.
    name: what :mod:`.repeats` knows it by."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    mid: int
    link: Link
    dup: bool = False
    name: str = ""


class Link:
    """Opened once, closed once. ``take`` gets each message in order; it must be quick."""

    def __init__(
        self,
        config: BrokerConfig,
        client_id: str,
        take: Callable[[Message], None],
        *,
        clean: bool = False,
        session_expiry_s: int = 0,
        will: Will | None = None,
    ) -> None:
        self._config = config
        self._client_id = client_id
        self._take = take
        self._clean = clean
        self._session_expiry_s = session_expiry_s
        self._will = will
        self._client: Client | None = None
        self._socket: socket.socket | None = None
        self._loop = asyncio.get_running_loop()
        self._tender: asyncio.Task[None] | None = None
        self._connected: asyncio.Future[bool] = self._loop.create_future()
        self._answers: dict[int, asyncio.Future[list[ReasonCode]]] = {}
        self._lost = asyncio.Event()
        self._heard = 0.0
        self._taken = 0
        self._paused = False
        self._refusal = ""
        self.failure: str | None = None

    # -- opening and closing

    async def open(self) -> bool:
        """Connect; True when the broker has kept our session. Raise LinkLost with a sentence."""
        config = self._config
        where = f"{config.host}:{config.broker_port}"
        try:
            self._client = await self._dial()
            self._attach(self._client)
            return await asyncio.wait_for(asyncio.shield(self._connected), config.timeout_s)
        except asyncio.TimeoutError:
            self.abort()
            raise LinkLost(f"{where}: no answer: does it speak MQTT?") from None
        except LinkLost as error:
            self.abort()
            raise LinkLost(f"{where}: {error}") from None
        except BaseException:
            self.abort()
            raise

    async def close(self) -> None:
        """Say good-bye and close, quickly; never raises."""
        client = self._client
        try:
            if client is not None and self._socket is not None and self.failure is None:
                client.disconnect()
                ends = self._loop.time() + FAREWELL_S
                while client.want_write() and client.socket() is not None and self._loop.time() < ends:
                    client.loop_write()
                    await asyncio.sleep(0.01)
        except (OSError, ValueError) as error:
            log.debug("%s: %s", self._config.name, error)
        finally:
            self.abort()

    def abort(self) -> None:
        """Close without a word, as if the power were cut."""
        self._lose("closed")
        if self._tender is not None:
            self._tender.cancel()
            self._tender = None
        sock, self._socket = self._socket, None
        if sock is not None:
            self._detach(sock)
            with contextlib.suppress(OSError):
                sock.close()
        client, self._client = self._client, None
        if client is not None:
            # It closes its socket once more when it is collected.
            client.on_socket_close = client.on_disconnect = client.on_log = None

    async def lost(self) -> None:
        """Wait until the link is lost; ``failure`` then says why."""
        await self._lost.wait()

    # -- talking

    async def subscribe(self, filters: Iterable[tuple[str, int]]) -> None:
        """(topic filter, QoS) each; raise LinkLost when the broker does not grant them all."""
        wanted = list(filters)
        for start in range(0, len(wanted), 100):
            part = wanted[start : start + 100]
            codes = await self._ask(lambda client, part=part: client.subscribe(part))  # type: ignore[misc]
            refused = [name for (name, _), code in zip(part, codes) if code.is_failure]
            if refused:
                raise LinkLost(f"the broker refuses the topics {', '.join(refused[:5])}: allow them to this user there")

    async def unsubscribe(self, filters: Sequence[str]) -> None:
        """Leave topic filters; raise LinkLost."""
        if filters:
            await self._ask(lambda client: client.unsubscribe(list(filters)))

    def post(self, topic: str, payload: bytes, qos: int = 0, retain: bool = False) -> None:
        """Publish without waiting; what can't be sent any more is lost with the link."""
        if self._client is not None and self.failure is None:
            self._client.publish(topic, payload, qos, retain)

    async def publish(self, topic: str, payload: bytes, retain: bool = False) -> bool:
        """Publish with QoS 1; True when the broker has it, False when it did not say so in time.

        Raises LinkLost when it could not be sent, Rejected when the broker refuses it or nobody listens.
        """
        answer = self._send(lambda client: _numbered(client.publish(topic, payload, 1, retain)))
        done, _ = await asyncio.wait([answer], timeout=self._config.timeout_s)
        if not done or answer.exception() is not None:
            return False
        code = answer.result()[0]
        if code.is_failure:
            raise Rejected(f"the broker refuses {topic}: {code.getName()}: allow it to this user there")
        if code.value == NO_SUBSCRIBER:
            raise Rejected(f"nobody listens on {topic}: is the device connected?")
        return True

    def acknowledge(self, messages: Iterable[Message]) -> None:
        """These are stored: the broker may forget them. Those of another link are left to it."""
        client = self._client
        if client is None or self.failure is not None:
            return
        for message in messages:
            if message.link is self and message.qos > 0:
                client.ack(message.mid, message.qos)

    def pause(self) -> None:
        """Take no more for now: the broker's messages wait in the network and then at the broker."""
        if not self._paused and self._socket is not None:
            self._paused = True
            self._loop.remove_reader(self._socket)

    def resume(self) -> None:
        """Take messages again."""
        if self._paused and self._socket is not None:
            self._paused = False
            self._heard = self._loop.time()
            self._loop.add_reader(self._socket, self._readable)
            self._loop.call_soon(self._readable)

    # -- inside

    async def _dial(self) -> Client:
        """A client whose socket is connected; raise LinkLost."""
        done: asyncio.Future[Client] = self._loop.create_future()

        def finish(client: Client | None, trouble: str) -> None:
            if done.done():
                if client is not None and (late := client.socket()) is not None:
                    late.close()
            elif client is not None:
                done.set_result(client)
            else:
                done.set_exception(LinkLost(trouble))

        def work() -> None:
            client, trouble = None, ""
            try:
                made = make_client(self._config, self._client_id, self._clean, self._will)
                made.on_log = self._on_log
                made.connect(
                    self._config.host, self._config.broker_port, self._config.keepalive_s,
                    **greeting(self._config, self._clean, self._session_expiry_s),
                )  # fmt: skip
                client = made
            except LinkLost as error:
                trouble = str(error)
            except (OSError, ValueError) as error:
                trouble = reason_of(error, self._config, self._client_id)
            with contextlib.suppress(RuntimeError):  # the event loop is gone: so is everybody who asked
                self._loop.call_soon_threadsafe(finish, client, trouble)

        threading.Thread(target=work, name=f"mqtt-connect-{self._config.name}", daemon=True).start()
        # Twice: TCP and TLS have a deadline each.
        return await asyncio.wait_for(done, 2 * self._config.timeout_s)

    def _attach(self, client: Client) -> None:
        """From here on the event loop moves the bytes."""
        sock = client.socket()
        if not isinstance(sock, socket.socket):
            raise LinkLost(reason_of(self._refusal, self._config, self._client_id))
        self._socket = sock
        client.on_connect = self._on_connect
        client.on_disconnect = self._on_disconnect
        client.on_message = self._on_message
        client.on_subscribe = lambda c, u, mid, codes, p: self._answered(mid, codes)
        client.on_unsubscribe = lambda c, u, mid, codes, p: self._answered(mid, codes)
        client.on_publish = lambda c, u, mid, code, p: self._answered(mid, [code])
        client.on_socket_close = lambda c, u, s: self._detach(s)
        client.on_socket_register_write = lambda c, u, s: self._loop.add_writer(s, self._writable)
        client.on_socket_unregister_write = lambda c, u, s: self._stop_writing(s)
        self._heard = self._loop.time()
        self._loop.add_reader(sock, self._readable)
        if client.want_write():
            self._loop.add_writer(sock, self._writable)
        self._tender = self._loop.create_task(self._tend())

    def _detach(self, sock: Any) -> None:
        if sock.fileno() >= 0:
            self._loop.remove_reader(sock)
            self._loop.remove_writer(sock)

    def _stop_writing(self, sock: Any) -> None:
        if sock.fileno() >= 0:
            self._loop.remove_writer(sock)

    async def _tend(self) -> None:
        """Ask a silent broker, and notice when it stays silent."""
        while self.failure is None and self._client is not None:
            if self._client.loop_misc() != MQTTErrorCode.MQTT_ERR_SUCCESS:
                self._lose("the broker does not answer")
            elif not self._paused and self._loop.time() - self._heard > self._config.silence_s:
                self._lose(f"no sign of the broker for {self._config.silence_s:g} s")
            await asyncio.sleep(LOOK_S)

    def _readable(self) -> None:
        self._heard = self._loop.time()
        try:
            for _ in range(READS_AT_ONCE):
                if self._client is None or self._paused or self.failure is not None:
                    return
                before = self._taken
                self._client.loop_read()
                # One call reads one packet; what TLS has decrypted already makes the socket readable no more.
                pending = getattr(self._socket, "pending", None)
                if self._taken == before and not (pending is not None and self.failure is None and pending()):
                    return
            if self._client is not None and not self._paused:
                self._loop.call_soon(self._readable)
        except Exception as error:
            # The edge of the library: whatever it can't digest ends this link, and the next one starts clean.
            log.exception("%s: a message could not be taken", self._config.name)
            self._lose(f"a message could not be taken: {error}")

    def _writable(self) -> None:
        if self._client is not None:
            self._client.loop_write()

    def _on_connect(self, client: Client, data: Any, flags: ConnectFlags, code: ReasonCode, properties: Any) -> None:
        if code.is_failure:
            self._lose(reason_of(code.getName(), self._config, self._client_id))
        elif not self._connected.done():
            client.on_log = None  # it costs time for each message
            self._connected.set_result(bool(flags.session_present))

    def _on_disconnect(
        self, client: Client, data: Any, flags: DisconnectFlags, code: ReasonCode, properties: Any
    ) -> None:
        named = code.getName() if flags.is_disconnect_packet_from_server else self._refusal
        self._lose(reason_of(named, self._config, self._client_id))

    def _on_log(self, client: Client, data: Any, level: int, text: str) -> None:
        """TLS 1.3 refuses a client only after the handshake; the library says it nowhere else."""
        if level == LogLevel.MQTT_LOG_ERR and "[SSL" in text:
            self._refusal = text

    def _on_message(self, client: Client, data: Any, message: MQTTMessage) -> None:
        self._taken += 1
        try:
            topic = message.topic
        except UnicodeDecodeError:
            topic = ""
        payload = bytes(message.payload)
        self._take(Message(topic, payload, message.qos, bool(message.retain), message.mid, self, bool(message.dup)))

    def _answered(self, mid: int, codes: list[ReasonCode]) -> None:
        waiting = self._answers.pop(mid, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(codes)

    def _send(self, ask: Callable[[Client], tuple[MQTTErrorCode, int | None]]) -> asyncio.Future[list[ReasonCode]]:
        if self._client is None or self.failure is not None:
            raise LinkLost(self.failure or "not connected")
        result, mid = ask(self._client)
        if result != MQTTErrorCode.MQTT_ERR_SUCCESS or mid is None:
            raise LinkLost(f"the request could not be sent: {result!s}")
        answer: asyncio.Future[list[ReasonCode]] = self._loop.create_future()
        self._answers[mid] = answer
        return answer

    async def _ask(self, ask: Callable[[Client], tuple[MQTTErrorCode, int | None]]) -> list[ReasonCode]:
        answer = self._send(ask)
        try:
            return await asyncio.wait_for(answer, self._config.timeout_s)
        except asyncio.TimeoutError:
            raise LinkLost("the broker does not answer a request") from None

    def _lose(self, sentence: str) -> None:
        if self.failure is not None:
            return
        self.failure = sentence
        self._lost.set()
        if not self._connected.done():
            self._connected.set_exception(LinkLost(sentence))
            self._connected.exception()  # looked at: perhaps nobody waits
        for answer in self._answers.values():
            if not answer.done():
                answer.set_exception(LinkLost(sentence))
                answer.exception()
        self._answers.clear()


def _numbered(info: Any) -> tuple[MQTTErrorCode, int | None]:
    return info.rc, info.mid
