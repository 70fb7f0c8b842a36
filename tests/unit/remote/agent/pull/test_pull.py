"""The pull side in this very process: an orchestrator that goes, fails, refuses, renews; and what is kept meanwhile."""

import datetime
import json
import os
import signal
import threading
import time
from pathlib import Path

import pytest

from stella_ops.remote.agent import contact, http_client, renewal, storage
from stella_ops.remote.agent.certificate import read_certificate
from stella_ops.remote.lib import agent_config


@pytest.fixture
def pull(host, orchestrator, pulling):
    """An enrolled host's pull side, connected."""
    host.enrol(orchestrator)
    side = pulling()
    side.beat()
    side.configure()
    orchestrator.until(lambda: orchestrator.seen["heartbeats"])
    side.until(lambda: side.contact().get("state") == "connected" and side.contact().get("heartbeats") == 1)
    return side


def answer_with(*found):
    return lambda _request: found


def test_what_was_kept_while_it_was_away_is_sent_when_it_is_back(orchestrator, pull):
    orchestrator.stop()
    seqs = [pull.beat() for _ in range(30)]
    pull.until(lambda: pull.contact()["state"] == "away")
    told = pull.contact()
    assert told["attempts"] >= 1 and "refused" in told["problem"] and told["heartbeats"] == 1
    seqs += [pull.beat() for _ in range(30)]
    orchestrator.start()
    pull.side.configure(pull.side._link.values)  # as SIGHUP does: no need to wait
    orchestrator.until(lambda: set(seqs) <= set(orchestrator.seen["heartbeats"]))
    pull.until(lambda: pull.contact()["state"] == "connected" and pull.contact()["heartbeats"] == seqs[-1])
    told = pull.contact()
    assert (told["attempts"], told["problem"]) == (0, None)


def test_it_comes_back_by_itself(orchestrator, pull):
    orchestrator.stop()
    seq = pull.beat()
    pull.until(lambda: pull.contact()["attempts"] >= 3)
    orchestrator.start()
    orchestrator.until(lambda: seq in orchestrator.seen["heartbeats"])


def test_a_long_absence_is_sent_in_batches_and_nothing_twice(orchestrator, pull):
    orchestrator.stop()
    pull.spool.durable = False
    seqs = [pull.beat() for _ in range(1234)]
    before = orchestrator.paths().count("POST /v1/agents/self/heartbeat")
    orchestrator.start()
    pull.side.configure(pull.side._link.values)
    orchestrator.until(lambda: set(seqs) <= set(orchestrator.seen["heartbeats"]))
    batches = [
        [beat["seq"] for beat in r["document"]["heartbeats"]]
        for r in orchestrator.requests
        if r["path"].endswith("/heartbeat")
    ][before:]
    assert len(batches[0]) == 500
    assert sorted(seq for batch in batches for seq in batch) == seqs


def test_after_so_many_attempts_it_raises_its_status_and_goes_on_slowly(orchestrator, pull, host):
    orchestrator.configure(max_reconnect_attempts=2)
    pull.beat()
    orchestrator.until(lambda: orchestrator.seen["reports"])
    pull.configure()
    since = pull.contact()["last_contact"]
    orchestrator.stop()
    pull.beat()
    pull.until(lambda: pull.side.reasons())
    [reason] = pull.side.reasons()
    assert reason.startswith("the orchestrator has not answered since 20")
    assert since[:13] in reason
    pull.until(lambda: host.lines("orchestrator-away") and host.lines("orchestrator-away")[-1]["attempts"] == 2)
    assert 150 <= host.lines("orchestrator-away")[-1]["retry_in_seconds"] <= 300
    assert 0 in pull.woken()  # the service makes a heartbeat of it at once
    orchestrator.start()
    pull.configure()
    pull.until(lambda: not pull.side.reasons())
    pull.until(lambda: pull.contact()["state"] == "connected")


