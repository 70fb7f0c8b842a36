"""Block devices with their partitions and names, and LVM's volumes."""

import os
import re

from stella_ops.remote.lib import process
from stella_ops.remote.lib.facts import sources


def gather(timeout, block="/sys/block", disk="/dev/disk"):
    """devices and device_links, from /sys and /dev/disk alone."""
    links = names_of(disk, block)
    wwns = {}
    for kernel, told in links["ids"].items():
        for name in told:
            if name.startswith("wwn-"):
                wwns[kernel] = name[4:]
    found = {}
    for name in sources.names(block):
        folder = os.path.realpath(os.path.join(block, name))
        found[name] = device(name, folder, links, wwns)
    return {"devices": found, "device_links": links}


def names_of(disk, block):
    """The names under which udev has devices: ids, uuids, labels, and the masters built upon them."""
    links = {"ids": {}, "uuids": {}, "labels": {}, "masters": {}}  # type: dict[str, dict[str, list[str]]]
    for kind, folder in (("ids", "by-id"), ("uuids", "by-uuid"), ("labels", "by-label")):
        folder = os.path.join(disk, folder)
        for name in sources.names(folder):
            try:
                kernel = os.path.basename(os.readlink(os.path.join(folder, name)))
            except OSError:
                continue
            links[kind].setdefault(kernel, []).append(name)
    for master in sources.names(block):
        for slave in sources.names(os.path.join(block, master, "slaves")):
            links["masters"].setdefault(slave, []).append(master)
    return links


def device(name, folder, links, wwns):
    """What is known of one device."""
    told = {
        "virtual": 1,
        "links": {kind: by_device.get(name, []) for kind, by_device in links.items()},
        "host": "",
        "holders": holders(folder),
        "removable": value(folder, "removable"),
        "rotational": value(folder, "queue/rotational"),
        "support_discard": value(folder, "queue/discard_granularity"),
        "scheduler_mode": "",
        "partitions": {},
    }
    if value(folder, "queue/discard_max_hw_bytes") == "0":
        told["support_discard"] = "0"
    for key in ("vendor", "model", "sas_address", "sas_device_handle"):
        told[key] = value(folder, "device/" + key)
    serial = value(folder, "device/serial")
    if serial:
        told["serial"] = serial
    if name in wwns:
        told["wwn"] = wwns[name]
    chosen = re.search(r"\[(.*?)\]", value(folder, "queue/scheduler") or "")
    if chosen:
        told["scheduler_mode"] = chosen.group(1)
    told.update(extent(folder))
    for part in sources.names(folder):
        inside = os.path.join(folder, part)
        if os.path.exists(os.path.join(inside, "partition")):
            told["partitions"][part] = partition(part, inside, links, told["sectorsize"])
    return told


def partition(name, folder, links, sector):
    """What is known of one partition."""
    told = {
        "links": {kind: by_device.get(name, []) for kind, by_device in links.items()},
        "start": value(folder, "start") or "0",
        "uuid": (links["uuids"].get(name) or [None])[0],
        "holders": holders(folder),
    }
    told.update(extent(folder, sector))
    return told


def extent(folder, sector=None):
    """Sectors, the size of one (text), and the size as people write it; the kernel counts in 512 bytes."""
    sector = sector or value(folder, "queue/logical_block_size") or value(folder, "queue/hw_sector_size") or "512"
    size = int(value(folder, "size") or 0) * 512
    return {"sectorsize": sector, "sectors": size // int(sector), "size": human(size)}


def holders(folder):
    """What is built upon a device, with LVM's names where there are any."""
    found = []
    for name in sources.names(os.path.join(folder, "holders")):
        mapped = sources.text("/sys/block/{}/dm/name".format(name)) if name.startswith("dm-") else ""
        found.append(mapped or name)
    return found


def value(folder, name):
    """A small file's text, or None."""
    return sources.text(os.path.join(folder, name)) or None


def human(size):
    """Bytes in the largest unit that they fill: 20.00 GB."""
    for power, unit in enumerate(("YB", "ZB", "EB", "PB", "TB", "GB", "MB", "KB")):
        least = 1 << (80 - 10 * power)
        if size >= least:
            return "{:.2f} {}".format(float(size) / least, unit)
    return "{:.2f} Bytes".format(float(size))


def lvm(timeout):
    """lvm: groups, volumes and their devices, for root where LVM is; else "N/A"."""
    if os.geteuid() != 0 or not process.find("vgs"):
        return {"lvm": "N/A"}
    told = {"vgs": {}, "lvs": {}, "pvs": {}}  # type: dict[str, dict]
    for words in report("vgs", "vg_name,pv_count,lv_count,vg_size,vg_free"):
        name, devices, volumes, size, free = words
        told["vgs"][name] = {"num_lvs": volumes, "num_pvs": devices, "size_g": size, "free_g": free, "lvs": {}}
    for name, group, size in report("lvs", "lv_name,vg_name,lv_size"):
        told["lvs"][name] = {"size_g": size, "vg": group}
        if group in told["vgs"]:
            told["vgs"][group]["lvs"][name] = {"size_g": size}
    for name, group, size, free in report("pvs", "pv_name,vg_name,pv_size,pv_free"):
        told["pvs"][name] = {"size_g": size, "free_g": free, "vg": group}
    return {"lvm": told}


def report(tool, columns):
    """The rows that one of LVM's tools prints."""
    program = process.find(tool)
    if program is None:
        return
    words = [program, "--noheadings", "--nosuffix", "--units", "g", "--separator", ",", "-o", columns]
    outcome = process.run(words, environment={"LC_ALL": "C"})
    for line in outcome.stdout.decode("utf-8", "replace").splitlines():
        row = line.strip().split(",")
        if len(row) == columns.count(",") + 1:
            yield row
