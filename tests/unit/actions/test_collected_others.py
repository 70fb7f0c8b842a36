"""Actions in the place of those of community.general, kubernetes.core and others."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from stella_ops.actions.base import ActionFailure, Result
from stella_ops.actions.registry import action
from stella_ops.errors import UnreachableError
from stella_ops.origins import SourceText
from stella_ops.transport.base import CommandResult, ConnectionSpec

Make = Callable[..., Any]


async def run(name: str, context: Any, /, **args: Any) -> Result:
    found = action(name)
    assert found is not None
    context.action = name
    return await found.run(context, args)


K8S = "kubernetes.core.k8s"
MANIFEST = """
kind: ConfigMap
metadata: {name: "{{ app }}"}
---
kind: Secret
data: {of: {{ template_path | basename }}}
"""


@pytest.fixture
def here(session: Any) -> Any:
    """The host is this machine."""
    session.spec = ConnectionSpec(name="a", kind="local")
    return session


async def test_k8s_renders_templates_and_finds_files_here(make_context: Make, here: Any, tmp_path: Path) -> None:
    for name, text in (("templates/all.yml", MANIFEST), ("files/one.yml", "{}"), ("files/config", "{}")):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    context = make_context(app="shop")
    await run(K8S, context, template=["all.yml"], kubeconfig="config", state="present")
    asked = here.calls.pop()
    assert asked.module == K8S and "template" not in asked.args
    assert [each["kind"] for each in asked.args["definition"]] == ["ConfigMap", "Secret"]
    assert asked.args["definition"][0]["metadata"] == {"name": "shop"}
    assert asked.args["definition"][1]["data"] == {"of": "all.yml"}
    assert asked.args["kubeconfig"] == str(tmp_path / "files/config")
    (tmp_path / "templates/all.yml").write_text("kind: '<< app >>'")
    marks = {"variable_start_string": "<<", "variable_end_string": ">>"}
    await run(K8S, context, template={"path": "all.yml", **marks})
    assert here.calls.pop().args["definition"] == [{"kind": "shop"}]
    await run(K8S, context, src="one.yml")
    assert here.calls.pop().args == {"src": str(tmp_path / "files/one.yml")}
    await run(K8S, context, src="https://there/one.yml", kubeconfig={"a": 1})
    assert here.calls.pop().args == {"src": "https://there/one.yml", "kubeconfig": {"a": 1}}
    for args, said in (
        ({"template": 7}, "a string or dict for template expected"),
        ({"template": [{}]}, "Please specify path"),
        ({"template": {"path": "all.yml", "newline_sequence": "x"}}, "newline_sequence needs to be one of"),
        ({"template": "nope.yml"}, "Could not find or access"),
        ({"kubeconfig": 7}, "a string or dict expected"),
        ({"src": "nope.yml"}, "Could not find or access"),
    ):
        with pytest.raises(ActionFailure, match=said):
            await run(K8S, context, **args)
    (tmp_path / "templates/all.yml").write_text("{{ '[' }}")
    with pytest.raises(ActionFailure, match="what it renders to is no YAML"):
        await run(K8S, context, template="all.yml")


async def test_the_k8s_family_shares_an_action(make_context: Make, here: Any, session: Any, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files/data").write_text("")
    await run("kubernetes.core.k8s_cp", make_context(), state="to_pod", local_path="data")
    assert here.calls.pop().args["local_path"] == str(tmp_path / "files/data")
    with pytest.raises(ActionFailure, match="only supported parameter for 'k8s_cp'"):
        await run("kubernetes.core.helm", make_context(), state="to_pod", local_path="data")
    with pytest.raises(ActionFailure, match="only a supported parameter for the 'k8s' module"):
        await run("kubernetes.core.k8s_info", make_context(), template="x")
    session.spec = ConnectionSpec(name="a")
    await run("kubernetes.core.helm", make_context(), kubeconfig="/etc/there", src="/there")
    assert session.calls.pop().args == {"kubeconfig": "/etc/there", "src": "/there"}


async def test_what_a_container_got_is_made_readable(make_context: Make, session: Any) -> None:
    def hidden(text: str) -> str:
        return "=S=" + base64.b64encode(bytes(byte ^ 7 for byte in text.encode())).decode()

    told = {"scrambled_diff": base64.b64encode(b"\x07").decode(), "before": hidden("old"), "after": hidden("néw")}
    session.answer = lambda call: {"changed": True, "diff": {**told, "before_header": "x"}}
    found = await run("community.docker.docker_container_copy_into", make_context(), path="/x")
    assert found["diff"] == {"before": "old", "after": "néw", "before_header": "x"}
    assert session.calls[0].args["_max_file_size_for_diff"] > 0


async def test_shutdown(make_context: Make, session: Any) -> None:
    name = "community.general.shutdown"
    session.command = CommandResult(0, b"/sbin/shutdown\n", b"")
    facts = {"distribution": "Debian", "os_family": "Debian"}
    found = await run(name, make_context(ansible_facts=facts), delay=130, msg="it's over")
    assert found["shutdown"] and found["shutdown_command"] == "/sbin/shutdown -h 2 'it'\"'\"'s over'"
    assert session.commands[-1] == found["shutdown_command"] and not session.calls
    session.answer = lambda call: {"ansible_facts": {"ansible_distribution": "Alpine", "ansible_os_family": "Alpine"}}
    session.commands.clear()
    found = await run(name, make_context(check=True))
    assert found["shutdown_command"] == "/sbin/shutdown"
    assert "for n in poweroff; do for d in /sbin " in session.commands[0]
    assert len(session.commands) == 1  # in check mode it is looked for, and not called
    session.command = CommandResult(1, b"", b"no")
    with pytest.raises(ActionFailure, match="unable to shutdown"):
        await run(name, make_context(ansible_facts=facts))
    session.spec = ConnectionSpec(name="a", kind="local")
    with pytest.raises(ActionFailure, match="would shutdown the control node"):
        await run(name, make_context(ansible_facts=facts))


async def test_a_file_for_s3_is_the_hosts_or_ours(make_context: Make, session: Any, tmp_path: Path) -> None:
    there = {"exists": False}
    session.answer = lambda call: {"stat": there, "path": "/tmp/made"}
    (tmp_path / "mine").write_text("x")
    await run("amazon.aws.s3_object", make_context(), src="mine", bucket="b")
    assert [call.module for call in session.calls] == ["stat", "tempfile", "copy", "amazon.aws.s3_object", "file"]
    assert session.calls[3].args == {"src": "/tmp/made/mine", "bucket": "b"}
    for source, exists in (("mine", True), ("nowhere", False)):
        there["exists"] = exists
        session.calls.clear()
        await run("amazon.aws.s3_object", make_context(), src=source)
        assert session.calls[-1].args == {"src": source} and len(session.calls) == 2


SOPS = """
class Sops:
    @staticmethod
    def decrypt(path, get_option_value=None):
        if get_option_value("age_key") != "right":
            raise Exception("sops exited with code 128")
        return open(path).read()
