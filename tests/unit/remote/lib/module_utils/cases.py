"""What modules ask of ``ansible.module_utils``; what ansible-core answers stands in ``recorded.json``.

Run with an interpreter and a word: ``ours`` (with the folder of stella_ops) or ``peer`` (an interpreter that has
ansible-core); prints JSON. ``record.py`` writes ``recorded.json``.
"""

import io
import json
import os
import re
import signal
import sys
import tempfile

ENV = "env_fallback"  # stands for the function

# Specification, further arguments of AnsibleModule, parameters.
SPECS = [
    [{"a": {}}, {}, {"a": "x"}],
    [{"a": {}}, {}, {}],
    [{"a": {"type": "str"}}, {}, {"a": 5}],
    [{"a": {"type": "str"}}, {}, {"a": [1, "b"]}],
    [{"a": {"type": "str"}}, {}, {"a": True}],
    [{"a": {"type": "str"}}, {}, {"a": None}],
    [{"a": {"type": "str", "required": True}}, {}, {"a": None}],
    [{"a": {"type": "str", "default": "d"}}, {}, {"a": None}],
    [{"a": {"type": "str", "default": "d"}}, {}, {}],
    [{"a": {"type": "int"}}, {}, {"a": "12"}],
    [{"a": {"type": "int"}}, {}, {"a": " 12 "}],
    [{"a": {"type": "int"}}, {}, {"a": "1.0"}],
    [{"a": {"type": "int"}}, {}, {"a": 1.5}],
    [{"a": {"type": "int"}}, {}, {"a": "x"}],
    [{"a": {"type": "int"}}, {}, {"a": True}],
    [{"a": {"type": "int"}}, {}, {"a": [1]}],
    [{"a": {"type": "float"}}, {}, {"a": "1.25"}],
    [{"a": {"type": "float"}}, {}, {"a": "x"}],
    [{"a": {"type": "float"}}, {}, {"a": 3}],
    [{"a": {"type": "bool"}}, {}, {"a": "yes"}],
    [{"a": {"type": "bool"}}, {}, {"a": "OFF"}],
    [{"a": {"type": "bool"}}, {}, {"a": 1}],
    [{"a": {"type": "bool"}}, {}, {"a": []}],
    [{"a": {"type": "list"}}, {}, {"a": "a, b"}],
    [{"a": {"type": "list"}}, {}, {"a": 5}],
    [{"a": {"type": "list"}}, {}, {"a": ""}],
    [{"a": {"type": "list"}}, {}, {"a": {"b": 1}}],
    [{"a": {"type": "list", "elements": "int"}}, {}, {"a": "1,2"}],
    [{"a": {"type": "list", "elements": "int"}}, {}, {"a": [1, "x", "y"]}],
    [{"a": {"type": "list", "elements": "str", "choices": ["x", "y"]}}, {}, {"a": ["x", "z", "w"]}],
    [{"a": {"type": "list", "elements": "path"}}, {}, {"a": ["$HOME/x", "~"]}],
    [{"a": {"type": "dict"}}, {}, {"a": "k=v, l='m n'"}],
    [{"a": {"type": "dict"}}, {}, {"a": '{"k": [1]}'}],
    [{"a": {"type": "dict"}}, {}, {"a": "{'k': None}"}],
    [{"a": {"type": "dict"}}, {}, {"a": "{broken"}],
    [{"a": {"type": "dict"}}, {}, {"a": "words"}],
    [{"a": {"type": "dict"}}, {}, {"a": "k=v words"}],
    [{"a": {"type": "dict"}}, {}, {"a": [1]}],
    [{"a": {"type": "path"}}, {}, {"a": "$HOME/b"}],
    [{"a": {"type": "raw"}}, {}, {"a": {"b": [1]}}],
    [{"a": {"type": "json"}}, {}, {"a": {"b": [1]}}],
    [{"a": {"type": "jsonarg"}}, {}, {"a": ' {"b": 1} '}],
    [{"a": {"type": "json"}}, {}, {"a": 5}],
    [{"a": {"type": "bytes"}}, {}, {"a": "10K"}],
    [{"a": {"type": "bytes"}}, {}, {"a": "10 MB"}],
    [{"a": {"type": "bytes"}}, {}, {"a": "10Mb"}],
    [{"a": {"type": "bits"}}, {}, {"a": "1Mb"}],
    [{"a": {"type": "bits"}}, {}, {"a": "x"}],
    [{"a": {"choices": ["x", "y"]}}, {}, {"a": "z"}],
    [{"a": {"choices": ["x", "y"], "default": "x"}}, {}, {}],
    [{"a": {"choices": ["yes", "no"]}}, {}, {"a": True}],
    [{"a": {"choices": ["on", "yes", "no"]}}, {}, {"a": True}],
    [{"a": {"type": "int", "choices": [1, 2]}}, {}, {"a": "2"}],
    [{"a": {"type": "int", "choices": [1, 2]}}, {}, {"a": 3}],
    [{"a": {"choices": "xy"}}, {}, {"a": "x"}],
    [{"a": {"aliases": ["b", "c"]}}, {}, {"b": "x"}],
    [{"a": {"aliases": ["b", "c"]}}, {}, {"a": "y", "b": "x"}],
    [
        {"a": {"aliases": ["b"], "deprecated_aliases": [{"name": "b", "version": "9.0", "collection_name": "x.y"}]}},
        {},
        {"b": 1},
    ],
    [{"a": {"aliases": ["b"], "required": True}}, {}, {}],
    [{"a": {"aliases": "b"}}, {}, {"a": 1}],
    [{"a": {"required": True, "default": 1}}, {}, {"a": 1}],
    [{"a": {"required": True}, "b": {"required": True}}, {}, {}],
    [{"a": {}, "b": {"aliases": ["bb"]}}, {}, {"c": 1, "d": 2}],
    [{"a": {"removed_in_version": "5.0", "removed_from_collection": "x.y"}}, {}, {"a": 1}],
    [{"a": {"removed_at_date": "2030-01-01"}}, {}, {"a": 1}],
    [{"a": {}, "b": {}}, {"mutually_exclusive": [["a", "b"]]}, {"a": 1, "b": 2}],
    [{"a": {}, "b": {}}, {"mutually_exclusive": ["a", "b"]}, {"a": 1, "b": 2}],
    [{"a": {}, "b": {"default": 1}}, {"mutually_exclusive": [["a", "b"]]}, {"a": 1}],
    [{"a": {}, "b": {}}, {"required_together": [["a", "b"]]}, {"a": 1}],
    [{"a": {}, "b": {}}, {"required_one_of": [["a", "b"]]}, {}],
    [{"a": {}, "b": {}, "c": {}}, {"required_if": [["a", "x", ["b", "c"]]]}, {"a": "x", "b": 1}],
    [{"a": {}, "b": {}, "c": {}}, {"required_if": [["a", "x", ["b", "c"], True]]}, {"a": "x"}],
    [{"a": {}, "b": {}, "c": {}}, {"required_if": [["a", "x", ["b", "c"], True]]}, {"a": "x", "c": 1}],
    [{"a": {"default": "x"}, "b": {}}, {"required_if": [("a", "x", ("b",))]}, {}],
    [{"a": {}, "b": {}, "c": {}}, {"required_by": {"a": ["b", "c"]}}, {"a": 1, "c": 2}],
    [{"a": {}, "b": {}}, {"required_by": {"a": "b"}}, {"a": 1}],
    [{"a": {"fallback": [ENV, ["MU_THERE"]]}}, {}, {}],
    [{"a": {"fallback": [ENV, ["MU_NOT_THERE"]], "default": "d"}}, {}, {}],
    [{"a": {"type": "int", "fallback": [ENV, ["MU_NOT_THERE", "MU_THERE"]]}}, {}, {}],
    [{"a": {"no_log": True}, "b": {}}, {}, {"a": "hush", "b": "not hush at all"}],
    [{"a": {"no_log": True, "default": "quiet"}, "b": {}}, {}, {"b": "be quiet"}],
    [{"a": {"no_log": True, "type": "dict"}, "b": {}}, {}, {"a": {"k": ["s1", 42]}, "b": "s1 42"}],
    [{"a": {"no_log": True, "type": "int"}}, {}, {"a": "hidden"}],
    [{"password": {}}, {}, {"password": "x"}],
    [{"pass_phrase": {"no_log": False}}, {}, {"pass_phrase": "x"}],
    [
        {"a": {"type": "dict", "options": {"b": {"type": "int", "required": True}, "c": {"default": "d"}}}},
        {},
        {"a": {"b": "1"}},
    ],
    [{"a": {"type": "dict", "options": {"b": {"type": "int", "required": True}}}}, {}, {"a": {}}],
    [{"a": {"type": "dict", "options": {"b": {"type": "int"}}}}, {}, {"a": {"b": "x"}}],
    [{"a": {"type": "dict", "options": {"b": {"choices": [1, 2], "type": "int"}}}}, {}, {"a": {"b": 5}}],
    [{"a": {"type": "dict", "options": {"b": {"type": "int"}}}}, {}, {"a": {"c": "x"}}],
    [{"a": {"type": "dict", "options": {"b": {"type": "int"}}}}, {}, {"a": "b=3"}],
    [{"a": {"type": "dict", "options": {"b": {"default": 1}}, "apply_defaults": True}}, {}, {}],
    [{"a": {"type": "dict", "options": {"b": {"default": 1}}}}, {}, {}],
    [
        {
            "a": {
                "type": "list",
                "elements": "dict",
                "options": {"b": {"aliases": ["x"]}, "c": {}},
                "required_together": [["b", "c"]],
            }
        },
        {},
        {"a": [{"x": 1, "c": 2}, {"b": 1}]},
    ],
    [{"a": {"type": "list", "elements": "dict", "options": {"b": {}}, "required_one_of": [["b"]]}}, {}, {"a": [{}]}],
    [{"a": {"type": "list", "elements": "dict", "options": {"b": {}}}}, {}, {"a": ["b=1"]}],
    [{"a": {"type": "list", "elements": "dict", "options": {"b": {}}}}, {}, {"a": [5]}],
    [
        {
            "a": {
                "type": "dict",
                "options": {"b": {"type": "dict", "options": {"c": {"type": "list", "elements": "int"}}}},
            }
        },
        {},
        {"a": {"b": {"c": [1, "x"]}}},
    ],
    [
        {"a": {"type": "dict", "options": {"b": {"type": "dict", "options": {"c": {"required": True}}}}}},
        {},
        {"a": {"b": {}}},
    ],
    [{"a": {"type": "dict", "options": {"b": {"type": "dict", "options": {"c": {}}}}}}, {}, {"a": {"b": {"d": 1}}}],
    [{"a": {"type": "dict", "options": {"s": {"no_log": True}, "t": {}}}}, {}, {"a": {"s": "hush", "t": "hush!"}}],
    [
        {"a": {"type": "dict", "options": {"b": {}, "c": {}}, "mutually_exclusive": [["b", "c"]]}},
        {},
        {"a": {"b": 1, "c": 2}},
    ],
    [{"a": {"type": "dict", "options": {"b": {}, "c": {}}, "required_if": [["b", "x", ["c"]]]}}, {}, {"a": {"b": "x"}}],
    [{"a": {"type": "dict", "options": {"b": {}, "c": {}}, "required_by": {"b": "c"}}}, {}, {"a": {"b": "x"}}],
    [{"a": {"type": "dict", "options": {"b": {"removed_in_version": "3.0"}}}}, {}, {"a": {"b": "x"}}],
    [
        {
            "a": {
                "type": "dict",
                "options": {"b": {"aliases": ["x"], "deprecated_aliases": [{"name": "x", "date": "2030-01-01"}]}},
            }
        },
        {},
        {"a": {"x": 1}},
    ],
    [{"a": {"type": "list", "options": {"b": {}}}}, {}, {"a": [{"z": 1}]}],
    [{"a": {"elements": "int"}}, {}, {"a": "x"}],
    [{"a": {}}, {"add_file_common_args": True}, {"mode": 420, "attr": "i"}],
    [{"a": {}}, {"supports_check_mode": False}, {"_ansible_check_mode": True}],
    [
        {"a": {}},
        {"supports_check_mode": True},
        {"_ansible_check_mode": True, "_ansible_diff": True, "_ansible_verbosity": 2},
    ],
    [{"a": {}}, {}, {"b": 1, "_ansible_ignore_unknown_opts": True}],
]

