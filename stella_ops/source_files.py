"""Files that an operator wrote: their text, and their YAML as values that know where they stand (``origins.py``)."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from stella_ops.errors import InventoryError, ParseError, VaultError
from stella_ops.origins import Origin, SourceList, SourceMapping, SourceText, SourceVault, VaultedText

try:
    from yaml import CSafeLoader as _BaseLoader
except ImportError:  # PyYAML built without libyaml
    from yaml import SafeLoader as _BaseLoader  # type: ignore[assignment]


# Shorter values of encrypted files are "true", "prod" and port numbers.
_SHORTEST_REVEALED = 8


def load_yaml(
    text: str, source: str, *, error: type[ParseError] = ParseError, noted: list[ParseError] | None = None
) -> Any:
    """Load one YAML document.

    Args:
        text: the document.
        source: the name that errors and origins carry, usually a path.
        error: the class to raise.
        noted: takes the mistakes that leave the rest readable, such as duplicate keys; they are not raised then.

    Raises:
        ParseError: (or ``error``) malformed YAML, a duplicate key, or more than one document.
    """
    documents = list(_documents(text, source, error, noted))
    if isinstance(text, VaultedText):
        _note_revealed(documents)
    if len(documents) > 1:
        raise error(
            "YAML parsing failed: Expected a single document in the stream but found another document.",
            where=Origin(source),
            hint="remove the second '---', or make it a file of its own",
        )
    return documents[0] if documents else None


def load_yaml_file(
    path: Path | str, *, error: type[ParseError] = ParseError, noted: list[ParseError] | None = None
) -> Any:
    """Load a YAML file of one document, see ``load_yaml``; raises ``error`` as ``read_text``."""
    return load_yaml(read_text(path, error=error), str(path), error=error, noted=noted)


def read_text(path: Path | str, *, error: type[ParseError] = ParseError, what: str = "the file") -> str:
    """The text of a file that an operator wrote, decrypted where ansible-vault encrypted it: a ``VaultedText`` then.

    Args:
        error: the class to raise.
        what: the file's name in errors.

    Raises:
        ParseError: (or ``error``) it cannot be read or decrypted, or is not UTF-8.
    """
    where = Origin(str(path))
    try:
        data = Path(path).read_bytes()
    except OSError as problem:
        raise error(f"cannot read {what}: {problem.strerror}", where=where) from None
    encrypted = data.startswith(b"$ANSIBLE_VAULT")
    if encrypted:
        from stella_ops.vault.keyring import reveal

        try:
            data = reveal(data, where)
        except VaultError as problem:
            made = error(problem.message, where=Origin(str(path), 1), hint=problem.hint)
            if not issubclass(error, InventoryError):
                made.exit_code = problem.exit_code
            raise made from None
    try:
        text = io.TextIOWrapper(io.BytesIO(data), encoding="utf-8-sig").read()
        return VaultedText(text) if encrypted else text
    except UnicodeDecodeError as problem:
        raise error(f"{what} is not UTF-8 text (byte {problem.start})", where=where) from None


def _note_revealed(documents: list[Any]) -> None:
    """Values of an encrypted variable file are no less secret than those that are encrypted one by one."""
    from stella_ops.vault.keyring import current

    def texts(value: Any) -> Iterator[str]:
        if isinstance(value, SourceText) and len(value) >= _SHORTEST_REVEALED and "{{" not in value:
            yield str.__str__(value)
        elif isinstance(value, dict):
            for item in value.values():
                yield from texts(item)
        elif isinstance(value, list):
            for item in value:
                yield from texts(item)

    for document in documents:
        if isinstance(document, dict):  # playbooks and task files are lists, and what they say is no secret
            current().revealed.extend(texts(document))


def _documents(text: str, source: str, error: type[ParseError], noted: list[ParseError] | None = None) -> Iterator[Any]:
    loader = _BaseLoader(str.__str__(text))  # libyaml takes no subclass
    try:
        while loader.check_node():
            node = loader.get_node()
            assert node is not None  # check_node said so
            builder = _Builder(source, loader, error)
            built = builder.build(node)
            if noted is None:
                builder.raise_any()
            else:
                noted += builder.problems
            yield built
    except yaml.MarkedYAMLError as problem:
        mark = problem.problem_mark or problem.context_mark
        if problem.context_mark is not None and "quoted scalar" in (problem.context or ""):
            mark = problem.context_mark  # where the quote is opened; the end of the file says nothing
        where = Origin(source, mark.line + 1, mark.column + 1) if mark else Origin(source)
        raise _ruled(error(_explain(problem), where=where, hint=_yaml_hint(problem, text)), "yaml") from None
    except yaml.YAMLError as problem:
        raise _ruled(error(f"YAML parsing failed: {problem}", where=Origin(source)), "yaml") from None
    finally:
        loader.dispose()


def _ruled(problem: ParseError, rule: str) -> ParseError:
    problem.rule = rule
    return problem


def _explain(problem: yaml.MarkedYAMLError) -> str:
    told = dict.fromkeys(filter(None, (problem.context, problem.problem)))
    said = " ".join(told) or "syntax error"
    return f"YAML parsing failed: {said[0].upper()}{said[1:]}."


def _yaml_hint(problem: yaml.MarkedYAMLError, text: str) -> str | None:
    mark = problem.problem_mark
    if mark is None:
        return None
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        return "Tabs are usually invalid in YAML: use spaces"
    if ": {{" in line or "- {{" in line:
        return 'This may be an issue with missing quotes around a template block: key: "{{ value }}"'
    if "mapping values are not allowed" in (problem.problem or ""):
        return "Colons in unquoted values must be followed by a non-space character: quote it, or mend the indentation"
    if "quoted scalar" in (problem.context or ""):
        return "Values starting with a quote must end with the same quote: this one is not closed"
    if "did not find expected" in (problem.problem or ""):
        return "the indentation of this line, or of one before it, is off; or a bracket or quote is not closed"
    return None


_MERGE = "tag:yaml.org,2002:merge"
_SET = "tag:yaml.org,2002:set"
_PAIRS = ("tag:yaml.org,2002:omap", "tag:yaml.org,2002:pairs")


@dataclass(frozen=True, slots=True)
class DuplicateKeys:
    """What becomes of keys that stand twice in a mapping.

    Attributes:
        mode: ``error``; or ``warn`` or ``ignore``, and the later one counts.
        tell: takes the key and its place, for ``warn``.
    """

    mode: str = "error"
    tell: Callable[[str, Origin], None] = lambda key, where: None


_REFUSED = DuplicateKeys()
DUPLICATE_KEYS: ContextVar[DuplicateKeys] = ContextVar("duplicate_keys", default=_REFUSED)


def _is_pair(node: yaml.Node) -> bool:
    return isinstance(node, yaml.MappingNode) and len(node.value) == 1


class _Builder:
    """Turns composed YAML nodes into values that know their origin."""

    def __init__(self, source: str, loader: Any, error: type[ParseError]) -> None:
        self._source = source
        self._loader = loader
        self._error = error
        self._made: dict[int, Any] = {}
        self._own: dict[int, set[int]] = {}  # of each mapping node
        self._unsafe = 0
        self._duplicates = DUPLICATE_KEYS.get()
        self.problems: list[ParseError] = []

    def raise_any(self) -> None:
        """Raise the first of the mistakes that were found; it has all of them."""
        if self.problems:
            first = self.problems[0]
            if len(self.problems) > 1:
                first.problems = self.problems
            raise first

    def _note(self, message: str, *, where: Origin, hint: str | None = None, rule: str = "yaml") -> None:
        self.problems.append(_ruled(self._error(message, where=where, hint=hint), rule))

    def build(self, node: yaml.Node) -> Any:
        if isinstance(node, yaml.ScalarNode):
            return self._scalar(node)
        known = self._made.get(id(node))
        if known is not None:  # an alias of an anchored collection
            return known
        if node.tag == "!unsafe":  # so is all that it holds
            self._unsafe += 1
            try:
                return self._collection(node)
            finally:
                self._unsafe -= 1
        if node.tag in ("!vault", "!vault-encrypted"):
            return self._vault("", self._origin(node))
        if node.tag.startswith("!"):
            self._note(f"unknown YAML tag '{node.tag}'", where=self._origin(node), hint="known here: !unsafe, !vault")
            return None
        return self._collection(node)

    def _collection(self, node: yaml.Node) -> Any:
        if isinstance(node, yaml.SequenceNode):
            items = SourceList(self._origin(node))
            self._made[id(node)] = items
            if node.tag in _PAIRS and all(_is_pair(item) for item in node.value):
                items.extend(SourceList(self._origin(one), map(self.build, one.value[0])) for one in node.value)
            else:
                items.extend(self.build(item) for item in node.value)
            return items
        assert isinstance(node, yaml.MappingNode)
        made = self._mapping(node)
        return set(made) if node.tag == _SET else made

    def _origin(self, node: yaml.Node) -> Origin:
        return Origin(self._source, node.start_mark.line + 1, node.start_mark.column + 1)

    def _scalar(self, node: yaml.ScalarNode) -> Any:
        tag = node.tag
        if tag in ("tag:yaml.org,2002:str", "tag:yaml.org,2002:value"):  # the latter is "="
            if self._unsafe:
                return str(node.value)
            return SourceText(node.value, self._origin(node))
        if tag == "!unsafe":  # marks text, and changes nothing else
            tag = node.tag = self._loader.resolve(yaml.ScalarNode, node.value, (True, False))
            if tag == "tag:yaml.org,2002:str":
                return str(node.value)
        if tag in ("!vault", "!vault-encrypted"):
            return self._vault(node.value, self._origin(node))
        if tag.startswith("!"):
            self._note(f"unknown YAML tag '{tag}'", where=self._origin(node), hint="known here: !unsafe, !vault")
            return None
        return self._loader.construct_object(node, deep=True)

    def _vault(self, ciphertext: str, origin: Origin) -> SourceVault | None:
        if not ciphertext.lstrip().startswith("$ANSIBLE_VAULT"):
            self._note(
                "what is tagged !vault is not encrypted",
                where=origin,
                hint="'stella-ops vault encrypt_string' prints what belongs here, beginning with $ANSIBLE_VAULT",
            )
            return None
        return SourceVault(ciphertext, origin)

    def _merge(self, node: yaml.MappingNode) -> None:
        """Put what ``<<`` names in front of a mapping's own entries, as PyYAML does; whose keys are its own is kept."""
        if id(node) in self._own:
            return
        self._own[id(node)] = own = {id(key) for key, _ in node.value if key.tag != _MERGE}
        if len(own) == len(node.value):
            return
        for key, value in node.value:
            if key.tag == _MERGE:
                for source in value.value if isinstance(value, yaml.SequenceNode) else [value]:
                    if isinstance(source, yaml.MappingNode):
                        self._merge(source)
        try:
            self._loader.flatten_mapping(node)
        except yaml.constructor.ConstructorError:
            self._note("'<<' merges mappings only", where=self._origin(node))
            node.value = [entry for entry in node.value if id(entry[0]) in own]

    def _mapping(self, node: yaml.MappingNode) -> Any:
        made = SourceMapping(self._origin(node))
        self._made[id(node)] = made
        self._merge(node)
        own = self._own[id(node)]
        written: set[Any] = set()  # keys of its own: what is merged may be given anew
        for key_node, value_node in node.value:
            origin = self._origin(key_node)
            key = self.build(key_node)
            try:
                duplicate = key in made
            except TypeError:
                self._note(
                    "YAML parsing failed: a mapping key must be a plain value. "
                    "This may be an issue with missing quotes around a template block.",
                    where=origin,
                    hint='quote a key or value that starts with "{{"',
                )
                continue
            if duplicate and self._duplicates.mode == "warn":
                self._duplicates.tell(str(key), origin)
            elif duplicate and self._duplicates.mode == "error" and key in written:
                self._note(
                    f"duplicate key '{key}'",
                    where=origin,
                    hint=f"it stands already at line {made.key_origins[key].line}: keep one of them",
                    rule="duplicate-key",
                )
                continue
            if isinstance(key, SourceText):
                key = str.__str__(key)
            if id(key_node) in own:
                written.add(key)
            made[key] = self.build(value_node)
            made.key_origins[key] = origin
        if len(made) == 1 and isinstance(made.get("__ansible_vault"), str):  # how JSON has it
            return self._vault(str.__str__(made["__ansible_vault"]), made.origin)
        return made
