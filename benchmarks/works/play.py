"""A play of 21 tasks as people write them, first on hosts that have nothing, then again with nothing to change."""

from __future__ import annotations

import random

from benchmarks.works.steps import Command, Copy, Directory, Facts, Line, Part, Stat, Template, Work

_TEMPLATE = """\
# Service {number} on {{{{ host_name }}}}, kernel {{{{ host_kernel }}}}
[service]
name = service-{number}
{{% for worker in range(12) %}}
worker.{{{{ worker }}}} = {{{{ host_name }}}}-{number}-{{{{ "%02d" | format(worker) }}}}
{{% endfor %}}
{{% if host_kernel %}}
kernel = {{{{ host_kernel }}}}
{{% endif %}}
restart = on-failure
"""
_PAYLOAD = 100 * 1024
_ASKED = {"pyinfra": 2.4, "ansible": 30.0, "mitogen": 10.0, "bare": 0.5}

WORK = Work(
    name="play",
    hosts=20,
    steps=(
        Facts(),
        *(Directory(f"d{number}") for number in range(5)),
        *(Template(f"service{number}.conf.j2", f"d{number}/service.conf") for number in range(5)),
        *(Copy(f"payload{number}.bin", f"d{number}/payload.bin") for number in range(3)),
        Line("d0/line", "limit = 4096"),
        *(Command(f"command{number}") for number in range(5)),
        Stat("d0/payload.bin"),
    ),
    parts=(
        Part(name="play", title="play of 21 tasks, first run", asked=_ASKED),
        Part(name="again", title="the same again, nothing to change", asked=_ASKED),
    ),
    materials={
        **{f"service{number}.conf.j2": _TEMPLATE.format(number=number).encode() for number in range(5)},
        **{f"payload{number}.bin": random.Random(number).randbytes(_PAYLOAD) for number in range(3)},
    },
)