SETUP = "from ansible.module_utils.basic import *\nimport ansible.module_utils.basic as basic\n"
# Statements that set ``r``; ``m`` is an AnsibleModule, ``w`` a folder that is empty.
CALLS = [
    "r = m.run_command(['echo', '$MU_THERE', 'a b'])",
    "r = m.run_command(['echo', '$MU_THERE'], expand_user_and_vars=False)",
    "r = m.run_command('echo \"a  b\" $MU_THERE')",
    "r = m.run_command('echo a; echo b >&2; exit 3', use_unsafe_shell=True)",
    "r = m.run_command(['echo', 'a b', ';', 'false'], use_unsafe_shell=True)",
    "r = m.run_command('echo $0', use_unsafe_shell=True, executable='/bin/bash')",
    "r = m.run_command(['cat'], data='x')",
    "r = m.run_command(['cat'], data='x', binary_data=True)",
    "r = m.run_command(['cat'], data=b'x', binary_data=True)",
    "r = m.run_command(['sh', '-c', 'printf \"Password: \"; read x'], prompt_regex='assword: $')",
    "r = m.run_command(['pwd'], cwd='/usr')[1]",
    "r = m.run_command(['true'], cwd='/no/such')[0]",
    "r = m.run_command(['sh', '-c', 'echo $A $B'], environ_update={'A': '1'})",
    "m.run_command_environ_update = {'B': '2'}; r = m.run_command(['sh', '-c', 'echo $A$B'], environ_update={'A': '1'})",
    "r = m.run_command(['sh', '-c', 'umask'], umask=0o27)",
    "r = m.run_command(['sh', '-c', 'echo $PATH'], path_prefix='/zz')[1].startswith('/zz:')",
    "r = repr(m.run_command(['printf', r'\\377'], encoding=None))",
    "r = repr(m.run_command(['printf', r'a\\377']))",
    "r = m.run_command(['sh', '-c', 'sleep 30 & echo x'])[:2]",
    "r = m.run_command(['echo', None, 'a'])",
    "m.run_command(['sh', '-c', 'echo o; echo e >&2; exit 2'], check_rc=True)",
    "m.run_command(['/no/such/program', '--password=x'])",
    "m.run_command(5)",
    "m.run_command(['cat'], cwd='/no/such', ignore_invalid_cwd=False)",
    "m.run_command(['x'], prompt_regex='(')",
    "r = [m._clean_args(['a', '--password', 'x', 'http://u:p@h/', '--pass=3', 'b c'])]",
    "r = heuristic_log_sanitize('http://u:p@h/x and y')",
    "r = heuristic_log_sanitize('u:p@h')",
    "r = [m.get_bin_path('sh') is not None, m.get_bin_path('no-such')]",
    "r = [m.boolean(x) for x in ('yes', 'F', 1, None, True)]",
    "m.boolean('maybe')",
    "r = [m.human_to_bytes('1.5K'), m.bytes_to_human(1536), bytes_to_human(10), bytes_to_human(8, isbits=True), human_to_bytes('2kilobyte')]",
    "r = [bytes_to_human(2**40), bytes_to_human(2048, unit='B'), human_to_bytes('3', default_unit='M'), lenient_lowercase(['A', 1])]",
    "human_to_bytes('3Q')",
    "human_to_bytes('3 Kx')",
    "human_to_bytes('3b2')",
    "f = w + '/f'; open(f, 'w').write('x'); r = [m.sha1(f), m.sha256(f), m.md5(f), m.digest_from_file(f, 'sha512')[:9], m.sha1(f + 'x')]",
    "m.digest_from_file(w, 'sha1')",
    "f = w + '/f'; open(f, 'w').write('x'); m.digest_from_file(f, 'nope')[:9]",
    "f = w + '/f'; open(f, 'w').write('x'); os.chmod(f, 0o644); d = {}; r = [m.set_mode_if_different(f, '0600', False, d), d, oct(os.stat(f).st_mode)]",
    "f = w + '/f'; open(f, 'w').write('x'); os.chmod(f, 0o640); r = [[m.set_mode_if_different(f, x, False), oct(os.stat(f).st_mode)] for x in ('u+x', 'g=u', 'a-w,o+r', 'u=rwX,g=rX,o=', 0o600, '600', 'u+s', 'o=g')]",
    "r = [m.set_mode_if_different(w, x, False) and oct(os.stat(w).st_mode) for x in ('g+s', 'o+t', 'a+X', 'u=rwx,g=,o=')]",
    "f = w + '/f'; open(f, 'w').write('x'); m.set_mode_if_different(f, 'z+x', False)",
    "f = w + '/f'; open(f, 'w').write('x'); r = [m.set_owner_if_different(f, os.getuid(), False), m.set_group_if_different(f, str(os.getgid()), True)]",
    "f = w + '/f'; open(f, 'w').write('x'); m.set_owner_if_different(f, 'no-such-user', False)",
    "f = w + '/f'; open(f, 'w').write('x'); m.set_group_if_different(f, 'no-such-group', False)",
    "m.check_mode = True; f = w + '/f'; open(f, 'w').write('x'); os.chmod(f, 0o644); d = {}; r = [m.set_mode_if_different(f, 'u+x', False, d), d, oct(os.stat(f).st_mode), m.set_mode_if_different(f + 'x', '0600', False)]",
    "r = sorted(m.load_file_common_arguments({'path': '/etc/motd', 'mode': '0644', 'owner': 'root'}).items())",
    "r = m.load_file_common_arguments({'mode': '0644'})",
    "a, b = w + '/a', w + '/b'; open(a, 'w').write('new'); open(b, 'w').write('old'); os.chmod(b, 0o604); m.atomic_move(a, b); r = [open(b).read(), oct(os.stat(b).st_mode), os.listdir(w)]",
    "os.umask(0o022); a, b = w + '/a', w + '/b'; open(a, 'w').write('new'); os.chmod(a, 0o600); m.atomic_move(a, b); r = [open(b).read(), oct(os.stat(b).st_mode), os.listdir(w)]",
    "import shutil; a = '/dev/shm/mu%d' % os.getpid(); b = w + '/b'; open(a, 'w').write('new'); open(b, 'w').write('old'); os.chmod(b, 0o640); m.atomic_move(a, b); r = [open(b).read(), oct(os.stat(b).st_mode), os.listdir(w), os.path.exists(a)]",
    "f = w + '/f'; open(f, 'w').write('x'); b = m.backup_local(f); r = [b.startswith(f + '.'), b.endswith('~'), open(b).read(), m.backup_local(f + 'x')]",
    "f = w + '/f'; open(f, 'w').write('x'); m.add_cleanup_file(f); m.do_cleanup_files(); r = os.listdir(w)",
    "f = w + '/f'; m.append_to_file(f, 'a'); m.append_to_file(f, 'b'); r = open(f).read()",
    "f = w + '/f'; open(f, 'w').write('x'); os.symlink(f, f + 'l'); os.chmod(f, 0o600); r = [sorted((k, v) for k, v in m.add_path_info({'path': p}).items() if k in ('state', 'mode', 'size')) for p in (f, f + 'l', w)] [:2]",
    "r = [m.find_mount_point('/proc/self'), m.selinux_enabled(), m.selinux_context('/'), m.is_special_selinux_path('/')]",
    "r = [m.jsonify({'a': [1, None]}), m.from_json('[1]'), m.safe_eval('[1, 2]'), m.safe_eval('x.y()')]",
    "r = [os.path.isdir(m.tmpdir), m.tmpdir == m.tmpdir, oct(os.stat(m.tmpdir).st_mode)]",
    "m.fail_on_missing_params(['a', 'zz', 'yy'])",
    "m.warn('careful'); m.warn('careful'); m.deprecate('old', version='9.9', collection_name='a.b'); m.exit_json(changed=True, x={1, 1}, y=b'by')",
    "m.exit_json(warnings=['w1', 'w2'], n=5)",
    "m.exit_json(deprecations=['a thing', {'msg': 'd3', 'version': '5.0'}])",
    "m.no_log_values.add('hush'); m.exit_json(msg='say hush now', list=['hush', {'k': 'a hush b'}], hush=1, n=True)",
    "m.no_log_values.update(['True', '1']); m.exit_json(changed=True, n=1, m=11, t='True')",
    "m.fail_json(msg='no', rc=4)",
    "m.fail_json('no', path='/no/such')",
    "f = w + '/f'; open(f, 'w').write('x'); m.exit_json(path=f)",
    "r = missing_required_lib('x', reason='for y', url='http://z').split(' on ')[0]",
    "from ansible.module_utils.common.dict_transformations import *; r = [camel_dict_to_snake_dict({'aB': {'cDe': 1}, 'targetGroupARNs': [{'xY': 1}], 'Tags': {'aB': 1}, 'HTTPEndpoint': 1}, ignore_list=['Tags']), camel_dict_to_snake_dict({'HTTPEndpoint': 1}, reversible=True), snake_dict_to_camel_dict({'a_b': [{'c_d': 1}], 'x__y': 2}), snake_dict_to_camel_dict({'a_b': 1}, capitalize_first=True)]",
    "from ansible.module_utils.common.dict_transformations import *; r = [dict_merge({'a': {'b': 1}, 'c': 2}, {'a': {'d': 3}, 'c': {'e': 1}}), recursive_diff({'a': 1, 'b': {'c': 1}}, {'b': {'c': 2}}), recursive_diff({'a': 1}, {'a': 1})]",
    "from ansible.module_utils.common.text.converters import *; r = [repr(to_bytes('\\udcff')), repr(to_text(b'\\xff')), repr(to_bytes(5)), to_text(None), repr(to_text(5, nonstring='passthru')), repr(to_text([], nonstring='empty')), repr(container_to_bytes({'a': ['b', (1,)]}))]",
    "from ansible.module_utils._text import to_text; to_text(5, nonstring='strict')",
    "from ansible.module_utils.parsing.convert_bool import *; r = [boolean('y'), boolean('x', strict=False), sorted(map(str, BOOLEANS))]",
    "from ansible.module_utils.common.collections import *; d = ImmutableDict({'a': 1}); r = [d.union({'b': 2})['b'], sorted(d.difference(['a'])), hash(d) == hash(ImmutableDict(a=1)), is_iterable('x'), is_sequence((1,)), is_string(b''), count('aab' if False else ['a', 'a'])]",
    "from ansible.module_utils.compat.version import LooseVersion as L, StrictVersion as S; r = [L('1.10') > L('1.9'), L('1.0') == '1.0', L('2.0') < '2.0.1', S('1.2b1') < S('1.2'), str(S('1.2.0')), L('1.2a').version, repr(L('1'))]",
    "from ansible.module_utils.compat.version import StrictVersion as S; S('x')",
    "from ansible.module_utils.six import *; from ansible.module_utils.six.moves import shlex_quote, range as rr, zip_longest; from ansible.module_utils.six.moves.urllib.parse import urlparse, quote; import ansible.module_utils.six.moves.urllib.error; r = [PY3, shlex_quote('a b'), list(rr(2)), urlparse('http://x/y').path, sorted(iteritems({'a': 1})), b('x') == b'x', ensure_str(b'x')]",
    "from ansible.module_utils.six import with_metaclass, add_metaclass\nclass M(type):\n    pass\nclass A(with_metaclass(M, dict)):\n    pass\n@add_metaclass(M)\nclass B(object):\n    x = 1\nr = [type(A).__name__, A.__mro__[1].__name__, type(B).__name__, B.x]",
    "from ansible.module_utils.json_utils import _filter_non_json_lines as f; r = [f('x\\n{\"a\": 1}\\ny'), f('[1]'), f('{\\n}\\n')]",
    "from ansible.module_utils.json_utils import _filter_non_json_lines as f; f('x')",
    "from ansible.module_utils.common.network import *; r = [is_netmask('255.255.0.0'), is_netmask('1.2.3.4'), to_netmask(20), to_masklen('255.255.240.0'), to_subnet('10.1.2.3', 24), to_subnet('10.1.2.3', '255.255.0.0', True), to_ipv6_subnet('2001:db8::1'), to_ipv6_network('2001:db8:1:2::1'), is_mac('00:11:22:33:44:55'), is_mac('x'), is_masklen(33), to_bits('255.0.0.0')]",
    "from ansible.module_utils.common.validation import *; r = [check_type_int('5'), check_type_list('a,b'), check_type_dict('a=1'), check_type_bool('no'), check_type_bytes('1K'), check_required_one_of([['a']], {'a': 1}), check_mutually_exclusive(None, {}), count_terms('a', {'a': 1}), check_missing_parameters({'a': 1}, ['a'])]",
    "from ansible.module_utils.common.validation import *; check_required_arguments({'a': {'required': True}}, {}, ['x', 'y'])",
    "from ansible.module_utils.common.arg_spec import ArgumentSpecValidator as V; v = V({'a': {'type': 'int'}, 'b': {'aliases': ['c']}}, required_one_of=[['a', 'b']]); x = v.validate({'a': 'x', 'z': 1}); r = [x.error_messages, sorted(x.unsupported_parameters), x.validated_parameters, type(x.errors[0]).__name__]",
    "from ansible.module_utils.common.parameters import *; r = [remove_values({'k': ['my secret', 5, None]}, ['secret', '5']), sanitize_keys({'a-secret': {'secret': 1}, 'plain': 2}, ['secret']), sanitize_keys({'secret': 1}, ['secret'], ignore_keys={'secret'})]",
    "from ansible.module_utils.common.file import *; r = [get_flags_from_attributes(['immutable']), format_attributes('iZ?'), bool(is_executable('/bin/sh')), sorted(get_file_arg_spec())]",
    "from ansible.module_utils.common.process import get_bin_path as g; r = [g('sh').endswith('/sh')]",
    "from ansible.module_utils.common.sys_info import *; r = [get_distribution(), get_distribution_version()]",
    "class A(object):\n    platform, distribution = 'x', None\nclass B(A):\n    platform = 'Linux'\nclass C(A):\n    platform, distribution = 'Linux', 'Debian'\nfrom ansible.module_utils.common.sys_info import get_platform_subclass as g; r = g(A).__name__",
    "from ansible.module_utils.common.locale import get_best_parsable_locale as g; r = [g(m) in ('C.utf8', 'C.UTF-8', 'C'), g(m, ['POSIX'])]",
    "from ansible.module_utils.urls import *; r = [sorted(url_argument_spec()), basic_auth_header('a', 'b').decode(), mask_url('http://u:p@h/'), get_user_agent(), sorted(url_redirect_argument_spec())]",
    "from ansible.module_utils.urls import fetch_url; x, i = fetch_url(m, 'http://127.0.0.1:9/x'); r = [x, i['status'], i['msg'], i['url']]",
    "from ansible.module_utils.urls import fetch_url; x, i = fetch_url(m, 'file:///etc/hostname'); r = [i['status'], i['url'], bool(x.read())]",
    "from ansible.module_utils.urls import prepare_multipart; t, b = prepare_multipart({'a': 'x', 'f': {'content': 'y', 'filename': 'z.txt'}}); r = [t.split(';')[0], b.count(b'Content-Disposition'), b'name=\"f\"' in b, b'filename=\"z.txt\"' in b, b'text/plain' in b]",
    "from ansible.module_utils.facts.utils import *; f = w + '/f'; open(f, 'w').write(' a:b: \\n'); r = [get_file_content(f), get_file_content(f, strip=False), get_file_content(f + 'x', 'd'), get_file_lines(f), get_file_lines(f, line_sep=':'), sorted(get_mount_size('/'))]",
    "from ansible.module_utils.facts.timeout import timeout, TimeoutError\n@timeout(5)\ndef f(x):\n    return x\nr = [f(3)]",
    "from ansible.module_utils.service import *; r = [sysv_exists('no-such'), get_sysv_script('x'), sysv_is_enabled('no-such')]",
    "from ansible.module_utils.service import daemonize; r = list(daemonize(m, ['sh', '-c', 'echo o; echo e >&2; exit 3']))",
    "from ansible.module_utils.service import fail_if_missing; fail_if_missing(m, False, 's', msg='host')",
    "from ansible.module_utils.api import *; r = [sorted(basic_auth_argument_spec({'x': {}})), sorted(retry_argument_spec()), len(list(generate_jittered_backoff(3)))]",
    "from ansible.module_utils.errors import *; r = [AnsibleValidationErrorMultiple([RequiredError('x')]).msg]",
    "r = [m.get_buffer_size(os.pipe()[0]) > 4000, m.params['a'], m._name, m.argument_spec]",
]
_DROPPED = ("exception", "invocation")


