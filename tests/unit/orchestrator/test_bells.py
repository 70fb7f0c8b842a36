import asyncio
import threading

from stella_ops.orchestrator.bells import Bells, rung


async def test_a_bell_wakes_its_own_agent_only():
    bells = Bells()
    with bells.listen("a") as a, bells.listen("b") as b:
        bells.ring("a")
        await rung(a, 30)
        assert not a.is_set(), "it is silent again"
        assert not b.is_set()


async def test_a_ring_before_the_wait_is_not_lost():
    bells = Bells()
    with bells.listen("a") as bell:
        bells.ring("a")
        await asyncio.wait_for(rung(bell, 30), 5)


async def test_from_another_thread():
    bells = Bells()
    with bells.listen("a") as bell:
        threading.Thread(target=bells.ring_from_thread, args=("a",)).start()
        await asyncio.wait_for(rung(bell, 30), 5)


async def test_time_over_and_the_end():
    bells = Bells()
    with bells.listen("a") as bell:
        await rung(bell, 0.01)
        bells.stop()
        assert bells.stopped
        await asyncio.wait_for(rung(bell, 30), 5)
    assert not bells._waiting


def test_nobody_waits():
    bells = Bells()
    bells.ring("a")
    bells.ring_from_thread("a")
