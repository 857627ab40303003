"""Volumes: folders that outlive instances, revisions and the daemon, and those of this machine that functions may use."""

import concurrent.futures
import io
import os
import tarfile

import pytest

from harness import engine
from harness.cli import Cli
from harness.wait import wait_until

KEEPER = """
    import os
    from starlette.responses import JSONResponse

    def attempt(action):
        try:
            return action()
        except OSError as error:
            return error.strerror

    def write(path, text):
        with open(path, "w") as file:
            file.write(text)
        return "ok"

    def handle(request):
        place, text = request.query_params.get("at", "/data"), request.query_params.get("write")
        if text is not None:
            return JSONResponse(attempt(lambda: write(place + "/kept", text)))
        return JSONResponse(attempt(lambda: open(place + "/kept").read()))
"""

# Each process counts rows of its own; what all have written is in one database, in WAL mode.
LEDGER = """
    import os, socket, sqlite3, threading, time
    from starlette.responses import JSONResponse

    here = threading.local()

    def base():
        if not hasattr(here, "base"):
            here.base = sqlite3.connect("/data/ledger.db", timeout=60, isolation_level=None)
            here.base.execute("pragma journal_mode=wal")
            here.base.execute("create table if not exists entries (id text primary key, writer text)")
        return here.base

    def handle(request):
        entry = request.query_params.get("id")
        if entry:
            time.sleep(float(request.query_params.get("s", "0")))
            base().execute("begin immediate")
            base().execute("insert into entries values (?, ?)", (entry, socket.gethostname()))
            base().execute("commit")
        rows = base().execute("select count(*), count(distinct writer) from entries").fetchone()
        mode = base().execute("pragma journal_mode").fetchone()[0]
        return JSONResponse({"rows": rows[0], "writers": rows[1], "mode": mode})
"""


def findings(berth, name):
    return berth.admin("GET", f"/berth/functions/{name}").json()["diagnostics"]


def mounts(berth, name):
    container = engine.inspect(berth.instance(name)["Id"])
    return {mount["Destination"]: mount for mount in container["Mounts"]}


@pytest.mark.shows_setting("configuration.volumes")
def test_a_volume_outlives_instances_revisions_and_the_daemon(berth):
    berth.write_function("keeper", KEEPER, volumes={"data": "/data"})
    berth.write_function("reader", KEEPER, volumes={"data": {"at": "/shared", "read_only": True}}, idle_timeout=60)
    berth.start()
    assert berth.get("/keeper?write=first").json() == "ok"
    berth.wait_no_instance("keeper")
    assert berth.get("/keeper").json() == "first"

    berth.write_files("functions/keeper", {"keeper.py": KEEPER + "\n    CHANGED = True\n"})
    berth.configure("keeper", memory="128Mi")
    berth.apply()
    assert berth.get("/keeper").json() == "first"
    assert berth.get("/reader?at=/shared").json() == "first"
    assert berth.get("/reader?at=/shared&write=no").json() == "Read-only file system"

    folder = f"{berth.state_dir}/volumes/data"
    assert os.stat(folder).st_uid == (10001 if os.geteuid() == 0 else os.geteuid())
    assert os.stat(berth.state_dir).st_mode & 0o077 == 0
    assert mounts(berth, "reader")["/shared"]["Source"] == folder

    assert berth.stop() == 0
    berth.start()
    assert berth.get("/keeper").json() == "first"


def test_a_rollback_brings_the_volumes_of_its_revision_back(berth):
    berth.write_function("keeper", KEEPER, idle_timeout=60, volumes={"one": "/data"})
    berth.start()
    assert berth.get("/keeper?write=one").json() == "ok"
    berth.configure("keeper", volumes={"two": "/data"})
    berth.apply()
    berth.wait_answer("/keeper", lambda answer: answer.json() == "No such file or directory", "the other volume")
    assert berth.get("/keeper?write=two").json() == "ok"
    assert berth.admin("POST", "/berth/functions/keeper/rollback", body=b"{}").status == 202
    berth.wait_answer("/keeper", lambda answer: answer.json() == "one", "the volume of the revision before")
    changed = berth.admin("GET", "/berth/functions/keeper/revisions").json()
    assert "volumes./data" in str(changed)


