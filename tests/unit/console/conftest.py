"""Events as an engine emits them, in short form."""

from __future__ import annotations

from typing import Any

import pytest

from stella_ops.engine import events as e


class Story:
    """Builds the events of a run one after another."""

    def __init__(self) -> None:
        self.events: list[e.Event] = []
        self._task: e.TaskStarted | None = None

    def _add(self, event: e.Event) -> e.Event:
        self.events.append(event)
        return event

    def run(
        self, hosts: int = 1, kind: Any = "play", title: str = "site.yml", check: bool = False, tasks: int = 0
    ) -> None:
        started = {"kind": kind, "title": title, "check": check, "hosts_total": hosts, "tasks_total": tasks}
        self._add(e.RunStarted(time=0, run_id="r1", **started))

    def play(self, name: str, hosts: list[str], tasks: int = 0, **more: Any) -> None:
        self._add(e.PlayStarted(time=0, play=name, hosts=hosts, tasks=tasks, **more))

    def no_hosts(self, play: str) -> None:
        self._add(e.NoHosts(time=0, play=play))

    def task(
        self,
        name: str,
        action: str = "command",
        *,
        hosts: list[str] | None = None,
        handler: bool = False,
        origin: str = "site.yml:7:5",
    ) -> int:
        task_id = 1 + sum(isinstance(event, e.TaskStarted) for event in self.events)
        self._task = e.TaskStarted(
            time=0,
            task_id=task_id,
            task=name,
            action=action,
            origin=origin,
            handler=handler,
            hosts=hosts or ["web1"],
        )
        self._add(self._task)
        return task_id

    def started(self, host: str) -> None:
        assert self._task
        self._add(e.HostStarted(time=0, task_id=self._task.task_id, host=host))

    def host(self, host: str, status: Any = "ok", result: dict[str, Any] | None = None, **more: Any) -> e.HostFinished:
        assert self._task
        fields = {"task_id": self._task.task_id, "duration": 0.25, **more}
        made = e.HostFinished(
            time=0,
            task=self._task.task,
            host=host,
            status=status,
            result={"changed": status == "changed"} if result is None else result,
            **fields,
        )
        self._add(made)
        return made

    def item(self, host: str, status: Any, item: Any, result: dict[str, Any] | None = None, **more: Any) -> None:
        assert self._task
        self._add(
            e.ItemFinished(
                time=0,
                task_id=self._task.task_id,
                host=host,
                status=status,
                item=item,
                result={"changed": status == "changed"} if result is None else result,
                **more,
            )
        )

    def retry(self, host: str, left: int) -> None:
        assert self._task
        self._add(e.RetryWaiting(time=0, task_id=self._task.task_id, host=host, task=self._task.task, left=left))

    def transfer(self, host: str, time: float, sent: int, total: int, name: str = "data") -> None:
        assert self._task
        task_id = self._task.task_id
        self._add(e.TransferProgress(time=time, task_id=task_id, host=host, name=name, sent=sent, total=total))

    def warn(self, message: str, host: str | None = None, where: str | None = None) -> None:
        self._add(e.Warned(time=0, message=message, host=host, where=where))

    def notified(self, host: str, handler: str) -> None:
        self._add(e.HandlerNotified(time=0, host=host, handler=handler))

    def meta(self, task: str, host: str, told: str, *, skipped: bool = False, handler: bool = False) -> None:
        where = "site.yml:4:7"
        self._add(e.MetaDone(time=0, task=task, origin=where, handler=handler, host=host, told=told, skipped=skipped))

    def polled(self, host: str, job: str) -> None:
        self._add(e.JobPolled(time=0, task_id=self._task.task_id, host=host, job=job))

    def end(
        self,
        hosts: dict[str, dict[str, int]],
        *,
        interrupted: bool = False,
        broken: bool = False,
        duration: float = 12.0,
    ) -> None:
        self._add(
            e.RunFinished(
                time=0,
                run_id="r1",
                exit_code=0,
                duration=duration,
                hosts={name: e.HostTally(**counts) for name, counts in hosts.items()},
                interrupted=interrupted,
                broken=broken,
            )
        )

    def tell(self, reporter: e.Reporter) -> None:
        for event in self.events:
            reporter.handle(event)
        reporter.close()


@pytest.fixture
def story() -> Story:
    return Story()
