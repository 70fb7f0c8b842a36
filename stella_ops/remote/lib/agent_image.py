"""The agent's image in a Docker engine: loaded from a file, found by its id, tagged, removed when nobody needs it."""

import hashlib
import json
from urllib.parse import quote

from stella_ops.remote.lib import docker_api, incoming

REPOSITORY = "stella/agent"
TITLE_LABEL, TITLE = "org.opencontainers.image.title", "stella-agent"
VERSION_LABEL = "org.opencontainers.image.version"


class Image(object):
    """The image that a module is asked for, by its arguments ``image_ids``, ``tag``, ``architecture``, ``sha256``.

    Args:
        act: notes an action, and says whether it is to be done for real.
        later: takes a function and its arguments for when the work must be undone.

    ``loaded`` tells whether it was not there before.
    """

    def __init__(self, task, engine, act, later):
        self._task = task
        self._engine = engine
        self._args = task.args
        self._act = act
        self._later = later
        self.loaded = False

    def find(self):
        """What the engine knows of the wanted image, or None."""
        for one in self._args["image_ids"]:
            found = self._engine.find("/images/%s/json" % quote(one))
            if found is not None:
                return found
        return None

    def refuse_other_architecture(self):
        """Fail the task where the engine runs programs of another architecture than the image's."""
        wanted, here = self._args["architecture"], self._engine.version().get("Arch")
        if wanted and here and wanted != here:
            self._task.fail(
                "the image is for %s, the host's engine runs %s" % (wanted, here),
                hint="make an image for it with an engine of that architecture, and set stella_agent_image",
            )

    def load(self):
        """Load the image from the content; what the engine then knows of it."""
        if not self._act("load image %s" % self._args["tag"]):
            return None
        before = self._tagged(self._args["tag"])
        digest = hashlib.sha256()
        stream = self._args["_content_stream"] or {}
        pieces = incoming.chunks if stream.get("packed") else incoming.plain
        self._later(self._unload, before)
        self._engine.load(_hashed(pieces(self._task.content), digest))
        wanted = self._args["sha256"]
        if wanted and digest.hexdigest() != wanted:
            self._task.fail("the image arrived damaged: its file's sha256 is %s" % digest.hexdigest(), hint="run again")
        image = self.find()
        if image is None:
            self._task.fail(
                "the engine loaded the image, but does not have it as %s" % " or ".join(self._args["image_ids"]),
                hint="make the image's file again: stella-ops release image",
            )
        self.loaded = True
        return image

    def _unload(self, before):
        """Take back a load: the image goes, and its tag is where it was."""
        image = self.find() or self._tagged(self._args["tag"])
        if before is not None:
            self._tag(before["Id"], self._args["tag"])
        if image is not None and (before is None or image["Id"] != before["Id"]):
            self._delete_image(self._engine.find("/images/%s/json" % quote(image["Id"])) or image)

    def _tagged(self, tag):
        return self._engine.find("/images/%s/json" % quote(tag)) if tag else None

    def _tag(self, identity, tag):
        repository, _, name = tag.rpartition(":")
        self._engine.ask("POST", "/images/%s/tag" % quote(identity), {"repo": repository, "tag": name})

    def point_latest(self, image):
        """Have ``:latest`` mean this image, for those who start containers by hand."""
        tag = self._args["tag"]
        if not tag:
            return
        latest = tag.rpartition(":")[0] + ":latest"
        present = self._tagged(latest)
        if present is None or present["Id"] != image["Id"]:
            if self._act("tag image %s" % latest):
                self._tag(image["Id"], latest)

    def drop(self, identity):
        """Remove the image that was replaced, if it is an agent's and nobody uses it."""
        image = self._engine.find("/images/%s/json" % quote(identity))
        if is_agents(image) and not self._users_of(image):
            self._delete_image(image)

    def _users_of(self, image):
        """The names of containers, running or not, that are of an image."""
        query = {"all": "1", "filters": json.dumps({"ancestor": [image["Id"]]})}
        found = self._engine.ask("GET", "/containers/json", query) or []
        return [str((one.get("Names") or [one.get("Id")])[0]).lstrip("/") for one in found]

    def _delete_image(self, image):
        """Take an image's names in our repository away, and with the last name the image.

        An engine deletes no image by its id that has several names.
        """
        names = [name for name in image.get("RepoTags") or () if name.rpartition(":")[0] == REPOSITORY]
        others = len(image.get("RepoTags") or ()) - len(names)
        for one in names or ([] if others else [image["Id"]]):
            try:
                self._engine.ask("DELETE", "/images/%s" % quote(one))
            except docker_api.EngineError as problem:
                if problem.status != 404:
                    raise

    def remove(self, identity, going):
        """Remove an image if it is an agent's and no container is of it, those named ``going`` left aside."""
        image = self._engine.find("/images/%s/json" % quote(identity))
        if not is_agents(image):
            return
        users = [one for one in self._users_of(image) if one not in going]
        if users:
            self._task.warn("the image is kept: container %s is of it" % ", ".join(users))
        elif self._act("remove image %s" % ", ".join(image.get("RepoTags") or [identity])):
            self._delete_image(image)


def is_agents(image):
    """Whether an image, as the engine knows it, is an agent's; None is none."""
    return (((image or {}).get("Config") or {}).get("Labels") or {}).get(TITLE_LABEL) == TITLE


def _hashed(pieces, digest):
    for piece in pieces:
        data = bytes(piece)
        digest.update(data)
        yield data