def run_spec(spec, more, params):
    """What a module with a specification prints: result, parameters."""
    from ansible.module_utils import basic

    made = {}
    for name, option in spec.items():
        made[name] = dict(option)
        if "fallback" in option:
            made[name]["fallback"] = (basic.env_fallback, option["fallback"][1])
    module = start(made, dict(more), dict(params))
    module.exit_json(shown=module.params, check=module.check_mode, diff=module._diff, verbosity=module._verbosity)


def start(spec, more, params):
    """An AnsibleModule."""
    from ansible.module_utils import basic

    params.setdefault("_ansible_module_name", "example")
    params["_ansible_remote_tmp"] = tempfile.gettempdir()
    basic._ANSIBLE_ARGS = json.dumps({"ANSIBLE_MODULE_ARGS": params}).encode()
    basic._ANSIBLE_PROFILE = "legacy"
    return basic.AnsibleModule(spec, **more)


def run_call(text):
    """What some statements set ``r`` to."""
    import shutil

    work = tempfile.mkdtemp()
    os.chmod(work, 0o755)
    try:
        scope = {}
        exec(SETUP, scope)
        scope.update(m=start({"a": {}}, {"supports_check_mode": True}, {"a": "1"}), w=work)
        exec(text, scope)
        print(json.dumps({"r": scope["r"]}))
    finally:
        shutil.rmtree(work)


