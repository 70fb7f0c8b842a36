"""2,000 hosts in memory: what a task costs must not grow with the number of hosts."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

PLAY = """
- hosts: all
  gather_facts: false
  vars: {x: "{{ inventory_hostname }}-{{ y }}", y: 1}
  tasks:
    - command: echo {{ x }}
      register: r
      notify: tell
    - debug: msg="{{ r.stdout }} {{ ansible_play_hosts | length }}"
    - command: echo
      failed_when: inventory_hostname is search('[13579]$')
    - set_fact: {f: "{{ x }}", of_first: "{{ hostvars['h0'].r.stdout }}"}
    - ping:
      become: true
  handlers:
    - name: tell
      debug: msg="{{ of_first }}"
"""


async def _cost(play: Callable[..., Any], hosts: int) -> float:
    text = "[web]\n" + "".join(f"h{n} ansible_host=10.0.{n // 250}.{n % 250}\n" for n in range(hosts))
    began = time.process_time()
    played = await play(PLAY, hosts=text + "[all:vars]\nansible_become_password=not-so-secret\n")
    took = time.process_time() - began
    recap = played.recap
    assert len(recap) == hosts and recap["h1"].failed == 1 and recap["h2"].ok == 6
    return took


async def test_cost_is_linear(play: Callable[..., Any]) -> None:
    await _cost(play, 50)  # templates compiled, modules imported
    few = await _cost(play, 400)
    many = await _cost(play, 2000)
    # Five times the hosts: linear is 5, quadratic 25.
    assert many / few < 12, (few, many)
    assert many / (2000 * 5) < 0.003, many
