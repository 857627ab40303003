"""Functions that are web servers of their own: images and Dockerfiles, by connections that the host makes."""

import concurrent.futures
import re
import subprocess

import pytest

from harness.cli import Cli
from harness.revisions import serve, view
from harness.servers import BASE, SERVER, serve_image, write_server
from harness.wait import wait_until


def said(berth, name):
    """The lines that it has written so far."""
    return [entry["text"] for entry in berth.log.entries(event="function.output", function=name)]


def status_of(berth, name):
    return berth.admin("GET", f"/system/function/{name}").json()


def test_server_starts_at_a_request_and_goes_when_it_idles(berth):
    write_server(berth, "web", environment={"GREETING": "hi $HOME"})
    berth.start()
    answer = berth.get("/web/env")
    assert answer.status == 200, answer.text
    variables = dict(line.split("=", 1) for line in answer.text.splitlines())
    assert variables["PORT"] == "8080" and variables["OPENFAAS_NAME"] == "web"
    assert variables["GREETING"] == "hi $HOME" and variables["HOME"] == "/home/berth"
    assert "BERTH_SOCKET" not in variables
    berth.wait_no_instance("web", timeout=60)
    assert "serves on 0.0.0.0" in said(berth, "web")
    wait_until(lambda: "asked to end" in said(berth, "web"), "SIGTERM to be told of", 60)


def test_body_comes_and_goes(berth):
    write_server(berth, "web", port=9000)
    berth.start()
    data = bytes(range(256)) * 4000
    answer = berth.post("/web/echo", data)
    assert (answer.status, answer.body) == (200, data)


def test_many_at_once_and_a_new_revision_meanwhile(berth):
    write_server(berth, "web", idle_timeout=60, environment={"GREETING": "one"})
    berth.start()

    def ask(number):
        body = str(number).encode()
        answer = berth.post("/web/echo?s=0.02", body)
        return answer.status == 200 and answer.body == body

    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = [pool.submit(ask, number) for number in range(200)]
        write_server(berth, "web", idle_timeout=60, environment={"GREETING": "two"})
        berth.reload()
        answers += [pool.submit(ask, number) for number in range(200, 300)]
        assert all(answer.result() for answer in answers)
    berth.wait_answer("/web/env", lambda answer: "GREETING=two" in answer.text, "the new revision", 60)


def test_waits_for_the_path_that_says_that_it_is_ready(berth):
    write_server(berth, "web", ready="/ready", environment={"NOT_READY": "3"})
    berth.start()
    assert berth.get("/web").status == 200
    wait_until(lambda: said(berth, "web").count("asked for /ready") >= 4, "what it has said", 30)
    assert said(berth, "web").count("asked for /ready") == 4


@pytest.mark.parametrize(("settings", "words", "advice"), [
    ({"environment": {"LISTEN_PORT": "8081"}},
     "nothing listens on port 8080: the container listens on port 8081", "`port`"),
    ({"environment": {"LISTEN": "127.0.0.1"}},
     "nothing listens on port 8080: the container listens on 127.0.0.1:8080", "0.0.0.0"),
    ({"ready": "/ready", "environment": {"NOT_READY": "1000000"}}, "GET /ready was answered 503", "`ready`"),
    ({"command": "sleep 1000"}, "nothing listens on port 8080", "`start_timeout`"),
])
def test_says_what_kept_it_from_being_ready(berth, settings, words, advice):
    write_server(berth, "web", start_timeout="10s", **settings)
    berth.start()
    error = berth.get("/web").error()
    assert words in error["message"] and advice in error["hint"]


def test_says_why_it_ended_before_it_was_ready(berth):
    write_server(berth, "web", command="perl -e 'print STDERR qq(no configuration\\n); exit 3'")
    berth.start()
    error = berth.get("/web").error()
    assert error["reason"] == "container-exited"
    assert "code 3" in error["message"] and "no configuration" in error["message"]


def test_a_request_that_the_server_drops_is_told_and_the_instance_serves_on(berth):
    write_server(berth, "web", idle_timeout=60)
    berth.start()
    before = berth.get("/web").text
    answer = berth.post("/web/close")
    assert answer.status == 502 and answer.error()["reason"] == "runner-gone"
    assert berth.get("/web").text == before


def test_the_end_of_the_server_is_the_function_s_own_doing(berth):
    write_server(berth, "web", idle_timeout=60)
    berth.start()
    answer = berth.post("/web/end")
    assert answer.status == 502
    assert berth.get("/web").status == 200


def test_container_that_is_killed_from_outside_costs_nothing(berth):
    write_server(berth, "web", idle_timeout=60)
    berth.start()
    assert berth.get("/web").status == 200
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = [pool.submit(berth.get, "/web?s=1") for _ in range(8)]
        wait_until(lambda: said(berth, "web").count("asked for /") >= 9, "the requests to be under way", 60)
        berth.engine.kill(berth.instance("web")["Id"])
        assert [answer.result().status for answer in answers] == [200] * 8