FAULTS = {
    "500": ((500, {"error": {"code": "internal", "message": "it broke"}}), "it broke"),
    "503": ((503, b"busy"), "503"),
    "garbage": ((200, b"\x00\xff garbage"), "not answered with a JSON object"),
    "a list": ((200, b"[1]"), "not answered with a JSON object"),
    "announced and huge": ((200, b"", {"X": "huge"}), "announced"),
    "a redirect": ((302, b"", {"Location": "https://127.0.0.1:1/"}), "never followed"),
}


@pytest.mark.parametrize("kind", FAULTS)
def test_faults_end_the_visit_and_lose_nothing(orchestrator, pull, kind, monkeypatch):
    answer, said = FAULTS[kind]
    if "huge" in kind:
        monkeypatch.setattr(http_client.Client.request, "__defaults__", (None, None, 100, 30.0, False))
        answer = (200, b"x" * 101)
    orchestrator.answers["POST", "/v1/agents/self/heartbeat"] = answer_with(*answer)
    seq = pull.beat()
    pull.until(lambda: pull.contact()["attempts"] >= 1 and said in (pull.contact()["problem"] or ""))
    assert pull.contact()["heartbeats"] < seq
    monkeypatch.undo()
    orchestrator.answers.clear()
    orchestrator.until(lambda: seq in orchestrator.seen["heartbeats"])


def test_it_waits_as_long_as_it_is_told(orchestrator, pull, host):
    busy = (429, {"error": {"code": "too-many", "message": "slow down"}}, {"Retry-After": "77"})
    orchestrator.answers["POST", "/v1/agents/self/heartbeat"] = answer_with(*busy)
    pull.beat()
    pull.until(lambda: host.lines("orchestrator-away"))
    assert host.lines("orchestrator-away")[-1]["retry_in_seconds"] == 77


def test_a_heartbeat_that_is_never_accepted_does_not_dam_up_the_others(orchestrator, pull, host):
    def picky(request):
        if any(beat.get("bad") for beat in request["document"]["heartbeats"]):
            return 400, {"error": {"code": "invalid", "message": "bad heartbeat"}}
        return None

    orchestrator.answers["POST", "/v1/agents/self/heartbeat"] = picky
    orchestrator.stop()
    seqs = [pull.beat(**({"bad": True} if number == 20 else {})) for number in range(50)]
    orchestrator.start()
    pull.side.configure(pull.side._link.values)
    orchestrator.until(lambda: seqs[-1] in orchestrator.seen["heartbeats"])
    assert sorted(set(seqs) - set(orchestrator.seen["heartbeats"])) == [seqs[20]]
    assert [line["seq"] for line in host.lines("heartbeat-refused")] == [seqs[20]]


def test_one_that_accepts_nothing_is_not_believed(orchestrator, pull):
    orchestrator.answers["POST", "/v1/agents/self/heartbeat"] = answer_with(400, {"error": {"code": "invalid"}})
    orchestrator.stop()
    seqs = [pull.beat() for _ in range(20)]
    orchestrator.start()
    pull.until(lambda: "answered with 400" in (pull.contact()["problem"] or ""))
    orchestrator.answers.clear()
    orchestrator.until(lambda: seqs[-1] in orchestrator.seen["heartbeats"])


def test_a_revoked_certificate_slows_it_down_and_is_told(orchestrator, pull, host):
    orchestrator.revoked.add(read_certificate(host.layout.certificate)["fingerprint_sha256"])
    pull.beat()
    pull.until(lambda: pull.contact()["state"] == "refused")
    [reason] = pull.side.reasons()
    assert "it was revoked" in reason and "enrol again" in reason
    assert host.lines("orchestrator-refused")[-1]["retry_in_seconds"] >= 270
    asked = len(orchestrator.requests)
    host.enrol(orchestrator)  # with a new certificate, and SIGHUP
    pull.configure()
    pull.until(lambda: pull.contact()["state"] == "connected")
    assert pull.side.reasons() == []
    assert orchestrator.paths()[asked:].count("POST /v1/agents/self/register") == 1


