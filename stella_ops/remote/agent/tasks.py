"""Does what the orchestrator asks by pull: methods that only read, whatever else it may ask for."""

from stella_ops.remote.agent import rpc

READING = ("version", "status", "heartbeats", "logs")
MAX_TASKS = 20
MAX_HEARTBEATS = 500


def answer(layout, task):
    """The result of one task: ``{"id", "response"}``; None for what has no id to answer to."""
    number = task.get("id") if isinstance(task, dict) else None
    if not isinstance(number, (str, int)) or isinstance(number, bool):
        return None
    method, params = task.get("method"), task.get("params")
    if method not in READING:
        error = {
            "code": "not-allowed",
            "message": "this agent does by pull only what reads",
            "hint": "allowed: " + ", ".join(READING),
        }
        return {"id": number, "response": {"ok": False, "error": error}}
    if method == "heartbeats" and isinstance(params, dict) and type(params.get("limit")) is int:
        params = dict(params, limit=min(params["limit"], MAX_HEARTBEATS))
    return {"id": number, "response": rpc.answer(layout, {"method": method, "params": params})}
