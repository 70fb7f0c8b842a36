from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stella_ops.errors import PlaybookError
from stella_ops.origins import Origin, SourceText
from stella_ops.playbook.free_form import COMMAND_OPTIONS, parse_text, split_words

PLACE = Origin("site.yml", 3, 7)


def parsed(text: str, *, free_form: bool = False) -> dict[str, str]:
    return {name: str(value) for name, value in parse_text(SourceText(text, PLACE), free_form=free_form).items()}


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("src=a dest=/b/c", {"src": "a", "dest": "/b/c"}),
        ('src=a dest="b c"', {"src": "a", "dest": "b c"}),
        ("dest='b c'  mode=0644 ", {"dest": "b c", "mode": "0644"}),
        ("msg={{ a | join(' - ') }} x=1", {"msg": "{{ a | join(' - ') }}", "x": "1"}),
        ('msg="{{ a["b"] }}"', {"msg": '{{ a["b"] }}'}),
        ("line=a=b=c", {"line": "a=b=c"}),
        ("empty= x=1", {"empty": "", "x": "1"}),
        (r'msg="a\nb\t\"c\""', {"msg": 'a\nb\t"c"'}),
        (r"msg=\u00e9", {"msg": "é"}),
        ("src=a \\\n  dest=b", {"src": "a", "dest": "b"}),
        ("msg='don\\'t'", {"msg": "don't"}),
        ("words that are none x=1", {"_raw_params": "words that are none", "x": "1"}),
        ("{% if a == 'x y' %}b{% endif %} c=1", {"_raw_params": "{% if a == 'x y' %}b{% endif %}", "c": "1"}),
        ("", {}),
    ],
)
def test_named_arguments(text: str, wanted: dict[str, str]) -> None:
    assert parsed(text) == wanted


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("make  -j2   install", {"_raw_params": "make  -j2   install"}),
        ("creates=/usr/bin/x make install", {"creates": "/usr/bin/x", "_raw_params": "make install"}),
        (
            "make install creates='/a b' chdir=/src",
            {"creates": "/a b", "chdir": "/src", "_raw_params": "make install"},
        ),
        ("dd if=/dev/zero of=/x", {"_raw_params": "dd if=/dev/zero of=/x"}),
        ("FOO=bar env | grep FOO=", {"_raw_params": "FOO=bar env | grep FOO="}),
        ('echo "creates=/x"', {"_raw_params": 'echo "creates=/x"'}),
        (
            "set -e\nfor i in 1 2; do\n  echo $i\ndone\n",
            {"_raw_params": "set -e\nfor i in 1 2; do\n  echo $i\ndone\n"},
        ),
        (r"printf 'a\nb'", {"_raw_params": r"printf 'a\nb'"}),
        ("echo it's", {"_raw_params": "echo it's"}),
        ("cat <<'E'\nit's\nE", {"_raw_params": "cat <<'E'\nit's\nE"}),
        ("stdin='a b' cat", {"stdin": "a b", "_raw_params": "cat"}),
    ],
)
def test_commands_stay_verbatim(text: str, wanted: dict[str, str]) -> None:
    assert parsed(text, free_form=True) == wanted


def test_a_value_knows_its_place() -> None:
    args = parse_text(SourceText("a=b rest", PLACE), free_form=False)
    assert {value.origin for value in args.values()} == {PLACE}


@pytest.mark.parametrize("text", ["a='b", 'a="b', "a={{ b", "a={% b"])
def test_what_is_not_closed_is_an_error_with_its_place(text: str) -> None:
    with pytest.raises(PlaybookError, match="is not closed") as caught:
        parsed(text)
    assert caught.value.where == "site.yml:3:7"


names = st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True)
values = st.text(alphabet=string.ascii_letters + string.digits + " =/.,:;-_éß$%&()[]", max_size=20)


@given(st.dictionaries(names, values, max_size=6), st.sampled_from([" ", "  ", "\n", " \n  "]))
def test_quoted_values_come_back_as_they_were(pairs: dict[str, str], space: str) -> None:
    text = space.join(f'{name}="{value}"' for name, value in pairs.items())
    assert parsed(text) == pairs


words = st.lists(st.text(alphabet=string.ascii_letters + "/-.='\"$|", min_size=1, max_size=10), max_size=8)


@given(words)
def test_a_command_without_options_is_kept_to_the_letter(parts: list[str]) -> None:
    text = " ".join(parts)
    if any(f"{option}=" in text for option in COMMAND_OPTIONS):
        return
    assert parsed(text, free_form=True).get("_raw_params", "") == text


@given(st.text(alphabet="ab ='\"{}%#\\\n\t", max_size=30))
def test_words_cover_the_text_and_never_overlap(text: str) -> None:
    try:
        found = split_words(text)
    except ValueError:
        return
    end = 0
    for word in found:
        assert word.start >= end
        assert not text[end : word.start].strip()
        assert text[word.start : word.start + len(word.text)] == word.text
        end = word.start + len(word.text)
    assert not text[end:].strip()