def test_without_a_certificate_it_does_not_call(host, orchestrator, pulling):
    host.enrol(orchestrator)
    os.unlink(host.layout.certificate)
    side, asked = pulling(), len(orchestrator.requests)
    side.configure()
    side.until(lambda: side.contact().get("state") == "refused")
    assert "no certificate is installed" in side.side.reasons()[0]
    assert len(orchestrator.requests) == asked


def test_a_server_of_another_ca_is_told_nothing(host, serve, orchestrator, foreign_ca, pulling):
    host.enrol(orchestrator)
    port = int(orchestrator.url.rsplit(":", 1)[1])
    orchestrator.stop()
    impostor = serve(foreign_ca, port=port)
    side = pulling()
    side.beat()
    side.configure()
    side.until(lambda: side.contact().get("attempts", 0) >= 2)
    assert "not of the fleet's CA" in side.contact()["problem"]
    assert impostor.requests == []


def test_a_configuration_that_is_refused_is_reported_once_and_the_old_one_stays(orchestrator, pull, host):
    before = Path(host.layout.config).read_bytes()
    orchestrator.configure(heartbeat_interval="soon")
    pull.beat()
    orchestrator.until(lambda: orchestrator.seen["reports"])
    [report] = orchestrator.seen["reports"]
    assert (report["status"], report["revision"]) == ("refused", orchestrator.revision)
    assert report["problems"][0].startswith("heartbeat_interval:")
    for _ in range(3):
        seq = pull.beat()
        orchestrator.until(lambda seq=seq: seq in orchestrator.seen["heartbeats"])
    assert orchestrator.paths().count("GET /v1/agents/self/config") == 1
    assert len(orchestrator.seen["reports"]) == 1
    pull.until(lambda: pull.side.reasons())
    assert "is refused: heartbeat_interval" in pull.side.reasons()[0]
    assert Path(host.layout.config).read_bytes() == before
    orchestrator.configure(heartbeat_interval="2s")
    pull.beat()
    orchestrator.until(lambda: len(orchestrator.seen["reports"]) == 2)
    assert orchestrator.seen["reports"][1]["status"] == "applied"
    pull.until(lambda: not pull.side.reasons())
    assert signal.SIGHUP in pull.woken()


@pytest.mark.parametrize("spoil", [{"agent_id": "a-2"}, {"sha": "0" * 64}])
def test_a_configuration_that_is_not_ours_is_refused(orchestrator, pull, host, spoil):
    def give(_request):
        config = {**orchestrator.config, **({"agent_id": "a-2"} if "agent_id" in spoil else {})}
        digest = spoil.get("sha") or storage.sha256(agent_config.canonical(config))
        return 200, {"revision": 9, "sha256": digest, "config": config}

    orchestrator.answers["GET", "/v1/agents/self/config"] = give
    orchestrator.configure(labels={"a": "b"})
    pull.beat()
    orchestrator.until(lambda: orchestrator.seen["reports"])
    assert orchestrator.seen["reports"][0]["status"] == "refused"
    assert json.loads(Path(host.layout.config).read_text())["agent_id"] == "a-1"


def test_the_whole_answer_is_asked_for_only_when_something_is_new(orchestrator, pull):
    for _ in range(3):
        seq = pull.beat()
        orchestrator.until(lambda seq=seq: seq in orchestrator.seen["heartbeats"])
    assert "GET /v1/agents/self/config" not in orchestrator.paths()


def short(orchestrator):
    orchestrator.validity, orchestrator.backdate = datetime.timedelta(minutes=10), datetime.timedelta(hours=1)


def test_renewal_takes_the_same_key_and_reconnects(host, orchestrator, pulling):
    short(orchestrator)
    host.enrol(orchestrator)
    before, key = read_certificate(host.layout.certificate), Path(host.layout.key).read_bytes()
    side = pulling()
    side.beat()
    side.configure()
    orchestrator.until(lambda: len(orchestrator.seen["registered"]) == 2)
    after = read_certificate(host.layout.certificate)
    assert orchestrator.seen["fingerprints"] == [before["fingerprint_sha256"], after["fingerprint_sha256"]]
    assert after["not_after"] > before["not_after"]
    assert Path(host.layout.key).read_bytes() == key
    assert signal.SIGHUP in side.woken()