def test_image_needs_no_folder(berth):
    """It is checked, described, kept, restored and rolled back like every other function."""
    serve_image(berth, "web", "one")
    cli = Cli(berth)
    cli.run("check", berth.config)
    assert "nothing found" in cli.said
    berth.start()
    first = serve(berth, "web", "one")
    assert view(berth, "web")["folder"] is None
    said = cli.run("describe", "web")
    assert "folder" not in said and "  base " not in said
    berth.apply()
    assert berth.log.entries(event="config.applied")[-1]["deployed"] == "0"
    serve_image(berth, "web", "two")
    berth.apply()
    serve(berth, "web", "two")
    assert "environment.WORD" in cli.run("history", "web")
    cli.run("rollback", "web")
    assert serve(berth, "web", "one") == first
    berth.stop()
    berth.start()
    serve(berth, "web", "one")


def test_folder_that_comes_later_is_there_in_the_container(berth):
    berth.watch = True
    serve_image(berth, "web", "without")
    berth.start()
    serve(berth, "web", "without")
    berth.write_files("functions/web", {"server.pl": SERVER})
    berth.wait_answer("/web", lambda answer: "served by" in answer.text, "the folder to be found", 60)
    assert view(berth, "web")["folder"].endswith("/functions/web")


@pytest.mark.parametrize("name, image", [("built", "built"), ("Built_-Twice", "built--twice")])
def test_is_built_from_the_dockerfile_in_its_folder(berth, name, image):
    files = {"Dockerfile": """
        ARG BERTH_BASE
        FROM ${BERTH_BASE}
        COPY server.pl /srv/server.pl
        EXPOSE 8080
        CMD ["perl", "/srv/server.pl"]
    """}
    write_server(berth, name, files, image=None, command=None)
    berth.start()
    assert "served by" in berth.get(f"/{name}").text
    assert status_of(berth, name)["image"].startswith(f"berth-function-{image}:")


def test_build_that_fails_says_where_and_why(berth):
    files = {"Dockerfile": f"FROM {BASE}\nRUN (seq 100 140; echo 'no such thing') >&2; exit 4\n"}
    write_server(berth, "built", files, image=None)
    berth.start()
    error = berth.get("/built").error()
    assert error["reason"] == "image-build"
    for words in ("no such thing", "exit code 4", "Step 2/"):
        assert words in error["message"]
    assert "berth describe" in error["hint"]
    shown = Cli(berth).run("describe", "built")
    assert "What the build wrote\n" in shown and "\n  139\n  140\n" in shown and "no such thing\n" in shown
    assert "\n  101\n" not in shown and "berth describe built --json" in shown


BUILDS = [
    (f"ARG A\nFROM {BASE}\n\nRUN true \\\n  # note\n  && echo 'no such thing' >&2 \\\n  && exit 4\n",
     "Dockerfile:4:1: error: RUN failed: no such thing (exit code 4)"),
    (f"FROM {BASE} AS one\nFROM {BASE}\nCOPY --from=one /nowhere /x\n", "Dockerfile:3:1: error: COPY failed: "),
    (f"FROM {BASE}\n  COPY one\n", "Dockerfile:2:3: error: COPY requires at least two arguments"),
    (f"FROM {BASE}\nLABEL a\n", "Dockerfile: error: failed to parse Dockerfile: LABEL must have two arguments"),
]


@pytest.mark.parametrize(("dockerfile", "finding"), BUILDS)
def test_build_that_fails_is_a_finding_at_its_line(berth, dockerfile, finding):
    write_server(berth, "built", {"Dockerfile": dockerfile}, image=None)
    berth.start()
    assert berth.wait_refusal("/built").error()["reason"] == "image-build"
    said = Cli(berth).run("describe", "built")
    assert f"/functions/built/{finding}" in said, said


def test_what_dockerignore_lists_is_no_part_of_the_build(berth):
    files = {
        "Dockerfile": f"FROM {BASE}\nCOPY . /srv/\nRUN cd /srv && find . -type f | sort > /list\n",
        ".dockerignore": "# notes\n**/*.log\n!keep.log\ndata/*\n!data/in\nDockerfile\n",
        "a.log": "", "deep/b.log": "", "keep.log": "", "data/in": "", "data/out": "", "deep/c": "",
    }
    berth.write_files("functions/built", files)
    serve_image(berth, "built", "", image=None, command="sh -c 'WORD=$(cat /list) exec perl -e \"$PROGRAM\"'")
    berth.start()
    answer = berth.wait_answer("/built", lambda answer: answer.status == 200, "the image to be built", 240)
    assert answer.text.split() == ["./.dockerignore", "./data/in", "./deep/c", "./keep.log"]
    revision = view(berth, "built")["revision"]
    berth.write_files("functions/built", {"a.log": "more", "data/new": ""})
    berth.apply()
    wait_until(lambda: view(berth, "built")["next_revision"] is None, "the files to be looked at", 60)
    assert view(berth, "built")["revision"] == revision