def test_a_volume_belongs_to_the_user_of_its_function(berth):
    berth.write_function("other", KEEPER, user="4321:1234", volumes={"theirs": "/data"})
    berth.write_function("anyone", KEEPER, user="image", volumes={"open": "/data"})
    berth.start()
    assert berth.get("/other?write=x").json() == "ok"
    assert berth.get("/anyone?write=x").json() == "ok"
    if os.geteuid() == 0:
        status = os.stat(f"{berth.state_dir}/volumes/theirs")
        assert (status.st_uid, status.st_gid) == (4321, 1234)


def test_instances_write_into_one_sqlite_database_at_the_same_time(berth):
    berth.write_function("ledger", LEDGER, concurrency=1, min_scale=3, max_scale=3, volumes={"books": "/data"})
    berth.start()
    assert berth.get("/ledger").json()["mode"] == "wal"
    wait_until(lambda: berth.admin("GET", "/berth/functions/ledger").json()["ready"] == 3, "three instances", 120)
    total = 60
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda n: berth.get(f"/ledger?id={n}&s=0.1", timeout=240), range(total)))
    assert [answer.status for answer in answers] == [200] * total
    seen = berth.get("/ledger").json()
    assert (seen["rows"], seen["writers"]) == (total, 3)

    # A new revision takes over while the old one still writes.
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        more = [pool.submit(berth.get, f"/ledger?id={n}&s=0.1", timeout=240) for n in range(total, total + 20)]
        berth.configure("ledger", memory="200Mi")
        berth.apply()
        assert [answer.result().status for answer in more] == [200] * 20
    assert berth.get("/ledger").json()["rows"] == total + 20

    assert berth.stop() == 0
    berth.start()
    assert berth.get("/ledger").json()["rows"] == total + 20


@pytest.mark.shows_setting("host.volume_roots")
def test_folders_of_this_machine_are_those_that_the_host_allows(berth):
    allowed, other = f"{berth.folder}/allowed", f"{berth.folder}/other"
    for folder in (f"{allowed}/models", f"{allowed}/open", other):
        os.makedirs(folder)
    os.chmod(f"{allowed}/open", 0o777)
    with open(f"{allowed}/models/kept", "w", encoding="utf-8") as file:
        file.write("weights")
    os.symlink(other, f"{allowed}/away")
    os.symlink(f"{allowed}/models", f"{berth.folder}/link")
    berth.host = {"volume_roots": [allowed]}
    berth.write_function(
        "user",
        KEEPER,
        idle_timeout=60,
        volumes=[
            {"path": f"{allowed}/models", "at": "/models"},
            {"path": f"{berth.folder}/link", "at": "/linked"},
            {"path": f"{allowed}/open", "at": "/open", "read_only": False},
        ],
    )
    berth.write_function("escaper", KEEPER, volumes={"x": {"path": f"{allowed}/away", "at": "/x"}})
    berth.write_function("stranger", KEEPER, volumes={"x": {"path": other, "at": "/x"}})
    berth.start()
    assert berth.get("/user?at=/models").json() == "weights"
    assert berth.get("/user?at=/linked").json() == "weights"
    assert berth.get("/user?at=/models&write=x").json() == "Read-only file system"
    assert berth.get("/user?at=/open&write=x").json() == "ok"
    assert mounts(berth, "user")["/linked"]["Source"] == f"{allowed}/models"
    for name in ("escaper", "stranger"):
        berth.expect_error(".*", function=name)
        assert berth.get(f"/{name}").status == 503
        (finding,) = findings(berth, name)
        assert "volume_roots" in finding["message"] and finding["line"] > 0

    # What the file allows no more is not mounted again, whatever was allowed when the revision was made.
    berth.host = {"volume_roots": [other]}
    berth.apply()
    wait_until(lambda: findings(berth, "user"), "the finding")
    assert berth.get("/stranger?at=/x").json() == "No such file or directory"


def test_a_function_with_volumes_starts_containers_of_its_own(berth):
    berth.write_function("plain", KEEPER, idle_timeout=60)
    berth.write_function("keeper", KEEPER, idle_timeout=60, volumes={"data": "/data"})
    berth.start()
    assert berth.get("/keeper?write=x").json() == "ok"
    (instance,) = berth.admin("GET", "/berth/functions/keeper/instances").json()
    assert not instance.get("prewarmed", False)
    assert berth.get("/plain").json() == "No such file or directory"