@pytest.mark.parametrize("kind", ["failure", "another CA", "another key", "nonsense"])
def test_a_renewal_that_fails_leaves_the_certificate_and_is_told(host, orchestrator, pulling, foreign_ca, kind):
    short(orchestrator)
    host.enrol(orchestrator)
    before = Path(host.layout.certificate).read_bytes()

    def spoil(request):
        good = orchestrator._post_v1_agents_self_certificate(request)[1]
        other = orchestrator.issue(foreign_ca.root.public_key()).pem
        return {
            "failure": (422, {"error": {"code": "no", "message": "not now"}}),
            "another CA": (200, {**good, "ca": foreign_ca.root_pem}),
            "another key": (200, {**good, "chain": other}),
            "nonsense": (200, {"chain": "x", "ca": "y"}),
        }[kind]

    orchestrator.answers["POST", "/v1/agents/self/certificate"] = spoil
    side = pulling()
    side.beat()
    side.configure()
    side.until(lambda: any("is not renewed" in reason for reason in side.side.reasons()))
    assert Path(host.layout.certificate).read_bytes() == before
    seq = side.beat()
    orchestrator.until(lambda: seq in orchestrator.seen["heartbeats"])
    assert orchestrator.paths().count("POST /v1/agents/self/certificate") == 1


def test_when_it_renews():
    known = {"not_before": "2030-01-01T00:00:00Z", "not_after": "2031-01-01T00:00:00Z"}
    values = agent_config.with_defaults({})
    end, day = renewal._moment(known["not_after"]), 86400.0

    def due(first, **certificates):
        changed = {**values, "certificates": {**values["certificates"], **certificates}}
        return renewal.due_at({**known, "fingerprint_sha256": first + "0" * 60}, changed)

    assert due("0000") == end - 7 * day  # the threshold of seven days
    assert end - 7 * day + 1.39 * day < due("ffff") < end - 7 * day + 1.4 * day  # up to a fifth of it later
    assert due("0000", renewal_threshold="300d") == end - 365 * day / 3  # a third of its life
    assert due("0000", auto_renew=False) is None
    assert due("0000", source="file") is None


def test_tasks_are_done_at_once_and_only_those_that_read(orchestrator, pull):
    began = time.monotonic()
    asked = [
        {"id": "1", "method": "status", "params": None},
        {"id": "2", "method": "heartbeats", "params": {"after_seq": 0, "limit": 10**9}},
        {"id": "3", "method": "logs", "params": {"limit": 5}},
        {"id": "4", "method": "csr", "params": {}},
        {"id": "5", "method": "logs", "params": {"limit": 0}},
        {"id": ["x"], "method": "version"},
        "nonsense",
        {"method": "version"},
    ]
    orchestrator.give(*asked)
    orchestrator.until(lambda: len(orchestrator.results()) == 5)
    assert time.monotonic() - began < 10  # the next heartbeat would be in thirty seconds
    results = orchestrator.results()
    assert results["1"]["result"]["agent_id"] == "a-1"
    assert len(results["2"]["result"]["heartbeats"]) == 1
    assert json.loads(results["3"]["result"]["lines"][-1])["event"]
    assert len(results["3"]["result"]["lines"]) <= 5
    assert results["4"]["error"]["code"] == "not-allowed"
    assert results["5"]["error"]["code"] == "invalid-params"
    seq = pull.beat()
    pull.until(lambda: pull.contact()["heartbeats"] == seq)
    orchestrator.until(lambda: orchestrator.paths()[-1] == "GET /v1/agents/self/tasks")
    assert len(orchestrator.seen["results"]) == 5  # none is sent again