def test_mistake_in_dockerignore_is_a_finding(berth):
    write_server(berth, "web", {"Dockerfile": f"FROM {BASE}\n", ".dockerignore": "a\n[b\n"}, image=None)
    run = subprocess.run(berth.command("--check"), capture_output=True, text=True, timeout=60)
    assert "functions/web/.dockerignore:2: error: its bracket is not closed" in run.stderr


def test_new_function_can_be_built_and_serves(berth, tmp_path):
    cli = Cli(berth)
    cli.run("new", "container", "greet", cwd=tmp_path)
    cli.run("check", cwd=tmp_path)
    assert "1 function, 0 errors" in cli.said
    files = {path.name: path.read_text() for path in (tmp_path / "functions" / "greet").iterdir()}
    berth.write_function("greet", files, language="container", base_function_file_name=None)
    berth.start()
    answer = berth.wait_answer("/greet", lambda answer: answer.status == 200, "the image to be built", 300)
    assert answer.text == "Hello from a container\n"


def test_nginx_of_the_guide_serves(berth, root):
    """As docs/container.md has it, under load, from zero."""
    guide = (root / "docs" / "container.md").read_text(encoding="utf-8")
    files = dict(re.findall(r"^```nginx/(\S+)\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL))
    files["www/index.html"] = "a page\n"
    berth.write_function("pages", files, language="container", base_function_file_name=None)
    berth.start()
    berth.wait_answer("/pages/", lambda answer: answer.status == 200, "the image to be built", 300)
    berth.wait_no_instance("pages", 60)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = [pool.submit(berth.get, "/pages/index.html") for _ in range(400)]
        assert {(answer.result().status, answer.result().text) for answer in answers} == {(200, "a page\n")}
    assert berth.get("/pages/nowhere").status == 404


def test_the_guide_shows_the_new_function_as_it_is(root):
    guide = (root / "docs" / "container.md").read_text(encoding="utf-8")
    source = (root / "plugins" / "container" / "plugin.c").read_text(encoding="utf-8")
    example = re.search(r"^```Dockerfile\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL)[1]
    for line in example.splitlines():
        assert line.rstrip("\\ ").replace('"', '\\"') in source


FINDINGS = [
    ({"image": None}, "", "neither an image nor a Dockerfile is named", None),
    ({"dockerfile": "Dockerfile"}, "FROM x\n", "both an image and a Dockerfile are named", None),
    ({"image": "Nginx:latest"}, "", '"Nginx:latest" is no name of an image', None),
    ({"image": None, "dockerfile": "other"}, "", "the Dockerfile other cannot be read: No such file", None),
    ({"image": None}, "RUN true\n", "RUN stands before the first FROM", "Dockerfile:1:1"),
    ({"image": None}, "FROM x\n  RUNN true\n", '"RUNN" is no instruction of a Dockerfile', "Dockerfile:2:3"),
    ({"image": None, "port": 81}, "FROM x\nEXPOSE 80\n", "the image exposes port 80, and requests are sent to port 81",
     "Dockerfile:2:1"),
    ({"ready": "healthz"}, "", "the path of `ready` does not begin with a slash", None),
    ({"command": "perl 'x"}, "", "a quote in the command is not closed", None),
    ({"base_function_file_name": "server.pl"}, "", "a container has no entry file", None),
    ({"network": "none"}, "", "nobody can reach the server that this function is", None),
]


@pytest.mark.parametrize(("settings", "dockerfile", "message", "place"), FINDINGS)
def test_findings_say_what_is_wrong_and_where(berth, settings, dockerfile, message, place):
    write_server(berth, "web", {"Dockerfile": dockerfile} if dockerfile else None, **settings)
    run = subprocess.run(berth.command("--check"), capture_output=True, text=True, timeout=60)
    lines = [line for line in run.stderr.splitlines() if message in line]
    assert lines and (place or "global-function-definition.yml:") in lines[0], run.stderr


@pytest.mark.parametrize("settings", [
    {"image": None},
    {"image": None, "dockerfile": "Dockerfile"},
    {"function_folder": "web"},
])
def test_folder_that_is_needed_and_missing_is_a_finding(berth, settings):
    serve_image(berth, "web", "one", **settings)
    run = subprocess.run(berth.command("--check"), capture_output=True, text=True, timeout=60)
    assert 'error: there is no folder "web"' in run.stderr
    assert "global-function-definition.yml:" in run.stderr and 'with "image"' in run.stderr
