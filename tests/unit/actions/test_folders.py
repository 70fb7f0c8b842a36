from __future__ import annotations

from pathlib import PurePath

from stella_ops.actions._folders import listing


def test_what_is_below_a_folder_and_what_links_stand_for(tmp_path):
    source = tmp_path / "source"
    (source / "a/b").mkdir(parents=True)
    (source / "a/b/file").touch()
    (tmp_path / "outside/in").mkdir(parents=True)
    (tmp_path / "outside/in/far").touch()
    (source / "to_folder").symlink_to("../outside")
    (source / "a/to_file").symlink_to("b/file")
    (source / "a/b/up").symlink_to("../..")
    (source / "broken").symlink_to("nowhere")

    found = listing(source, follow=True)
    assert [[str(name) for name in level] for level in found.folders] == [
        ["."],
        ["a", "to_folder"],
        ["a/b", "to_folder/in"],
    ]
    assert found.files == [
        (source / "a/b/file", PurePath("a/b/file")),
        (source / "a/b/file", PurePath("a/to_file")),
        (source / "to_folder/in/far", PurePath("to_folder/in/far")),
    ]
    assert found.links == [("../..", PurePath("a/b/up")), ("nowhere", PurePath("broken"))]

    kept = listing(source, follow=False)
    assert [name for _, name in kept.files] == [PurePath("a/b/file")]
    assert {str(name): text for text, name in kept.links} == {
        "a/b/up": "../..",
        "a/to_file": "b/file",
        "broken": "nowhere",
        "to_folder": "../outside",
    }
