"""Names under which the host asks for storage, and the capabilities that it is left with."""

import glob

from stella_ops.remote.lib import process
from stella_ops.remote.lib.facts import sources


def iscsi(timeout):
    """iscsi_iqn."""
    return {"iscsi_iqn": sources.assignments("/etc/iscsi/initiatorname.iscsi").get("InitiatorName", "")}


def nvme(timeout):
    """hostnqn."""
    return {"hostnqn": next((line for line in sources.lines("/etc/nvme/hostnqn") if line.startswith("nqn.")), "")}


def fibre_channel(timeout):
    """fibre_channel_wwn."""
    ports = [sources.text(path) for path in sorted(glob.glob("/sys/class/fc_host/*/port_name"))]
    wwns = [port[2:] if port.startswith("0x") else port for port in ports if port]
    return {"fibre_channel_wwn": wwns}


def capabilities(timeout):
    """system_capabilities and system_capabilities_enforced, by capsh(1); "N/A" where there is none."""
    program = process.find("capsh")
    facts = {"system_capabilities": "N/A", "system_capabilities_enforced": "N/A"}  # type: dict[str, object]
    if program is None:
        return facts
    outcome = process.run([program, "--print"], environment={"LC_ALL": "C"})
    for line in outcome.stdout.decode("utf-8", "replace").splitlines():
        name, _, told = line.partition(":")
        if outcome.rc != 0 or name != "Current":
            continue
        told = told.strip()
        full = told == "=ep"
        words = [] if full or "=" not in told else told.split("=")[1].split(",")
        facts["system_capabilities_enforced"] = "False" if full else "True"
        facts["system_capabilities"] = [word.strip() for word in words]
    return facts
