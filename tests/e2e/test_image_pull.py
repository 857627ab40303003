"""Images that functions name and that are not on this machine: pulled from registries, with Docker's own credentials."""

import base64
import http.server
import os
import threading
import urllib.parse

import pytest

from harness.registry import PASSWORD, USER, Registry, login, remove_images, write_config
from harness.revisions import rollback
from harness.wait import wait_until

READY_S = 200


@pytest.fixture(name="images", scope="module")
def images_fixture():
    """A registry that anybody may read, and write."""
    registry = Registry()
    registry.start()
    yield registry
    remove_images(registry)
    registry.remove()


@pytest.fixture(name="closed", scope="module")
def closed_fixture(images):
    """The same images, for those who have the password."""
    registry = Registry(images.folder, PASSWORD)
    registry.start()
    yield registry
    remove_images(registry)
    registry.remove()


def start(berth, image, **environment):
    """A daemon whose function `web` is that image, and which reads Docker's configuration below its own folder."""
    name(berth, image)
    berth.start(environment={"DOCKER_CONFIG": config_of(berth), **environment})


def config_of(berth):
    return os.path.join(berth.folder, "docker")


def name(berth, image):
    berth.write_function("web", {"notes": "none"}, language="container", image=image, base_function_file_name=None)


def serves(berth, built="here"):
    """Waits until the function is the image that was built with that word."""
    berth.wait_answer("/web/env", lambda answer: answer.status == 200 and f"BUILT={built}\n" in answer.text,
                      "the image to be pulled", READY_S)


def refused(berth):
    return berth.wait_refusal("/web", READY_S).error()


def told(berth):
    """All that it says: its log, and the management port of the function."""
    return "\n".join(berth.log.lines()) + berth.admin("GET", "/berth/functions/web").text


def test_image_is_pulled_and_serves(berth, images):
    image = images.image("open")
    images.put("open")
    start(berth, image)
    serves(berth)
    assert len(berth.log.entries("image.pulled", image=image)) == 1
    assert berth.log.entries("image.output", image=image)
    before = len(berth.log.entries("config.applied"))
    berth.reload()
    berth.wait_answer("/web/env", lambda _: len(berth.log.entries("config.applied")) > before, "the reload", 60)
    assert len(berth.log.entries("image.pull")) == 1


def test_image_is_pulled_by_its_digest(berth, images):
    digest = images.put("by-digest", built="digest")
    start(berth, images.image("by-digest").rsplit(":", 1)[0] + "@" + digest)
    serves(berth, "digest")


def test_password_of_docker_login_is_used(berth, images, closed):
    images.put("password")
    login(config_of(berth), closed)
    start(berth, closed.image("password"))
    serves(berth)
    for secret in (PASSWORD, base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()):
        assert secret not in told(berth)


HELPER = """#!/bin/sh
read -r registry
[ "$1 $registry" = "get %s" ] || { echo "credentials not found in native keychain"; exit 1; }
%s
"""


def write_helper(berth, registry, script):
    """A helper `test` in a folder for PATH, which answers for that registry; the daemon's PATH."""
    berth.write_files("bin", {"docker-credential-test": HELPER % (registry.host, script)})
    return os.path.join(berth.project, "bin") + ":" + os.environ["PATH"]


@pytest.mark.parametrize("config", ["credHelpers", "credsStore"])
def test_credential_helper_is_asked(berth, images, closed, config):
    images.put("helper")
    write_config(config_of(berth), {"credHelpers": {closed.host: "test"}} if config == "credHelpers" else
                 {"credsStore": "test"})
    answer = f'{{"ServerURL": "x", "Username": "{USER}", "Secret": "{PASSWORD}"}}'
    remove_images(closed)
    start(berth, closed.image("helper"), PATH=write_helper(berth, closed, f"echo '{answer}'"))
    serves(berth)
    assert PASSWORD not in told(berth)


