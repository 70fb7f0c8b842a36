"""The controller's end of a remote runner.

``RunnerClient`` knows nothing of SSH: it is fed bytes and writes bytes, so that the same client serves every
transport. Tasks on one client may overlap; each call waits for its own answer.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, Protocol

from stella_ops.errors import (
    ModuleCrashError,
    NotYet,
    StellaError,
    TaskError,
    UnreachableError,
)
from stella_ops.transport import frames
from stella_ops.transport.answers import AnswerError, read_answer, read_hello
from stella_ops.transport.base import Become, Listener, ModuleCall
from stella_ops.transport.bytecode import without_bytecode
from stella_ops.transport.code import CodeLibrary, ModuleCode
from stella_ops.transport.content import Content, as_content
from stella_ops.transport.crashes import crash_error
from stella_ops.transport.launch import Launch
from stella_ops.transport.sending import Sending, everything, sending
from stella_ops.transport.start_errors import become_refused, no_interpreter
from stella_ops.transport.task_frame import task_frame

# Content this small goes with the task itself, whether the host needs it or not: asking costs more.
TINY = 8 * 1024
ALIVE_SECONDS = 60.0
# The library file that only tasks need whose output is watched.
_TELLER = "stella_ops.remote.lib.live"
_NOISE_LIMIT = 16 * 1024


class Wire(Protocol):
    """Where a client's bytes go."""

    def write(self, data: bytes) -> None:
        """Queue bytes for the runner's standard input."""
        ...

    async def drain(self) -> None:
        """Wait until the queue is short again."""
        ...

    def close(self) -> None:
        """End the standard input."""
        ...

    def abort(self) -> None:
        """Kill the process, as far as that is in our power."""
        ...


