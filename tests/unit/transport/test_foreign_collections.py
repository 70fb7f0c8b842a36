"""What of collections travels with one of their modules."""

from __future__ import annotations

from pathlib import Path

import pytest

from stella_ops.collections import current
from stella_ops.errors import TaskError
from stella_ops.transport.foreign import Foreign, read_foreign

BASIC = "from ansible.module_utils.basic import AnsibleModule\n"
FILES = {
    "a.b/plugins/module_utils/one.py": "from .deep import two\nfrom ansible.module_utils.facts import ansible_facts\n",
    "a.b/plugins/module_utils/deep/two.py": "from ansible_collections.c.d.plugins.module_utils import far\n",
    "a.b/plugins/module_utils/pack/__init__.py": "from . import inner\n",
    "a.b/plugins/module_utils/pack/inner.py": "",
    "c.d/plugins/module_utils/far.py": "",
    "a.b/meta/runtime.yml": "plugin_routing: {module_utils: {gone: {redirect: c.d.far},"
    " going: {redirect: c.d.far, deprecation: {removal_version: 3.0.0, warning_text: soon}},"
    " dead: {tombstone: {removal_version: 2.0.0}}}}",
    "community.docker/plugins/module_utils/common.py": "",
}
PACKAGE = "ansible_collections.a.b.plugins.module_utils"


def read(install, tmp_path: Path, source: str, name: str = "a.b.m") -> Foreign:
    install({**FILES, "a.b/plugins/modules/m.py": BASIC + source})
    path = tmp_path / "here/ansible_collections/a/b/plugins/modules/m.py"
    found = read_foreign(name, path, path.read_bytes(), ())
    assert found is not None
    return found


def test_what_it_imports_and_what_that_imports(install, tmp_path: Path) -> None:
    found = read(install, tmp_path, f"from {PACKAGE}.one import x\nfrom ..module_utils.pack import y\n")
    far = "ansible_collections.c.d.plugins.module_utils.far"
    assert set(found.utils) == {
        *(f"{PACKAGE}.{name}" for name in ("one", "deep.two", "pack.__init__", "pack.inner")),
        far,
    }
    assert "stella_ops.remote.lib.module_utils.facts" in found.libs
    assert found.package == "ansible_collections.a.b.plugins.modules"


def test_in_a_folder(install, tmp_path: Path) -> None:
    found = read(install, tmp_path, "from ...module_utils import pack\n", "a.b.sub.m")
    assert f"{PACKAGE}.pack.inner" in found.utils
    assert found.package == "ansible_collections.a.b.plugins.modules.sub"


def test_other_names(install, tmp_path: Path) -> None:
    builtin = "ansible_collections.ansible.builtin.plugins.module_utils.urls"
    found = read(install, tmp_path, f"from {PACKAGE}.gone import x\nimport {builtin}\n")
    assert found.aliases == {
        f"{PACKAGE}.gone": "ansible_collections.c.d.plugins.module_utils.far",
        builtin: "ansible.module_utils.urls",
    }
    assert "stella_ops.remote.lib.module_utils.urls" in found.libs


def test_what_moved_to_a_collection_before_there_were_any(install, tmp_path: Path) -> None:
    found = read(install, tmp_path, "from ansible.module_utils.docker.common import x\n")
    common = "ansible_collections.community.docker.plugins.module_utils.common"
    assert found.aliases == {"ansible.module_utils.docker": common, "ansible.module_utils.docker.common": common}
    assert common in found.utils
    with pytest.raises(TaskError, match="Could not find imported module support code"):
        read(install, tmp_path, "from ansible.module_utils.azure_rm_common import x\n")


def test_what_goes_and_what_has_gone(install, tmp_path: Path) -> None:
    said: list[str] = []
    install(FILES)
    current().listen(lambda notice: said.append(notice.text))
    assert f"{PACKAGE}.going" in read(install, tmp_path, f"from {PACKAGE}.going import x\n").aliases
    current().listen(None)
    with pytest.raises(TaskError, match=r"dead has been removed\. This feature was removed from collection 'a\.b'"):
        read(install, tmp_path, f"from {PACKAGE}.dead import x\n")


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        (f"from {PACKAGE}.none import x", "looked in"),
        ("from ansible_collections.x.y.plugins.module_utils.z import w", "the collection 'x.y' is not installed"),
        ("from ansible_collections.x.y.plugins.module_utils import z", "the collection 'x.y' is not installed"),
        ("from ..module_utils.none import x", "looked in"),
        ("from ..module_utils import none", "looked in"),
    ],
)
def test_what_is_nowhere(install, tmp_path: Path, line: str, hint: str) -> None:
    with pytest.raises(TaskError, match="Could not find imported module support code") as caught:
        read(install, tmp_path, line)
    assert hint in (caught.value.hint or "")
    read(install, tmp_path, f"try:\n    {line}\nexcept ImportError:\n    pass\n")
