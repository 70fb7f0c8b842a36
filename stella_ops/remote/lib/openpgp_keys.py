"""Which public keys some bytes hold: what a key file is called by, without gpg on the host.

Nothing is verified here; that is gpgv's work when apt uses the keys. Sources: RFC 4880, sections 4.2 (packets), 5.5.2
(public keys), 6.2 (armor) and 12.2 (fingerprints).
"""

import binascii
import hashlib
import re

_PUBLIC_KEY, _SUBKEY = 6, 14
_ARMOR = re.compile(
    rb"-----BEGIN PGP PUBLIC KEY BLOCK-----[ \t]*\r?\n(.*?)-----END PGP PUBLIC KEY BLOCK-----", re.DOTALL
)


class NotKeys(ValueError):
    """The bytes hold no public key; the text says why."""


class Key(object):
    """A public key with all that belongs to it.

    Attributes:
        fingerprint: of the primary key, in upper case hex.
        subkeys: fingerprints of the others.
        data: its bytes, as in a binary key file.
    """

    def __init__(self, fingerprint):
        self.fingerprint = fingerprint
        self.subkeys = []
        self.data = b""

    def is_called(self, name):
        """Whether a key id or fingerprint, in upper case without 0x, is one of this key's."""
        return any(each.endswith(name) for each in [self.fingerprint] + self.subkeys)


def is_armored(data):
    """Whether the bytes are text with a key in it."""
    return b"-----BEGIN PGP PUBLIC KEY BLOCK-----" in data


def binary(data):
    """The bytes of a key file without armor. Raises NotKeys."""
    if not is_armored(data):
        return data
    blocks = []
    for body in _ARMOR.findall(data):
        # Headers end at the first empty line; the line that begins with "=" is a checksum.
        lines = body.splitlines()
        empty = [place for place, line in enumerate(lines) if not line.strip()]
        lines = lines[empty[0] + 1 :] if empty else lines
        text = b"".join(line.strip() for line in lines if not line.startswith(b"="))
        try:
            blocks.append(binascii.a2b_base64(text))
        except binascii.Error as error:
            raise NotKeys("the armored block is damaged ({})".format(error))
    if not blocks:
        raise NotKeys("the armored block has no end")
    return b"".join(blocks)


def armored(data):
    """A binary key file as text."""
    text = binascii.b2a_base64(data, newline=False)
    lines = [b"-----BEGIN PGP PUBLIC KEY BLOCK-----", b""]
    lines += [text[place : place + 64] for place in range(0, len(text), 64)]
    check = binascii.b2a_base64(_checksum(data).to_bytes(3, "big"), newline=False)
    return b"\n".join(lines + [b"=" + check, b"-----END PGP PUBLIC KEY BLOCK-----", b""])


def _checksum(data):
    """The CRC-24 of RFC 4880, section 6.1, without which rpm takes no armored key."""
    value = 0xB704CE
    for byte in data:
        value ^= byte << 16
        for _ in range(8):
            value <<= 1
            if value & 0x1000000:
                value ^= 0x1864CFB
    return value


def read(data):
    """All public keys in some bytes, armored or not. Raises NotKeys when there is none."""
    data = binary(data)
    keys = []
    place = 0
    while place < len(data):
        tag, start, end = _packet(data, place)
        body = data[start:end]
        if tag == _PUBLIC_KEY:
            keys.append(Key(_fingerprint(body)))
        elif not keys:
            raise NotKeys("it begins with packet type {}, not with a public key".format(tag))
        elif tag == _SUBKEY:
            keys[-1].subkeys.append(_fingerprint(body))
        keys[-1].data += data[place:end]
        place = end
    if not keys:
        raise NotKeys("it is empty")
    return keys


def _fingerprint(body):
    if body[:1] == b"\4":
        return hashlib.new("sha1", b"\x99" + len(body).to_bytes(2, "big") + body).hexdigest().upper()
    if body[:1] in (b"\5", b"\6"):  # RFC 9580, section 5.5.4
        mark = b"\x9a" if body[:1] == b"\5" else b"\x9b"
        return hashlib.sha256(mark + len(body).to_bytes(4, "big") + body).hexdigest().upper()
    raise NotKeys("a key of version {} is not understood".format(body[0] if body else "nothing"))


def _packet(data, place):
    """Type of the packet at a place, and where its body begins and ends."""
    try:
        first = data[place]
        if not first & 0x80:
            raise NotKeys("it is neither armored nor binary OpenPGP")
        if first & 0x40:
            tag, one = first & 0x3F, data[place + 1]
            if one < 192:
                start, size = place + 2, one
            elif one < 224:
                start, size = place + 3, ((one - 192) << 8) + data[place + 2] + 192
            elif one == 255:
                start, size = place + 6, int.from_bytes(data[place + 2 : place + 6], "big")
            else:
                raise NotKeys("it has a packet of unknown length")
        else:
            tag, kind = first >> 2 & 0x0F, first & 3
            if kind == 3:
                raise NotKeys("it has a packet of unknown length")
            width = 1 << kind
            start = place + 1 + width
            size = int.from_bytes(data[place + 1 : start], "big")
    except IndexError:
        raise NotKeys("it ends in the middle of a packet")
    if start + size > len(data):
        raise NotKeys("it ends in the middle of a packet")
    return tag, start, start + size