class RunnerClient:
    """One runner on one host, as one user.

    Args:
        name: the host, for errors.
        start: how it was launched.
        become: the user it runs as, None for the login user.
    """

    def __init__(self, name: str, start: Launch, become: Become | None, code: CodeLibrary) -> None:
        self.name = name
        self.hello: dict[str, Any] = {}
        # The account that it acts as, where it runs on this machine.
        self.here: str | None = None
        self._start = start
        self._become = become
        self._code = code
        self._wire: Wire | None = None
        self._sent: set[str] = set()
        # Whether the last small content that the host was asked about was news to it.
        self._lacks = False
        self._waiting: dict[int, asyncio.Future[dict[str, Any]]] = {}
        # Who hears what those tasks print.
        self._listening: dict[int, Listener] = {}
        # Those of them that were sent to follow another task: no other may be told of as skipped.
        self._following: set[int] = set()
        self._next_id = 1
        self._ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._before = bytearray()
        self._noise = bytearray()
        self._decoder = frames.FrameDecoder()
        self._speaks = False
        self._program_sent = False
        # What is sent before the program can be: a password may be asked for first.
        self._held = bytearray()
        self._patience: asyncio.TimerHandle | None = None
        self._no_python = False
        self._prompted = 0
        self._lost: StellaError | None = None
        self._alive: asyncio.TimerHandle | None = None

    @property
    def alive(self) -> bool:
        """Whether the runner can still be asked."""
        return self._lost is None

    # -- start

    def attach(self, wire: Wire) -> None:
        """The process is started: send the program, unless a password may be asked for first."""
        self._wire = wire
        if self._start.prompt is None:
            self._send_program()
        else:
            # A quick program has asked before anybody could answer.
            self._look_for_prompt(self._noise)
            if self._start.aloud:
                self._look_for_prompt(self._before)
            self._look_for_start()

    async def ready(self) -> None:
        """Wait for the runner's hello.

        Raises:
            UnreachableError: or its kinds: no Python, sudo refuses, the connection broke.
        """
        await asyncio.shield(self._ready)

    def expect_hello(self, seconds: float) -> None:
        """Do away with a start that takes longer than so many seconds."""
        if not self._ready.done():
            loop = asyncio.get_running_loop()
            self._patience = loop.call_later(seconds, self.abandon, "the host did not answer in time")

    def _send_program(self) -> None:
        if not self._program_sent:
            self._program_sent = True
            # In one piece with the first tasks, which need not wait for the runner's greeting.
            self._put(self._start.program + self._held)
            self._held.clear()

    # -- what arrives

    def data_received(self, data: bytes) -> None:
        """Bytes from the runner's standard output."""
        if not self._speaks:
            self._before += data
            if self._start.aloud and frames.READY not in self._before:
                self._look_for_prompt(self._before)
            self._look_for_start()
            return
        self._take(data)

    def stderr_received(self, data: bytes) -> None:
        """Bytes from standard error: a prompt for the password, or complaints that explain a failed start."""
        self._noise += data
        self._look_for_prompt(self._noise)
        del self._noise[:-_NOISE_LIMIT]

    def _look_for_prompt(self, said: bytearray) -> None:
        """Answer a question for the password, and take it out of what was said."""
        prompt, become = self._start.prompt, self._become
        if prompt is None or become is None or self._program_sent or self._wire is None:
            return
        found = prompt.search(said)
        if found is None:
            return
        del said[: found.end()]
        self._prompted += 1
        if become.password is None:
            self._fail(become_refused(become, "a password is required", self.name))
        elif self._prompted > 1:
            self._fail(become_refused(become, "the password is wrong", self.name))
        else:
            self._put(become.password.encode() + b"\n")

    def connection_lost(self, reason: str | None = None) -> None:
        """The channel has closed; everything that waits learns why."""
        if self._lost is None:
            self._fail(self._explain_loss(reason))

    def fail(self, error: StellaError) -> None:
        """Nothing more is to be expected of this runner."""
        if self._lost is None:
            self._fail(error)

    def abandon(self, reason: str) -> None:
        """Wait no longer for a start that does not come, and do away with what hangs there."""
        self.connection_lost(reason)
        if self._wire is not None:
            self._wire.abort()

    def _look_for_start(self) -> None:
        before = self._before
        # What is said before there is a way to answer waits for ``attach``.
        if frames.READY in before and self._wire is not None:
            del before[: before.index(frames.READY) + len(frames.READY)]
            self._send_program()
        if frames.NO_PYTHON in before:
            # The reason stands on standard error and may come later; the channel is about to close.
            del before[before.index(frames.NO_PYTHON) :]
            self._no_python = True
        elif frames.MAGIC in before:
            rest = bytes(before[before.index(frames.MAGIC) + len(frames.MAGIC) :])
            before.clear()
            self._speaks = True
            self._take(rest)
        elif len(before) > frames.JUNK_LIMIT:
            self._fail(
                UnreachableError(
                    f"the login shell printed more than {frames.JUNK_LIMIT >> 20} MiB before the runner started",
                    where=self.name,
                    hint="silence the user's shell start-up files for non-interactive sessions",
                )
            )

    def _take(self, data: bytes) -> None:
        try:
            for kind, task_id, payload in self._decoder.feed(data):
                self._take_frame(kind, task_id, payload)
        except (frames.FrameError, ValueError) as problem:
            self._fail(
                UnreachableError(
                    f"the host's answer cannot be read: {problem}",
                    where=self.name,
                    hint="something else writes to the runner's channel, or the connection corrupts data",
                )
            )

    def _take_frame(self, kind: int, task_id: int, payload: bytes) -> None:
        if kind == frames.HELLO:
            self.hello = read_hello(payload)
            if not self._ready.done():
                self._ready.set_result(None)
            if self._patience is not None:
                self._patience.cancel()
            self._stay_alive()
            return
        if kind == frames.OUTPUT:
            self._hear(task_id, payload)
            return
        waiting = self._waiting.pop(task_id, None)
        if waiting is None or waiting.done():
            return
        if kind == frames.SKIPPED:
            waiting.set_exception(
                NotYet()
                if task_id in self._following
                else ModuleCrashError("the host skipped a task that follows no other", where=self.name)
            )
            return
        try:
            answer = read_answer(payload)
        except AnswerError as problem:
            waiting.set_exception(ModuleCrashError(f"the module's answer cannot be read: {problem}", where=self.name))
            return
        if kind == frames.RESULT:
            waiting.set_result(answer)
        else:
            waiting.set_exception(crash_error(answer, self.name))

    def _hear(self, task_id: int, payload: bytes) -> None:
        stream, skipped, data = frames.read_output(payload)
        # What nobody asked for is of a task that was cancelled meanwhile.
        if (listener := self._listening.get(task_id)) is not None:
            listener(stream, skipped, data)

    # -- calls

    async def call(self, call: ModuleCall) -> dict[str, Any]:
        """Run one module; see ``HostSession.call``."""
        if self._lost is not None:
            raise self._lost
        module = self._code.module(call.module)
        content = None if call.content is None else await as_content(call.content)
        along = self._along(content)
        # Where the host needs more than what it gets now, the runner skips what was to follow.
        answer = await self._ask(call, module, along, final=True)
        if along is not None and len(along) > TINY:
            self._lacks = bool(answer.get("changed"))
        if answer.get("need_content") and content is not None:
            small = content.small()
            self._lacks = self._lacks or small is not None
            chosen = await sending(content, answer) if small is None else small
            answer = await self._ask(call, module, chosen, final=False)
            if answer.get("need_content") and isinstance(chosen, Sending) and not chosen.whole:
                # What it had was not what it said, or is so no more.
                answer = await self._ask(call, module, everything(content), final=False)
        return answer

    def _along(self, content: Content | None) -> bytes | None:
        """Content that goes with the task before the host says whether it needs it.

        What is tiny always does. What is only small does where the host has just needed the like: to a host that
        has its files, they are not sent at all, and one that lacks them costs one round trip more, not one a file.
        """
        small = None if content is None else content.small()
        return small if small is not None and (len(small) <= TINY or self._lacks) else None

    async def _ask(
        self, call: ModuleCall, module: ModuleCode, content: bytes | Sending | None, *, final: bool
    ) -> dict[str, Any]:
        if self._lost is not None:
            raise self._lost
        after = call.link.follow(self) if call.link is not None else None
        task_id = self._next_id
        self._next_id += 1
        if call.link is not None:
            call.link.mark_sent(self, task_id, final=final, here=self.here)
        told = task_frame(call, module, content, after)
        if call.live is not None:
            self._listening[task_id] = call.live
        packed = bytearray()
        for unit in module.units():
            if unit.key not in self._sent and (unit.key != _TELLER or call.live is not None):
                self._sent.add(unit.key)
                code = unit.packed if self._start.bytecode else without_bytecode(unit.packed)
                packed += frames.encode(frames.CODE, 0, code)
        packed += frames.encode(frames.TASK, task_id, told)
        waiting: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._waiting[task_id] = waiting
        if after is not None:
            self._following.add(task_id)
        if call.link is not None:
            call.link.size = len(packed)
        self._write(bytes(packed))
        try:
            if isinstance(content, Sending):
                await self._stream(task_id, content, waiting, call.progress)
            return await waiting
        except (asyncio.CancelledError, TaskError):
            # Being cancelled cancels what is waited for as well.
            if not waiting.done() or waiting.cancelled():
                self._write(frames.encode(frames.CANCEL, task_id, b""))
            raise
        finally:
            self._waiting.pop(task_id, None)
            self._following.discard(task_id)
            self._listening.pop(task_id, None)

    async def _stream(
        self,
        task_id: int,
        content: Sending,
        waiting: asyncio.Future[dict[str, Any]],
        progress: Callable[[int, int], None] | None,
    ) -> None:
        """Sends content in pieces, no faster than the host takes it; an early answer ends it."""
        assert self._wire is not None
        wire = self._wire
        async with contextlib.aclosing(content.pieces()) as pieces:
            async for piece in pieces:
                if waiting.done():
                    return
                self._write(frames.gather(frames.DATA, task_id, piece.buffers))
                await wire.drain()
                if progress is not None:
                    progress(piece.done, content.content.size)
        self._write(frames.encode(frames.DATA, task_id, b""))

    def close(self, end_input: bool = True) -> None:
        """End the runner; tasks that still run on the host are killed there.

        Args:
            end_input: False where the whole connection is about to be closed, which ends the input as well.
        """
        if not end_input:
            self._wire = None
        if self._lost is None:
            self._fail(UnreachableError("the session is closed", where=self.name))

    # -- ends

    def _write(self, data: bytes) -> None:
        if not self._program_sent:
            self._held += data
        else:
            self._put(data)

    def _put(self, data: bytes) -> None:
        if self._wire is not None and self._lost is None:
            self._wire.write(data)

    def _stay_alive(self) -> None:
        """The runner takes a silent controller for a dead one."""
        if self._lost is None:
            self._write(frames.encode(frames.ALIVE, 0, b""))
            self._alive = asyncio.get_running_loop().call_later(ALIVE_SECONDS, self._stay_alive)

    def _fail(self, error: StellaError) -> None:
        self._lost = error
        for timer in (self._alive, self._patience):
            if timer is not None:
                timer.cancel()
        self._held.clear()
        if not self._ready.done():
            self._ready.set_exception(error)
            # Whoever asks later gets it; nobody asking is no defect.
            self._ready.exception()
        for waiting in self._waiting.values():
            if not waiting.done():
                waiting.set_exception(error)
        self._waiting.clear()
        if self._wire is not None:
            self._wire.close()

    def _words(self) -> str:
        """What stood on standard error."""
        return self._noise.decode("utf-8", "replace").strip()

    def _said(self) -> str:
        """The last line of it."""
        return self._words().rpartition("\n")[2].strip()

    def _explain_loss(self, reason: str | None) -> StellaError:
        if self._no_python:
            return no_interpreter(self._start.interpreter, self._words(), self.name)
        if self._speaks:
            detail = reason or self._said()
            return UnreachableError(
                "the connection to the host broke" + (f": {detail}" if detail else ""),
                where=self.name,
                hint="run again: what is done already is left as it is",
            )
        # Where it is not the login that is at fault, its reason may stand on standard output as well.
        said = self._said() or self._before.decode("utf-8", "replace").strip().rpartition("\n")[2].strip()
        lost = reason is not None and not said  # the connection broke, and sudo had not a word to say
        if self._become is not None and not lost and not (self._program_sent and self._start.prompt):
            return become_refused(self._become, self._words() or said or reason or "", self.name)
        detail = reason or said
        return UnreachableError(
            "the remote runner did not start" + (f": {detail}" if detail else ""),
            where=self.name,
            hint="try the login by hand: ssh to the host and run /bin/sh; a Python that hangs is passed over with "
            "ansible_python_interpreter",
        )