def outcome(act, args):
    """What comes of a case, done in a child: what it prints as JSON, or how it raises."""
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(read)
        # A case that hangs must not hold the others.
        signal.alarm(8)
        said = sys.stdout = io.StringIO()
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        try:
            act(*args)
        except SystemExit:
            pass
        except BaseException as problem:
            said.truncate(0)
            said.seek(0)
            said.write(json.dumps({"raises": [type(problem).__name__, str(problem)]}))
        os.write(write, said.getvalue().encode("utf-8", "surrogateescape"))
        os._exit(0)
    os.close(write)
    with os.fdopen(read, "rb") as pipe:
        text = re.sub(r"/tmp/tmp\w+", "WORK", pipe.read().decode("utf-8", "replace").strip())
    os.waitpid(pid, 0)
    lines = [line for line in text.splitlines() if line.startswith("{")]
    found = json.loads(lines[-1]) if lines else {"printed": text}
    for name in _DROPPED:
        found.pop(name, None)
    for name in ("warnings", "deprecations"):
        if name in found:
            found[name] = [plain(told) for told in found[name]]
            found[name] = [told for told in found[name] if "Passing `" not in told[0]]
            if not found[name]:
                del found[name]
    if not found.get("printed", True):
        found["printed"] = "it hangs"
    return found


def plain(told):
    """A warning or deprecation as its text and when."""
    if isinstance(told, str):
        return [told]
    text = told["event"]["msg"] if "event" in told else told["msg"]
    return [part for part in (text, told.get("version") or told.get("date")) if part]


def main():
    os.environ["MU_THERE"] = "7"
    os.environ.pop("MU_NOT_THERE", None)
    if sys.argv[1] == "ours":
        sys.path.insert(0, sys.argv[2])
        from stella_ops.remote.lib.foreign_imports import UtilsFinder

        sys.meta_path.insert(0, UtilsFinder({}, "2.19.0"))
    import ansible.module_utils.basic  # once for all children

    wanted = [int(number) for number in sys.argv[3:]]
    found = {}
    for number, case in enumerate(SPECS):
        if not wanted or number in wanted:
            found["spec %d" % number] = [case, outcome(run_spec, case)]
    for text in CALLS:
        found[text] = [None, outcome(run_call, [text])]
    print(json.dumps(found))


if __name__ == "__main__":
    main()
