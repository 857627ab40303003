"""What a process has open and has started, from /proc."""

import os


def stat_fields(pid):
    """The fields of /proc/<pid>/stat after the name: state, parent, group, session, ..."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None


def pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def command_line(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().replace(b"\0", b" ").decode(errors="replace").strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def children(parent):
    return [pid for pid in pids() if (fields := stat_fields(pid)) and int(fields[1]) == parent]


def is_firewall(pid):
    """The child that a daemon has for as long as it runs."""
    return "/berth-firewall " in command_line(pid)


def firewalls_of(table):
    """The processes that look after a table."""
    return [pid for pid in pids() if is_firewall(pid) and table in command_line(pid)]


def belonging(session, folder):
    """Live processes of a session, or that name `folder` on their command line, this one excepted."""
    found = []
    for pid in pids():
        fields = stat_fields(pid)
        if not fields or fields[0] == "Z" or pid == os.getpid():
            continue
        line = command_line(pid)
        if int(fields[3]) == session or (folder in line and "pytest" not in line):
            found.append(f"{pid} {line}")
    return found


def sockets_here():
    """{inode: what it is} of the sockets in this network namespace."""
    found = {}
    for table, column, text in (("unix", 6, 7), ("tcp", 9, 2), ("tcp6", 9, 2), ("udp", 9, 2), ("netlink", 9, 1)):
        with open(f"/proc/net/{table}", encoding="utf-8", errors="replace") as file:
            for row in file.read().splitlines()[1:]:
                fields = row.split()
                found[fields[column]] = f"{table} {fields[text] if len(fields) > text else ''}".strip()
    return found


def open_files(pid):
    """What each file descriptor of a process is: a path, "anon_inode:...", "unix <path>", "tcp <peer>", or "instance"
    for a connection that a container opened: such sockets belong to the container's network namespace."""
    files, here = [], sockets_here()
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            target = os.readlink(f"/proc/{pid}/fd/{fd}")
        except FileNotFoundError:
            continue
        inode = target[len("socket:["):-1] if target.startswith("socket:[") else None
        files.append(here.get(inode, "instance") if inode else target)
    return sorted(files)


def resident_bytes(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
