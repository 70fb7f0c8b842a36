"""Processors, memory, uptime, and what the firmware says of the machine."""

import os

from stella_ops.remote.lib.facts import sources

_DMI = (
    ("bios_date", "bios_date"),
    ("bios_vendor", "bios_vendor"),
    ("bios_version", "bios_version"),
    ("board_asset_tag", "board_asset_tag"),
    ("board_name", "board_name"),
    ("board_serial", "board_serial"),
    ("board_vendor", "board_vendor"),
    ("board_version", "board_version"),
    ("chassis_asset_tag", "chassis_asset_tag"),
    ("chassis_serial", "chassis_serial"),
    ("chassis_vendor", "chassis_vendor"),
    ("chassis_version", "chassis_version"),
    ("product_name", "product_name"),
    ("product_serial", "product_serial"),
    ("product_uuid", "product_uuid"),
    ("product_version", "product_version"),
    ("system_vendor", "sys_vendor"),
)

# By the number of the chassis' type: SMBIOS 7.4.1.
_FORMS = (
    *("Unknown", "Other", "Unknown", "Desktop", "Low Profile Desktop", "Pizza Box", "Mini Tower", "Tower", "Portable"),
    *("Laptop", "Notebook", "Hand Held", "Docking Station", "All In One", "Sub Notebook", "Space-saving"),
    *("Lunch Box", "Main Server Chassis", "Expansion Chassis", "Sub Chassis", "Bus Expansion Chassis"),
    *("Peripheral Chassis", "RAID Chassis", "Rack Mount Chassis", "Sealed-case PC", "Multi-system", "CompactPCI"),
    *("AdvancedTCA", "Blade", "Blade Enclosure", "Tablet", "Convertible", "Detachable", "IoT Gateway"),
    *("Embedded PC", "Mini PC", "Stick PC"),
)


def memory(timeout, path="/proc/meminfo"):
    """memtotal_mb, memfree_mb, swaptotal_mb, swapfree_mb, memory_mb. In MiB, rounded down."""
    sizes = {}
    for line in sources.lines(path):
        name, sign, rest = line.partition(":")
        words = rest.split()
        if sign and words and words[0].isdigit():
            sizes[name] = int(words[0]) // 1024
    if "MemTotal" not in sizes:
        return {}
    total, free = sizes["MemTotal"], sizes.get("MemFree", 0)
    swap, swap_free = sizes.get("SwapTotal", 0), sizes.get("SwapFree", 0)
    cached = sizes.get("Cached", 0) + sizes.get("Buffers", 0)
    return {
        "memtotal_mb": total,
        "memfree_mb": free,
        "memavailable_mb": sizes.get("MemAvailable", free + cached),
        "swaptotal_mb": swap,
        "swapfree_mb": swap_free,
        "memory_mb": {
            "real": {"total": total, "used": total - free, "free": free},
            "nocache": {"free": free + cached, "used": total - free - cached},
            "swap": {
                "total": swap,
                "free": swap_free,
                "used": swap - swap_free,
                "cached": sizes.get("SwapCached", 0),
            },
        },
    }


def processors(timeout, path="/proc/cpuinfo"):
    """processor, processor_count (sockets), _cores, _threads_per_core, _vcpus, _nproc (that we may use)."""
    models = []  # type: list[str]
    cores = {}  # type: dict[str, int]
    logical = 0
    socket_name = "0"
    pairs = set()
    flags = []  # type: list[str]
    for line in sources.lines(path):
        name, _, value = (part.strip() for part in line.partition(":"))
        if name == "processor":
            logical += 1
            models.append(value)
            socket_name = "0"
        elif name in ("vendor_id", "model name", "Model name", "cpu model"):
            models.append(value)
        elif name == "physical id":
            socket_name = value
            cores.setdefault(socket_name, 1)
        elif name == "cpu cores" and value.isdigit():
            cores[socket_name] = int(value)
        elif name == "core id":
            pairs.add((socket_name, value))
        elif name in ("flags", "Features") and not flags:
            flags = value.split()
    logical = logical or os.cpu_count() or 1
    sockets = len(cores) or 1
    per_socket = max(cores.values()) if cores else max(1, logical // sockets)
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else logical
    found = {"flags": flags} if flags else {}  # type: dict[str, object]
    found.update(
        {
            "processor": models,
            "processor_count": sockets,
            "processor_cores": per_socket,
            "processor_threads_per_core": max(1, logical // max(len(pairs), 1)) if pairs else 1,
            "processor_vcpus": logical,
            "processor_nproc": usable,
        }
    )
    return found


def uptime(timeout):
    """uptime_seconds."""
    words = sources.text("/proc/uptime").split()
    return {"uptime_seconds": int(float(words[0]))} if words else {}


def load(timeout):
    """loadavg."""
    loads = sources.text("/proc/loadavg").split()
    if len(loads) < 3:
        return {}
    return {"loadavg": {"1m": float(loads[0]), "5m": float(loads[1]), "15m": float(loads[2])}}


def firmware(timeout, folder="/sys/class/dmi/id"):
    """system_vendor, product_*, board_*, bios_*, chassis_*, form_factor: "NA" where the firmware does not say."""
    facts = {fact: sources.text(os.path.join(folder, name)) or "NA" for fact, name in _DMI}
    number = sources.number(os.path.join(folder, "chassis_type"))
    known = number is not None and 0 < number < len(_FORMS)
    facts["form_factor"] = _FORMS[number] if known else "NA"
    if not os.path.isdir(folder):
        facts["product_name"] = sources.text("/proc/device-tree/model") or "NA"
    return facts