def test_a_result_that_could_not_be_sent_is_sent_later(orchestrator, pull):
    orchestrator.answers["POST", "/v1/agents/self/results"] = answer_with(503, b"")
    orchestrator.give({"id": 7, "method": "version"})
    pull.until(lambda: pull.contact()["attempts"] >= 1)
    orchestrator.answers.clear()
    orchestrator.until(lambda: 7 in orchestrator.results())


@pytest.mark.parametrize("given", [None, "text", {"a": 1}, [None, 3]])
def test_tasks_that_are_nonsense_do_no_harm(orchestrator, pull, given):
    orchestrator.answers["GET", "/v1/agents/self/tasks"] = answer_with(200, {"tasks": given})
    seq = pull.beat()
    orchestrator.until(lambda: seq in orchestrator.seen["heartbeats"])
    asked = orchestrator.paths().count("GET /v1/agents/self/tasks")
    seq = pull.beat()
    orchestrator.until(lambda: seq in orchestrator.seen["heartbeats"])
    # Who does not let it wait is not asked over and over.
    assert orchestrator.paths().count("GET /v1/agents/self/tasks") <= asked + 2
    pull.until(lambda: pull.contact()["state"] == "connected")


def test_an_orchestrator_without_tasks_logs_and_updates_will_do(orchestrator, pull):
    for method, name in (("GET", "tasks"), ("POST", "logs"), ("GET", "updates")):
        orchestrator.answers[method, "/v1/agents/self/" + name] = answer_with(404, b"")
    for _ in range(2):
        seq = pull.beat()
        orchestrator.until(lambda seq=seq: seq in orchestrator.seen["heartbeats"])
    assert pull.contact()["attempts"] == 0


def test_a_heartbeat_before_its_time_does_not_wait_for_the_long_poll(orchestrator, pull):
    orchestrator.until(lambda: "GET /v1/agents/self/tasks" in orchestrator.paths())
    seq = pull.beat()  # the one that was foretold is due in thirty seconds
    orchestrator.until(lambda: seq in orchestrator.seen["heartbeats"], seconds=10)


def test_log_lines_that_are_not_taken_do_not_end_the_visit(orchestrator, pull):
    orchestrator.answers["POST", "/v1/agents/self/logs"] = answer_with(400, {"error": {"code": "invalid"}})
    for _ in range(2):
        seq = pull.beat()
        orchestrator.until(lambda seq=seq: seq in orchestrator.seen["heartbeats"])
    orchestrator.until(lambda: orchestrator.paths()[-1] == "GET /v1/agents/self/tasks")
    assert pull.contact()["attempts"] == 0


def test_a_change_does_not_wait_for_the_long_poll(orchestrator, pull):
    orchestrator.until(lambda: "GET /v1/agents/self/tasks" in orchestrator.paths())
    began = time.monotonic()
    pull.configure()
    seq = pull.beat()
    orchestrator.until(lambda: seq in orchestrator.seen["heartbeats"])
    assert time.monotonic() - began < 10


def test_its_end_does_not_wait_either_and_the_last_heartbeat_is_sent(orchestrator, pull):
    orchestrator.until(lambda: "GET /v1/agents/self/tasks" in orchestrator.paths())
    began = time.monotonic()
    seq = pull.beat(status="stopping")
    pull.side.finish()
    assert time.monotonic() - began < 3
    assert orchestrator.seen["heartbeats"][seq]["status"] == "stopping"
    assert pull.contact()["state"] == "stopped"


def test_a_last_heartbeat_that_comes_while_others_are_sent_is_sent_too(orchestrator, pull):
    last = []

    def meanwhile(_request):
        if not last:
            last.append(pull.spool.append({"agent_id": "a-1", "status": "stopping"})["seq"])
            pull.side._link.stop()

    orchestrator.answers["POST", "/v1/agents/self/heartbeat"] = meanwhile
    pull.beat()
    orchestrator.until(lambda: last and last[0] in orchestrator.seen["heartbeats"])
    pull.until(lambda: pull.contact()["state"] == "stopped")


