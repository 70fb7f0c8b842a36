"""Run the agent as a container: image, volume, container; the content is the image's file."""

import errno
import json
import os
import time
from urllib.parse import quote

from stella_ops.remote.lib import agent_host, docker_api, exclusive
from stella_ops.remote.lib.agent_image import TITLE, TITLE_LABEL, VERSION_LABEL, Image
from stella_ops.remote.lib.agent_volume import OURS_LABEL, Volume
from stella_ops.remote.lib.task import ModuleFailure

ARGUMENTS = {
    "name": {"type": "str", "default": "stella-agent"},
    "state": {
        "type": "str",
        "choices": ["started", "stopped", "restarted", "absent", "described"],
        "default": "started",
    },
    "docker_host": {"type": "str"},
    # The image: the names that engines may give it (sha256:…), its tag, and what its file must be.
    "image_ids": {"type": "list", "elements": "str"},
    "tag": {"type": "str"},
    "version": {"type": "str"},
    "architecture": {"type": "str"},
    "sha256": {"type": "str"},
    # A volume's name, or the absolute path of a folder of the host.
    "volume": {"type": "str", "default": "stella-agent-data"},
    "network": {"type": "str", "default": "bridge"},
    "memory": {"type": "int", "default": 268435456},
    "pids": {"type": "int", "default": 64},
    "labels": {"type": "dict", "default": {}},
    # Seconds that a new container has to become healthy.
    "wait": {"type": "float", "default": 30.0},
    # With state absent: what goes beside the container.
    "remove_image": {"type": "bool", "default": False},
    "remove_volume": {"type": "bool", "default": False},
    "_content_stream": {"type": "dict"},
}

DATA = "/var/lib/stella-agent"
PROGRAM = "/usr/local/bin/stella-agent"
SPEC_LABEL = "io.stella-ops.spec"
RESTART = "unless-stopped"

_STOP_SECONDS = 20
_LOCK_SECONDS = 120.0
_POLL_SECONDS = 0.1


def run(task):
    """Return ``changed``, ``actions`` (words), ``exists``, ``running``, ``version`` and what was new.

    ``created``, ``image_loaded`` and ``volume_created`` tell what was not there before, so that a later failure of
    the same bootstrap can be taken back. When the image is not there and no content came with the call, nothing is
    done and the result is ``need_content: true``.

    A container that is replaced is kept until the new one is healthy, and is put back when that does not come to
    be. What a failed run had added is taken away again.
    """
    args = task.args
    engine = None
    try:
        engine = docker_api.Engine(args["docker_host"])
        engine.version()
        work = _Work(task, engine)
        if args["state"] == "described":
            return work.answer()
        folder = os.path.dirname(engine.host[len("unix://") :])
        busy = "another run is at work with the engine %s" % engine.host
        with exclusive.alone(task, folder, busy, _LOCK_SECONDS), exclusive.termination_raises():
            return work.carry_out()
    except docker_api.EngineError as problem:
        return task.fail(str(problem), hint=problem.hint)
    except OSError as problem:
        where = " (%s)" % problem.filename if problem.filename else ""
        return task.fail("%s%s" % (problem.strerror or problem, where))