@pytest.mark.parametrize(("script", "words"), [
    (f"echo {PASSWORD}; exit 3", "docker-credential-test, which Docker's config.json names for REGISTRY, failed with code 3"),
    (f"echo {PASSWORD}", "the answer of docker-credential-test for REGISTRY: it is no JSON: line 1"),
    (None, "cannot run docker-credential-test, which Docker's config.json names for REGISTRY: No such file"),
])
def test_helper_that_does_not_help_is_told(berth, closed, script, words):
    write_config(config_of(berth), {"credHelpers": {closed.host: "test"}})
    start(berth, closed.image("helper-fails"), **({"PATH": write_helper(berth, closed, script)} if script else {}))
    error = refused(berth)
    assert error["reason"] == "image-login"
    assert words.replace("REGISTRY", closed.host) in error["message"]
    assert PASSWORD not in told(berth)


def test_wrong_password_is_told_and_mended_by_a_reload(berth, images, closed):
    images.put("wrong")
    login(config_of(berth), closed, "not-the-password")
    start(berth, closed.image("wrong"))
    error = refused(berth)
    assert error["reason"] == "image-login", error
    assert closed.image("wrong") in error["message"] and f"docker login {closed.host}" in error["hint"]
    assert "not-the-password" not in told(berth)
    login(config_of(berth), closed)
    berth.reload()
    serves(berth)


def test_registry_that_wants_a_password_which_nobody_has_is_told(berth, closed):
    start(berth, closed.image("nobody"))
    error = refused(berth)
    assert error["reason"] == "image-login"
    assert f"Docker has no user and password for it: docker login {closed.host}" in error["hint"]


def test_config_that_is_no_json_is_told_without_what_it_holds(berth, closed):
    write_config(config_of(berth), f'{{"auths": {{"{closed.host}": {{"auth": {PASSWORD}')
    start(berth, closed.image("nobody"))
    error = refused(berth)
    assert error["reason"] == "image-login" and "it is no JSON: line 1, column" in error["message"]
    assert PASSWORD not in told(berth)


def test_image_that_is_nowhere_is_told(berth, images):
    start(berth, images.image("nowhere"))
    error = refused(berth)
    assert error["reason"] == "image-missing"
    assert f"the image {images.image('nowhere')} is not on this machine, and cannot be pulled" in error["message"]
    assert "check the name" in error["hint"]


def test_registry_that_is_down_is_told_and_mended_by_a_reload(berth, images):
    other = Registry(images.folder)
    images.put("down")
    try:
        start(berth, other.image("down"))
        error = refused(berth)
        assert error["reason"] == "image-pull" and "connection refused" in error["message"]
        assert f"docker pull {other.image('down')}" in error["hint"]
        other.start()
        berth.reload()
        serves(berth)
    finally:
        remove_images(other)
        other.remove()


def test_roll_back_has_the_image_that_was_there_before(berth, images):
    images.put("rolled", "1", built="one")
    images.put("rolled", "2", built="two")
    start(berth, images.image("rolled", "1"))
    serves(berth, "one")
    name(berth, images.image("rolled", "2"))
    berth.reload()
    serves(berth, "two")
    assert rollback(berth, name="web").status < 300
    serves(berth, "one")


class Silent(http.server.BaseHTTPRequestHandler):
    """A registry that says that it is one, and answers nothing else until it is released."""

    def do_GET(self):
        if urllib.parse.urlsplit(self.path).path != "/v2/":
            self.server.released.wait()
        self.send_response(200)
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


def test_who_waits_is_told_that_the_image_is_pulled(berth):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Silent)
    server.released = threading.Event()
    threading.Thread(target=server.serve_forever, daemon=True).start()
    image = f"127.0.0.1:{server.server_port}/berth-test/slow:1"
    berth.host["queue_timeout"] = "1s"
    try:
        berth.start()
        name(berth, image)
        berth.reload()
        wait_until(lambda: berth.log.entries("image.pull", image=image), "the pull to begin", 60)
        answer = berth.wait_answer("/web", lambda answer: answer.error()["reason"] == "pulling-image", "the news", 60)
        assert f"the image {image} is being pulled" in answer.error()["message"]
    finally:
        server.released.set()
        server.shutdown()
        server.server_close()
