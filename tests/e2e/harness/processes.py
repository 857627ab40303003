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


def instance_inodes(folder):
    """Inodes of unix sockets bound below `folder`: the listening ones and what was accepted on them."""
    with open("/proc/net/unix", encoding="utf-8", errors="replace") as file:
        rows = [row.split() for row in file.read().splitlines()[1:]]
    return {row[6] for row in rows if len(row) > 7 and row[7].startswith(folder)}


def open_files(pid):
    """What each file descriptor of a process is, e.g. "socket:[123]"."""
    files = []
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            files.append(os.readlink(f"/proc/{pid}/fd/{fd}"))
        except FileNotFoundError:
            continue
    return files


def open_files_besides(pid, folder):
    """The same without the sockets to instances in `folder`."""
    instances = {f"socket:[{inode}]" for inode in instance_inodes(folder)}
    return [file for file in open_files(pid) if file not in instances]


def resident_bytes(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