"""


async def test_variables_of_sops(make_context: Make, install: Make, tmp_path: Path) -> None:
    name = "community.sops.load_vars"
    install({"community.sops/plugins/module_utils/sops.py": SOPS})
    (tmp_path / "vars").mkdir()
    (tmp_path / "vars/secret.yml").write_text("a: '{{ x }}'\nb: [1]\n")
    context = make_context(x="found")
    given = {"file": "secret.yml", "age_key": "right"}
    plain = await run(name, context, **given)
    assert plain["ansible_facts"] == {"a": "{{ x }}", "b": [1]} and plain["_censored"]
    assert type(plain["ansible_facts"]["a"]) is str  # and so no template
    assert (await run(name, context, **given, expressions="evaluate-on-load"))["ansible_facts"]["a"] == "found"
    lazy = await run(name, context, **given, expressions="lazy-evaluation", name="held")
    assert isinstance(lazy["ansible_facts"]["held"]["a"], SourceText) and lazy["_included"]
    for args, said in (
        ({"file": "secret.yml"}, "code 128"),
        ({**given, "expressions": "never"}, "value of expressions must be one of"),
        ({**given, "file": "nope.yml"}, "Could not find or access"),
        ({}, "missing required arguments: file"),
    ):
        with pytest.raises(ActionFailure, match=said):
            await run(name, context, **args)


async def test_rules_that_shut_out_are_taken_back(
    make_context: Make, session: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The order of things, with a host that is gone for a while; asleep for no time."""
    name = "community.general.iptables_state"
    module = action(name)
    naps: list[float] = []

    async def nap(seconds: float) -> None:
        naps.append(seconds)

    monkeypatch.setattr(module.asyncio, "sleep", nap)  # type: ignore[union-attr]
    states = iter([{"finished": False}, {"finished": False}, {"finished": True, "changed": True, "applied": True}])
    gone = iter([True, True, False])
    done: list[str] = []

    def answer(call: Any) -> dict[str, Any]:
        done.append(call.args.get("mode") or ("start" if call.background else call.module))
        return next(states) if call.module == "async_status" and "mode" not in call.args else {"ansible_job_id": "j"}

    async def raw(command: str, *_: Any) -> CommandResult:
        done.append(command)
        if command.startswith("rm") and next(gone):
            raise UnreachableError("dropped", where="a")
        return CommandResult(0, b"", b"")

    session.answer, session.raw = answer, raw
    context = make_context()
    context.asynchronous, context.poll = 7, 0
    found = await run(name, context, state="restored", path="/rules")
    assert found == {"changed": True, "applied": True}
    assert session.calls[0].args["_timeout"] == 7 and session.calls[0].background["limit"] > 7
    back = "~/.ansible_async/iptables.state"
    touch = f"mkdir -p ~/.ansible_async && touch {back}.starter"
    assert done == ["start", "async_status", touch, *[f"rm -f {back}"] * 3, *["async_status"] * 2, "cleanup"]
    assert naps
    context.poll = 5
    with pytest.raises(ActionFailure, match="no rollback with 'poll'"):
        await run(name, context, state="restored", path="/rules")
    with pytest.raises(ActionFailure, match="Invalid options for community"):
        await run(name, context, name="x")
    context.asynchronous = 0
    session.answer = lambda call: {"changed": True}
    warned = await run(name, context, state="restored", path="/rules")
    assert "no rollback without 'async'" in warned["warnings"][0]