def test_log_lines_are_numbered_and_come_once_above_their_level(orchestrator, pull, host):
    host.log.level = "info"
    host.log.info("something", note="ü" * 20000, odd=object())
    host.log.debug("nothing")
    seq = pull.beat()
    orchestrator.until(lambda: seq in orchestrator.seen["heartbeats"])
    orchestrator.until(lambda: "something" in {entry["event"] for entry in orchestrator.seen["logs"].values()})
    [entry] = [entry for entry in orchestrator.seen["logs"].values() if entry["event"] == "something"]
    assert entry["level"] == "info" and entry["time"].endswith("Z") and len(entry["note"]) <= 8192
    assert "nothing" not in {entry["event"] for entry in orchestrator.seen["logs"].values()}
    sent = [e["seq"] for r in orchestrator.requests if r["path"].endswith("/logs") for e in r["document"]["entries"]]
    assert len(sent) == len(set(sent))


def test_an_update_is_noted(host, orchestrator, pulling):
    host.enrol(orchestrator)
    orchestrator.offered_version = "9.9.9"
    side = pulling()
    side.beat()
    side.configure()
    side.until(lambda: side.contact().get("available_update"))
    assert contact.as_told(host.layout, True)["available_update"]["version"] == "9.9.9"
    assert orchestrator.paths().count("GET /v1/agents/self/updates") == 1


def test_a_clock_that_is_far_off_is_a_reason(orchestrator, pull):
    orchestrator.ahead = -1000
    pull.beat()
    pull.until(lambda: pull.side.reasons())
    assert "ahead of the orchestrator's" in pull.side.reasons()[0]


def test_another_agents_heartbeats_are_not_sent_as_ours(orchestrator, pull):
    stray = pull.beat(agent_id=None)
    other = pull.beat(agent_id="a-0")
    mine = pull.beat()
    orchestrator.until(lambda: mine in orchestrator.seen["heartbeats"])
    assert not {stray, other} & set(orchestrator.seen["heartbeats"])
    pull.until(lambda: pull.contact()["heartbeats"] == mine)


def test_another_url_is_taken_up_and_none_ends_it(host, serve, fleet_ca, orchestrator, pull):
    second = serve(fleet_ca)
    second.configure(**{**orchestrator.config, "orchestrator_url": second.url})
    config = json.loads(Path(host.layout.config).read_text())
    config["orchestrator_url"] = second.url
    storage.write_atomic(host.layout.config, agent_config.canonical(config))
    pull.configure()
    pull.beat()
    second.until(lambda: second.seen["heartbeats"])
    config["orchestrator_url"] = None
    storage.write_atomic(host.layout.config, agent_config.canonical(config))
    pull.configure()
    assert pull.side._thread is None
    assert pull.contact()["state"] == "off"
    assert not [t for t in threading.enumerate() if t.name == "pull" and t.is_alive()]


class Crashing:
    """Stands for work with a mistake in it, which is gone the third time."""

    starts = 0

    def __init__(self, layout, log, link, well):
        self.link, self.well = link, well

    def run(self):
        Crashing.starts += 1
        if Crashing.starts < 3:
            raise KeyError("what was sent")
        self.well()
        while not self.link.stopping:
            self.link.pause(60)


def test_a_crash_is_a_reason_and_the_thread_is_started_again(host, orchestrator, pulling, monkeypatch):
    monkeypatch.setattr("stella_ops.remote.agent.pull_side.FIRST_PAUSE", 0.01)
    host.enrol(orchestrator)
    Crashing.starts = 0
    side = pulling(Crashing)
    side.configure()
    side.until(lambda: side.side.reasons())
    assert side.side.reasons()[0].startswith("the pull side failed (KeyError at test_pull.py:")
    assert "what was sent" not in Path(host.layout.logfile).read_text()
    side.until(lambda: 0 in side.woken())
    while Crashing.starts < 3:
        side.side.tend()
    side.until(lambda: side.side.reasons() == [])