class _Work(object):
    def __init__(self, task, engine):
        self._task = task
        self._engine = engine
        self._args = task.args
        self._check = task.check_mode
        self._name = task.args["name"]
        self._undo = []  # (function, arguments), to be called from the last to the first
        self._images = Image(task, engine, self._act, self._later)
        self._volume = Volume(task, engine, self._act, self._later)
        self._created = False
        self._before = {}
        self._after = {}
        self.actions = []

    # -- the whole

    def carry_out(self):
        args = self._args
        if args["state"] == "absent":
            self._remove()
            return self.answer()
        wants_image = bool(args["image_ids"]) and args["state"] != "stopped"
        image = self._images.find() if wants_image else None
        if wants_image and image is None:
            self._images.refuse_other_architecture()
        if wants_image and image is None and self._task.content is None and not self._check:
            return {"changed": False, "need_content": True, "actions": [], "content": {"packed": True}}
        try:
            self._recover()
            found = self._container()
            if wants_image:
                self._bring_up(found, image)
            elif found is None:
                self._missing()
            else:
                self._bring_to(found)
        except BaseException as problem:
            left = self._take_back()
            if isinstance(problem, docker_api.EngineError):
                self._task.fail(str(problem), hint=problem.hint, left_behind=left)
            if isinstance(problem, ModuleFailure):
                problem.result["left_behind"] = left
            raise
        return self.answer()

    def answer(self):
        found = self._container(ours=False)
        result = {"changed": bool(self.actions), "need_content": False, "actions": self.actions}
        result.update(created=self._created, image_loaded=self._images.loaded, volume_created=self._volume.created)
        result.update(exists=found is not None, running=False, version=None, image=None, data=None, user=None)
        if found is not None:
            labels = found["Config"].get("Labels") or {}
            result.update(
                running=bool(found["State"].get("Running")),
                version=labels.get(VERSION_LABEL),
                image=found["Image"],
                data=_data_folder(found),
                data_is_here=_is_here(_data_folder(found)),
                user=found["Config"].get("User"),
            )
        if self._task.diff_mode and self._before != self._after:
            result["diff"] = {
                "before": _pretty(self._before),
                "after": _pretty(self._after),
                "before_header": "container %s" % self._name,
                "after_header": "container %s" % self._name,
            }
        return result

    def _act(self, action):
        """Note an action; whether it is to be done for real."""
        self.actions.append(action)
        return not self._check

    def _later(self, function, *arguments):
        self._undo.append((function, arguments))

    def _take_back(self):
        """Undo what was done, as far as can be; sentences about what could not."""
        left = []
        while self._undo:
            function, arguments = self._undo.pop()
            try:
                function(*arguments)
            except (docker_api.EngineError, OSError) as problem:
                left.append(str(problem))
        return left

    # -- what is there

    def _container(self, name=None, ours=True):
        found = self._engine.find("/containers/%s/json" % quote(name or self._name))
        if found is not None and ours and not _is_ours(found):
            self._task.fail(
                "a container '%s' is there that is no agent of stella-ops" % (name or self._name),
                hint="remove or rename it, or set stella_agent_container to another name",
            )
        return found

    def _missing(self):
        state = self._args["state"]
        if state == "stopped" or self._check:
            return
        self._task.fail(
            "there is no container '%s' on this host" % self._name, hint="run stella-ops play bootstrap.yml on it first"
        )

    def _recover(self):
        """Mend what a run left behind that was killed while it replaced the container."""
        unborn, kept = self._container(self._name + ".new"), self._container(self._name + ".before")
        if unborn is not None and self._act("remove container %s.new" % self._name):
            self._delete(unborn["Id"])
        if kept is None:
            return
        present = self._container()
        if not self._act("put container %s back, which a run that was cut off had replaced" % self._name):
            return
        if present is not None:
            self._delete(present["Id"])
        self._rename(kept["Id"], self._name)

    # -- a container with a given image

    def _bring_up(self, found, image):
        replaced = found["Image"] if found else None
        if image is None:
            image = self._images.load()
        identity = image["Id"] if image else self._args["image_ids"][0]
        spec = self._spec()
        self._before, self._after = _as_it_is(found), dict(spec, image=identity, running=True)
        running = bool(found) and found["State"].get("Running") and not found["State"].get("Restarting")
        if dict(self._before, running=True) == self._after:
            if not running and self._act("start container %s" % self._name):
                self._start(found["Id"])
            elif running and self._args["state"] == "restarted" and self._act("restart container %s" % self._name):
                self._restart(found["Id"])
        else:
            self._volume.ensure(image)
            verb = "replace" if found else "create"
            if self._act("%s container %s" % (verb, self._name)):
                self._replace(found, spec, image)
            self._created = found is None
        self._undo = []
        if image is not None:
            self._images.point_latest(image)
            if replaced and replaced != image["Id"] and not self._check:
                self._images.drop(replaced)

    def _spec(self):
        """What was asked for, in short; it is kept in a label, and tells whether a container is as wanted."""
        args = self._args
        limits = self._engine.ask("GET", "/info") or {}
        memory, pids = args["memory"], args["pids"]
        for name, wanted in (("MemoryLimit", memory), ("PidsLimit", pids)):
            if wanted and limits.get(name) is False:
                self._task.warn("the host's kernel cannot limit the container (%s): it runs without" % name)
        return {
            "volume": args["volume"],
            "network": args["network"],
            "memory": memory if limits.get("MemoryLimit") is not False else 0,
            "pids": pids if limits.get("PidsLimit") is not False else 0,
            "labels": {str(key): str(value) for key, value in args["labels"].items()},
            "restart": RESTART,
            "form": 1,
        }

    def _body(self, spec, image):
        """The request that makes the container. Source: Engine API, ContainerCreate."""
        host = {
            # Until it has proved well: one that ends at once is to stay as it ended.
            "RestartPolicy": {"Name": "no"},
            "ReadonlyRootfs": True,
            "CapDrop": ["ALL"],
            "SecurityOpt": ["no-new-privileges"],
            "Mounts": [self._mount(spec["volume"])],
            "Tmpfs": {"/tmp": "rw,noexec,nosuid,nodev,size=16m,mode=1777"},
            "NetworkMode": spec["network"],
            # What the agent says is in its own log too, which it rotates.
            "LogConfig": {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "3"}},
        }
        if spec["memory"]:
            host["Memory"] = host["MemorySwap"] = spec["memory"]
        if spec["pids"]:
            host["PidsLimit"] = spec["pids"]
        labels = dict(spec["labels"])
        labels[OURS_LABEL] = "true"
        labels[SPEC_LABEL] = json.dumps(spec, sort_keys=True)
        tags = image.get("RepoTags") or ()
        name = self._args["tag"] if self._args["tag"] in tags else image["Id"]
        return {"Image": name, "Labels": labels, "HostConfig": host}

    def _mount(self, volume):
        kind = "bind" if volume.startswith("/") else "volume"
        return {"Type": kind, "Source": volume, "Target": DATA}

    def _replace(self, old, spec, image):
        made = self._engine.ask("POST", "/containers/create", {"name": self._name + ".new"}, self._body(spec, image))
        fresh = made["Id"]
        self._later(self._put_back, fresh, old)
        if old is not None:
            if old["State"].get("Running"):
                self._stop(old["Id"])  # the two share the agent's data
            self._rename(old["Id"], self._name + ".before")
        self._rename(fresh, self._name)
        self._start(fresh)
        self._engine.ask("POST", "/containers/%s/update" % fresh, None, {"RestartPolicy": {"Name": RESTART}})
        self._undo = []
        if old is not None:
            self._delete(old["Id"])

    def _put_back(self, fresh, old):
        """Undo a replacement, however far it came: the new container goes, the old one has its name and works."""
        self._delete(fresh)
        if old is None:
            return
        present = self._engine.ask("GET", "/containers/%s/json" % old["Id"])
        if present["Name"].lstrip("/") != self._name:
            self._rename(old["Id"], self._name)
        if old["State"].get("Running"):
            self._start(old["Id"], watch=False)

    def _start(self, container, watch=True):
        self._engine.ask("POST", "/containers/%s/start" % container)
        if watch:
            self._await_health(container)

    def _restart(self, container):
        self._engine.ask("POST", "/containers/%s/restart" % container, {"t": str(_STOP_SECONDS)})
        self._await_health(container)

    def _stop(self, container):
        self._engine.ask("POST", "/containers/%s/stop" % container, {"t": str(_STOP_SECONDS)})

    def _rename(self, container, name):
        self._engine.ask("POST", "/containers/%s/rename" % container, {"name": name})

    def _delete(self, container):
        try:
            self._engine.ask("DELETE", "/containers/%s" % container, {"force": "1", "v": "1"})
        except docker_api.EngineError as problem:
            if problem.status != 404:
                raise

    def _await_health(self, container):
        """Wait until the agent in a container calls itself running; fails the task with the end of its log.

        Docker's own health check comes every half a minute: too seldom to wait for.
        """
        deadline = time.monotonic() + self._args["wait"]
        while True:
            state = self._engine.ask("GET", "/containers/%s/json" % container)
            now = state["State"]
            if not now.get("Running") or now.get("Restarting"):
                reason = "it ended with status %s %s" % (now.get("ExitCode"), now.get("Error") or "")
                break
            try:
                status, _, said = self._engine.run(container, [PROGRAM, "status"])
            except docker_api.EngineError as problem:  # it may have ended just now
                status, said = -1, str(problem).encode("utf-8")
            if status == 0:
                return
            if time.monotonic() >= deadline:
                reason = "it does not run within %g seconds" % self._args["wait"]
                last = agent_host.last_line(said.decode("utf-8", "replace"))
                if said.strip():
                    reason += ": %s" % last
                break
            time.sleep(_POLL_SECONDS)
        log = self._engine.log(container)
        cause = " Its log ends with: %s" % log[-1] if log else ""
        self._task.fail("the agent's container is not healthy: %s.%s" % (reason.strip(), cause), log=log)

    # -- a container as it is

    def _bring_to(self, found):
        state, name = self._args["state"], self._name
        running = bool(found["State"].get("Running"))
        self._before = {"running": running}
        self._after = {"running": state != "stopped"}
        if state == "stopped":
            if running and self._act("stop container %s" % name):
                self._stop(found["Id"])
        elif not running:
            if self._act("start container %s" % name):
                self._start(found["Id"])
        elif state == "restarted" and self._act("restart container %s" % name):
            self._restart(found["Id"])

    # -- away with it

    def _remove(self):
        name = self._name
        images = []
        names = (name + ".new", name, name + ".before")
        for one in names:
            found = self._container(one)
            if found is None:
                continue
            images.append(found["Image"])
            self._before = _as_it_is(found) if one == name else self._before
            if self._act("remove container %s" % one):
                if found["State"].get("Running"):
                    self._stop(found["Id"])
                self._delete(found["Id"])
        if self._args["remove_volume"]:
            self._volume.remove()
        if self._args["remove_image"]:
            wanted = self._args["image_ids"] or []
            for identity in dict.fromkeys(images + wanted):
                self._images.remove(identity, names)