async def test_a_private_key_is_made_kept_converted_and_refused(make_context: Make, session: Any) -> None:
    name = "community.crypto.openssl_privatekey_pipe"

    async def pipe(**args: Any) -> Result:
        return await run(name, make_context(), **args)

    made = await pipe(type="ECC", curve="secp256r1")
    key = made["privatekey"]
    assert made["changed"] is True and key.startswith("-----BEGIN EC PRIVATE KEY-----")
    assert (made["type"], made["curve"], made["size"]) == ("ECC", "secp256r1", 4096)
    kept = await pipe(type="ECC", curve="secp256r1", content=key)
    assert kept["changed"] is False and "privatekey" not in kept and kept["fingerprint"] == made["fingerprint"]
    shown = await pipe(type="ECC", curve="secp256r1", content=key, return_current_key=True)
    assert shown["privatekey"] == key
    other = await pipe(type="ECC", curve="secp384r1", content=key)
    assert other["changed"] is True and other["fingerprint"] != made["fingerprint"]
    again = {"type": "ECC", "curve": "secp256r1", "content": key, "format": "pkcs8"}
    converted = await pipe(**again, format_mismatch="convert")
    assert converted["privatekey"].startswith("-----BEGIN PRIVATE KEY-----")
    assert converted["changed"] is True and converted["fingerprint"] == made["fingerprint"]
    raw = await pipe(type="Ed25519", format="raw")
    encoded = {"content": raw["privatekey"], "content_base64": True, "format": "raw"}
    assert (await pipe(type="Ed25519", **encoded))["fingerprint"] == raw["fingerprint"]
    locked = (await pipe(type="X25519", passphrase="secret"))["privatekey"]
    assert locked.startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")
    assert (await pipe(type="X25519", passphrase="secret", content=locked))["changed"] is False
    assert (await pipe(type="X25519", passphrase="other", content=locked))["changed"] is True
    for args, said in (
        ({"type": "ECC"}, "type is ECC but all of the following are missing: curve"),
        ({"type": "X448", "content": key, "regenerate": "fail"}, "Key has wrong type"),
        ({**again, "regenerate": "fail"}, "Key has wrong format"),
        ({"content": "nonsense", "regenerate": "never"}, "Unable to read the key"),
        ({"type": "RSA", "format": "raw", "size": 1024}, "cannot serialize"),
        ({"content": "x", "content_base64": True}, "Cannot decode Base64"),
    ):
        with pytest.raises(ActionFailure, match=said):
            await pipe(**args)
    assert session.calls == []
