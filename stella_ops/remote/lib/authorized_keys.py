"""Lines of an authorized_keys file: sshd(8), AUTHORIZED_KEYS FILE FORMAT."""

import collections
import re

# ``options`` as written, "" for none; ``kind`` is the key's type, ``data`` its base64.
Key = collections.namedtuple("Key", ["options", "kind", "data", "comment"])

_KIND = re.compile(r"^(ssh-|ecdsa-|sk-ssh-|sk-ecdsa-|rsa-sha2-)[A-Za-z0-9@.-]+$")
_BASE64 = re.compile(r"^[A-Za-z0-9+/]+={0,3}$")


def parse(line):
    """A ``Key``, or None for a line that is none (a comment, a blank, or something broken)."""
    words = split(line.strip())
    if not words or words[0].startswith("#"):
        return None
    options = ""
    if not _KIND.match(words[0]):
        options, words = words[0], words[1:]
    if len(words) < 2 or not _KIND.match(words[0]) or not _BASE64.match(words[1]):
        return None
    return Key(options, words[0], words[1], " ".join(words[2:]))


def split(text):
    """Words of a line; blanks inside double quotes part nothing."""
    words = []
    word = ""
    quoted = False
    before = ""
    for letter in text:
        if letter == '"' and before != "\\":
            quoted = not quoted
        if letter in " \t" and not quoted:
            if word:
                words.append(word)
            word = ""
        else:
            word += letter
        before = letter
    return words + [word] if word else words


def write(key):
    """A key as a line."""
    return " ".join(part for part in (key.options, key.kind, key.data, key.comment) if part)


class Table(object):
    """The lines of a file on their way to other ones; what is no key stays as it is.

    Attributes:
        changed: True once it is another one.
    """

    def __init__(self, data):
        self.lines = data.decode("utf-8", "surrogateescape").splitlines()
        self.changed = False

    def render(self):
        """The file's bytes."""
        return "".join(line + "\n" for line in self.lines).encode("utf-8", "surrogateescape")

    def _places(self, key):
        """Where a key stands; a CA's and a plain one of the same bytes are two."""
        found = []
        for place, line in enumerate(self.lines):
            other = parse(line)
            if other is not None and (other.kind, other.data) == (key.kind, key.data):
                if ("cert-authority" in other.options) == ("cert-authority" in key.options):
                    found.append(place)
        return found

    def put(self, key):
        """Have a key exactly as given; returns it."""
        places = self._places(key)
        if not places:
            self.lines.append(write(key))
            self.changed = True
            return key
        if parse(self.lines[places[0]]) != key:
            self.lines[places[0]] = write(key)
            self.changed = True
        for place in reversed(places[1:]):
            if parse(self.lines[place]) != key:
                del self.lines[place]
                self.changed = True
        return key

    def remove(self, key):
        """Take a key away."""
        for place in reversed(self._places(key)):
            del self.lines[place]
            self.changed = True

    def keep_only(self, keys):
        """Take all keys away but these."""
        wanted = set(keys)
        kept = [line for line in self.lines if parse(line) is None or parse(line) in wanted]
        if kept != self.lines:
            self.lines = kept
            self.changed = True
