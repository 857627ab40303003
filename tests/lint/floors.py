"""The order of the daemon's folders: a file uses only what is on its own floor or on a lower one."""

# Below host/, lowest first: folders, and files that lie lower than the rest of their folder.
FLOORS = [
    "base", "config", "http", "outgoing", "docker", "firewall", "store", "routing", "gateway",
    "prepare/process", "prepare/store", "prepare/job", "prepare/image", "prepare/install", "prepare",
    "fleet/fleet_env", "fleet/output", "fleet/engine", "fleet/container", "fleet/link", "fleet/instance", "fleet/scale",
    "fleet/revision",
    "fleet", "calls", "admin", "takeover", "plugin_test",
]
# Neighbours: neither uses the other, whichever stands first above.
NEIGHBOURS = [{"gateway", "prepare"}, {"gateway", "fleet"}]


def floor(path):
    """The number of the floor of a path below host/; that of host/'s own files is the highest."""
    parts = path.rsplit(".", 1)[0].split("/")
    while parts and "/".join(parts) not in FLOORS:
        parts.pop()
    return FLOORS.index("/".join(parts)) if parts else len(FLOORS)


def breach(user, used):
    """What is wrong when the first of two paths below host/ uses the second; None: nothing."""
    if floor(used) > floor(user):
        return "that is a higher floor"
    if {user.split("/")[0], used.split("/")[0]} in NEIGHBOURS:
        return "neighbours do not use each other"
    return None