def _is_ours(found):
    labels = found["Config"].get("Labels") or {}
    return labels.get(OURS_LABEL) == "true" or labels.get(TITLE_LABEL) == TITLE


def _as_it_is(found):
    """What a container is, in the words of a spec; what the engine can change later is as it is now."""
    if found is None:
        return {}
    try:
        spec = json.loads((found["Config"].get("Labels") or {}).get(SPEC_LABEL) or "{}")
    except ValueError:
        spec = {}
    spec = spec if isinstance(spec, dict) else {}
    host = found.get("HostConfig") or {}
    spec.update(
        image=found["Image"],
        memory=host.get("Memory") or 0,
        pids=host.get("PidsLimit") or 0,
        restart=(host.get("RestartPolicy") or {}).get("Name"),
        running=bool(found["State"].get("Running")),
    )
    return spec


def _data_folder(found):
    """Where the agent's data is on the host, as the engine tells."""
    for mount in found.get("Mounts") or ():
        if mount.get("Destination") == DATA:
            return mount.get("Source")
    return None


def _is_here(path):
    """Whether a folder of the engine's is one of this host as well; one that may not be looked at counts."""
    try:
        os.stat(path or "")
    except OSError as problem:
        return problem.errno in (errno.EACCES, errno.EPERM)
    return True


def _pretty(spec):
    return json.dumps(spec, indent=2, sort_keys=True) + "\n" if spec else ""
