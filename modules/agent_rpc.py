"""Ask the agent on the host: version, status, csr, install-identity, apply-config, heartbeats, logs."""

import json

from stella_ops.remote.lib import agent_host

ARGUMENTS = {
    "prefix": {"type": "path"},
    # Of an agent in a container: its name, and the engine's socket.
    "container": {"type": "str"},
    "docker_host": {"type": "str"},
    # Not no_log: the answers carry parts of the requests on purpose. They go to the action that asked, which
    # shows none of them.
    "requests": {"type": "list", "required": True, "untold": True},
}

_READING = ("version", "status", "heartbeats", "logs")


def run(task):
    """Return ``responses``, one for each request; ``changed`` when one of them changed something.

    Under check mode the requests that would change something are answered with the error ``check-mode``.
    """
    if task.args["container"]:
        run_agent = _in_container(task)
    else:
        layout = agent_host.layout_for(task)
        agent_host.require_installed(task, layout)

        def run_agent(document):
            return agent_host.run_agent(layout, "rpc", document)

    requests = task.args["requests"]
    for request in requests:
        if not isinstance(request, dict) or not isinstance(request.get("method"), str):
            task.fail("each request must be a mapping with a 'method'")
    sent = [request for request in requests if not task.check_mode or request["method"] in _READING]
    answers = iter(_ask(task, run_agent, sent) if sent else [])
    responses = [next(answers) if request in sent else dict(_UNDER_CHECK) for request in requests]
    changed = any(_has_changed(response) for response in responses)
    return {"changed": changed, "responses": responses}


_UNDER_CHECK = {
    "ok": False,
    "error": {
        "code": "check-mode",
        "message": "not asked under check mode: it would change the host",
        "hint": None,
    },
}


def _has_changed(response):
    result = response.get("result")
    return isinstance(result, dict) and result.get("changed") is True


def _in_container(task):
    """What runs ``stella-agent rpc`` in the container: requests go to its standard input, as everywhere."""
    from stella_ops.remote.lib import docker_api

    name = task.args["container"]

    def run_agent(document):
        try:
            engine = docker_api.Engine(task.args["docker_host"])
            return engine.run(name, ["/usr/local/bin/stella-agent", "rpc"], document)
        except docker_api.EngineError as problem:
            hint = problem.hint
            if problem.status == 404:
                hint = "run stella-ops play bootstrap.yml on the host first"
            elif problem.status == 409:
                hint = "start it: docker start %s, or run bootstrap.yml again" % name
            return task.fail("the agent in container '%s' cannot be asked: %s" % (name, problem), hint=hint)

    return run_agent


def _ask(task, run_agent, requests):
    document = json.dumps({"requests": requests}).encode("ascii")
    try:
        status, written, complaint = run_agent(document)
    except OSError as problem:
        task.fail(
            "the agent cannot be run: %s" % problem,
            hint="is the interpreter it was installed with still there? Install the agent again",
        )
    try:
        responses = json.loads(written.decode("utf-8"))["responses"]
        if len(responses) == len(requests):
            return responses
    except (ValueError, KeyError, TypeError):
        pass
    said = _without_tokens(complaint.decode("utf-8", "replace"), requests)
    return task.fail(
        "the agent gave no answer (exit status %d): %s" % (status, agent_host.last_line(said)),
        hint="the package may be damaged: install the agent again",
        stderr=said[-4000:],
    )


def _without_tokens(text, requests):
    """What the agent complains, for certain without a bootstrap token in it."""
    for request in requests:
        params = request.get("params")
        token = params.get("token") if isinstance(params, dict) else None
        if isinstance(token, str) and token:
            for part in [token] + token.split(".")[1:]:
                text = text.replace(part, "********")
    return text
