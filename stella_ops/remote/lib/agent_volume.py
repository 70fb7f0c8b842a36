"""Where the data of an agent in a container lies: a named volume of the engine, or a folder of the host."""

import os
import shutil
from urllib.parse import quote

from stella_ops.remote.lib import agent_host
from stella_ops.remote.lib.layout import MARKER_NAME

OURS_LABEL = "io.stella-ops.managed"


class Volume(object):
    """The volume that a module is asked for by its argument ``volume``; an absolute path means a folder.

    Args:
        act: notes an action, and says whether it is to be done for real.
        later: takes a function and its arguments for when the work must be undone.

    ``created`` tells whether it was not there before.
    """

    def __init__(self, task, engine, act, later):
        self._task = task
        self._engine = engine
        self._args = task.args
        self._check = task.check_mode
        self._act = act
        self._later = later
        self.created = False

    def ensure(self, image):
        """Have it there; a folder is the user's that ``image`` (as the engine knows it) runs as."""
        volume = self._args["volume"]
        if volume.startswith("/"):
            self._ensure_folder(volume, image)
            return
        if self._engine.find("/volumes/%s" % quote(volume)) is not None:
            return
        self.created = True
        if self._act("create volume %s" % volume):
            self._engine.ask("POST", "/volumes/create", None, {"Name": volume, "Labels": {OURS_LABEL: "true"}})
            self._later(self._delete_volume, volume)

    def _delete_volume(self, volume):
        self._engine.ask("DELETE", "/volumes/%s" % quote(volume))

    def _ensure_folder(self, path, image):
        reason = agent_host.absurd_prefix(path)
        # The install without a prefix has other folders than this on a host whose agent is a container.
        if reason:
            self._task.fail("folder '%s' is refused: %s" % (path, reason), hint="name a folder of its own")
        user = ((image or {}).get("Config") or {}).get("User") or ""
        owner, _, group = user.partition(":")
        if os.path.isdir(path):
            if not os.listdir(path) or os.path.isfile(os.path.join(path, MARKER_NAME)):
                return
            self._task.fail("%s holds other files than an agent's" % path, hint="name a folder of its own")
        if os.geteuid() != 0 and not self._check:
            self._task.fail(
                "making %s for the container's user needs root" % path, hint="use become: true, or a named volume"
            )
        self.created = True
        if self._act("create folder %s" % path):
            os.makedirs(path, 0o700)
            self._later(shutil.rmtree, path)
            with open(os.path.join(path, MARKER_NAME), "wb") as stream:
                stream.write(agent_host.marker_bytes(None, None))
            os.chown(path, int(owner or 0), int(group or owner or 0))
            os.chmod(path, 0o700)

    def remove(self):
        """Remove it if it was made for the agent."""
        volume = self._args["volume"]
        if volume.startswith("/"):
            if not os.path.isdir(volume):
                return
            reason = agent_host.absurd_prefix(volume)
            if reason or not os.path.isfile(os.path.join(volume, MARKER_NAME)) or os.path.islink(volume):
                self._task.warn("the folder %s is kept: it was not made for the agent" % volume)
            elif self._act("remove folder %s" % volume):
                shutil.rmtree(volume)
            return
        found = self._engine.find("/volumes/%s" % quote(volume))
        if found is None:
            return
        if (found.get("Labels") or {}).get(OURS_LABEL) != "true":
            self._task.warn("the volume %s is kept: it was not made by stella-ops" % volume)
        elif self._act("remove volume %s" % volume):
            self._delete_volume(volume)