def archive(*entries, mode="w"):
    """A tar of (name, content) pairs; what is no bytes is a TarInfo."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as tar:
        for name, content in entries:
            info = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name)
            if isinstance(content, bytes):
                info.size = len(content)
            tar.addfile(info, io.BytesIO(content) if isinstance(content, bytes) else None)
    return out.getvalue()


def special(name, kind, link=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, link
    return (name, info)


def test_volumes_are_listed_with_their_sizes_and_removed_when_nobody_uses_them(berth):
    cli = Cli(berth)
    berth.write_function("keeper", KEEPER, volumes={"data": "/data"})
    berth.start()
    (before,) = cli.json("volume", "ls")
    assert (before["name"], before["is_there"], before["size_bytes"]) == ("data", False, 0)
    assert berth.get(f"/keeper?write={'x' * 5000}").json() == "ok"
    (listed,) = cli.json("volume", "ls")
    assert listed["functions"] == [{"name": "keeper", "at": "/data", "read_only": False}]
    assert listed["files"] == 1 and 5000 <= listed["size_bytes"] < 1 << 20 and listed["size_is_whole"]
    assert listed["path"] == f"{berth.state_dir}/volumes/data"
    (described,) = berth.admin("GET", "/berth/functions/keeper").json()["volumes"]
    assert (described["at"], described["size_bytes"]) == ("/data", listed["size_bytes"])
    assert "data" in cli.run("volume", "ls") and "/data" in cli.run("describe", "keeper")
    with open(f"{berth.state_dir}/volumes/data/large", "wb") as file:
        file.write(b"x" * 2_500_001)
    assert " 2.4 MiB " in cli.run("volume", "ls") and " 2.4 MiB " in cli.run("describe", "keeper")
    os.remove(f"{berth.state_dir}/volumes/data/large")

    cli.run("volume", "rm", "data", status=1)
    assert "used by keeper" in cli.said and "berth volume rm --force data" in cli.said
    cli.run("volume", "rm", "nothing", status=1)
    assert "no volume" in cli.said
    assert "take over" in cli.run("volume", "rm", "data", "--force")
    berth.wait_answer("/keeper", lambda answer: answer.json() == "No such file or directory", "the empty volume")
    berth.functions.pop("keeper")
    berth.write_function("other", KEEPER)
    berth.apply()
    wait_until(lambda: not cli.json("volume", "ls")[0]["functions"], "the function to be gone", 60)
    assert "removed" in cli.run("volume", "rm", "data")
    assert cli.json("volume", "ls") == []


def test_what_is_exported_can_be_imported_elsewhere(berth, tmp_path):
    cli = Cli(berth)
    berth.write_function("keeper", KEEPER, idle_timeout=60, volumes={"data": "/data"})
    berth.write_function("second", KEEPER, idle_timeout=60, user="4321:1234", volumes={"copy": "/data"})
    berth.start()
    assert berth.get("/keeper?write=moved").json() == "ok"
    folder = f"{berth.state_dir}/volumes/data"
    os.makedirs(f"{folder}/deep/er")
    with open(f"{folder}/deep/er/large", "wb") as file:
        file.write(os.urandom(3 << 20))
    os.chmod(f"{folder}/deep/er/large", 0o640)
    os.symlink("/etc/hostname", f"{folder}/away")
    os.mkfifo(f"{folder}/pipe")
    packed = str(tmp_path / "data.tar")
    cli.run("volume", "export", "data", packed)
    with tarfile.open(packed) as tar:
        assert sorted(tar.getnames()) == ["away", "deep", "deep/er", "deep/er/large", "kept"]
        assert not tar.getmember("away").isfile()

    assert "imported" in cli.run("volume", "import", "copy", packed)
    assert berth.get("/second").json() == "moved"
    copy = f"{berth.state_dir}/volumes/copy"
    with open(f"{folder}/deep/er/large", "rb") as one, open(f"{copy}/deep/er/large", "rb") as other:
        assert one.read() == other.read()
    assert os.readlink(f"{copy}/away") == "/etc/hostname"
    status = os.stat(f"{copy}/deep/er/large")
    if os.geteuid() == 0:
        assert (status.st_uid, status.st_gid, status.st_mode & 0o777) == (4321, 1234, 0o640)
        assert os.lstat(f"{copy}/away").st_uid == 4321

    cli.run("volume", "import", "copy", packed, status=1)
    assert "has content" in cli.said and "berth volume import --replace copy" in cli.said
    cli.run("volume", "import", "no name", packed, status=1)
    assert not os.listdir(f"{berth.state_dir}/staging"), "what was sent in vain is gone"
    berth.get("/second?write=newer")
    assert "take over" in cli.run("volume", "import", "copy", packed, "--replace")
    berth.wait_answer("/second", lambda answer: answer.json() == "moved", "what was imported")


def test_an_export_that_fails_leaves_the_file_that_was_there(served_empty, tmp_path):
    cli, packed = Cli(served_empty), tmp_path / "backup.tar"
    packed.write_text("of yesterday")
    cli.run("volume", "export", "nothing", str(packed), status=1)
    assert "there is no volume" in cli.said
    assert packed.read_text() == "of yesterday"
    cli.run("volume", "export", "nothing", str(tmp_path / "new.tar"), status=1)
    assert os.listdir(tmp_path) == ["backup.tar"], "nor is anything else left"


def test_modes_and_links_of_an_archive_are_kept(served_empty):
    folder = tarfile.TarInfo("closed")
    folder.type, folder.mode = tarfile.DIRTYPE, 0o2710
    program = tarfile.TarInfo("closed/program")
    program.mode = 0o4755
    links = special("same", tarfile.LNKTYPE, "closed/program"), special("away", tarfile.SYMTYPE, "/nowhere/at/all")
    packed = archive(("closed", folder), ("closed/program", program), *links)
    assert served_empty.admin("POST", "/berth/volumes/modes/import", packed).status == 200
    place = f"{served_empty.state_dir}/volumes/modes"
    found = {name: os.lstat(f"{place}/{name}") for name in ("closed", "closed/program", "same", "away")}
    assert found["same"].st_ino == found["closed/program"].st_ino
    assert os.readlink(f"{place}/away") == "/nowhere/at/all"
    if os.geteuid() == 0:
        assert [oct(found[name].st_mode & 0o7777) for name in ("closed", "same")] == ["0o710", "0o755"]
        assert {status.st_uid for status in found.values()} == {10001}
    assert served_empty.admin("DELETE", "/berth/volumes/modes").status == 200


BAD = {
    "above": [("../up", b"x")],
    "absolute": [("/etc/up", b"x")],
    "within": [("a/../../up", b"x")],
    "device": [special("dev", tarfile.CHRTYPE)],
    "through a link": [special("link", tarfile.SYMTYPE, "/tmp"), ("link/up", b"x")],
    "hard link": [special("hard", tarfile.LNKTYPE, "../../host-id")],
}


@pytest.mark.parametrize("name", BAD)
def test_an_archive_that_would_leave_its_volume_changes_nothing(served_empty, name):
    answer = served_empty.admin("POST", "/berth/volumes/data/import", archive(*BAD[name]))
    assert answer.status == 400, answer.text
    assert served_empty.admin("GET", "/berth/volumes/data").status == 404
    assert not os.path.exists(f"{served_empty.state_dir}/volumes/up")
    assert not os.path.exists("/tmp/up") and not os.path.exists("/etc/up")


def test_an_archive_that_breaks_off_changes_nothing(served_empty):
    whole = archive(("a", b"x" * 5000), ("b", b"y" * 5000), mode="w:gz")
    assert served_empty.admin("POST", "/berth/volumes/data/import", whole[: len(whole) // 2]).status == 400
    assert served_empty.admin("POST", "/berth/volumes/data/import", b"no archive at all").status == 400
    assert served_empty.admin("POST", "/berth/volumes/-x/import", whole).status == 400
    assert served_empty.admin("GET", "/berth/volumes/data").status == 404
    assert served_empty.admin("POST", "/berth/volumes/data/import", whole).status == 200
    assert served_empty.admin("GET", "/berth/volumes/data").json()["files"] == 2
    assert served_empty.admin("DELETE", "/berth/volumes/data").status == 200


@pytest.fixture(scope="module")
def served_empty(shared_berth):
    shared_berth.write_function("plain", KEEPER)
    shared_berth.start()
    return shared_berth
