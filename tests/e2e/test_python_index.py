"""Python packages from an index of the test's own: mirrors, proxies, certificates, the disk budget, and what a change of
code costs. No other network is needed."""

import hashlib
import os
import re
import ssl
import subprocess

import pytest

from harness.functions import HELLO
from harness.index import NOT_SET, Index, gateway, mirrored, wheel
from harness.wait import wait_until

pytestmark = pytest.mark.limit(300)

USES = """
    import parcel

    def handle(request):
        return "{word} " + parcel.NAME
"""


def answers(berth, name, text, seconds=120):
    return berth.wait_answer(f"/{name}", lambda answer: answer.status == 200 and answer.text == text, text, seconds)


def test_mirror_is_used(berth, index):
    index.wheels["alpha"] = wheel("alpha", 10)
    berth.write_function("uses", USES.format(word="has"), extra_dependencies="alpha==1.0")
    berth.start(environment=mirrored(index))
    answers(berth, "uses", "has alpha")
    assert "/simple/alpha/alpha-1.0-py3-none-any.whl" in index.asked


def locked(index, *names):
    """Lines of a lock file."""
    return "".join(f"{name}==1.0 --hash=sha256:{hashlib.sha256(index.wheels[name]).hexdigest()}\n" for name in names)


def test_lock_file_is_kept_to(berth, index):
    """A hash for all or for none, what is depended on included; and the content is what was locked."""
    index.wheels["beta"] = wheel("beta", 10, module="bundle")
    index.wheels["alpha"] = wheel("alpha", 10, requires="beta")
    code = USES.format(word="has")
    berth.write_function("whole", {"main.py": code, "requirements.txt": locked(index, "beta", "alpha")})
    berth.write_function("part", {"main.py": code, "requirements.txt": locked(index, "alpha") + "beta==1.0\n"})
    berth.write_function("beside", {"main.py": code, "requirements.txt": locked(index, "alpha")},
                         extra_dependencies="beta==1.0")
    berth.write_function("hidden", {"main.py": code, "requirements.txt": locked(index, "alpha")})
    other = locked(index, "beta").replace("beta", "alpha")
    berth.write_function("changed", {"main.py": code, "requirements.txt": other})
    berth.start(environment=mirrored(index), timeout=200)
    answers(berth, "whole", "has alpha")
    for name, message in (("part", "`beta==1.0` has no hash"), ("beside", "`beta==1.0` has no hash"),
                          ("hidden", "hash"), ("changed", "(?i)hash")):
        answer = berth.wait_refusal(f"/{name}")
        assert re.search(message, answer.error()["message"]), answer


def test_proxy_is_used(berth, index):
    index.wheels["alpha"] = wheel("alpha", 10)
    berth.write_function("uses", USES.format(word="has"), extra_dependencies="alpha")
    berth.start(environment={**NOT_SET, "PIP_INDEX_URL": "http://packages.invalid/simple",
                             "PIP_TRUSTED_HOST": "packages.invalid", "http_proxy": index.address})
    answers(berth, "uses", "has alpha")
    assert "http://packages.invalid/simple/alpha/alpha-1.0-py3-none-any.whl" in index.asked


def certificate(folder, host):
    """A certificate that signs itself: (certificate, key)."""
    certificate, key = os.path.join(folder, "cert.pem"), os.path.join(folder, "key.pem")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", key, "-out", certificate, "-days", "2", "-subj", "/CN=test index",
                    "-addext", f"subjectAltName=IP:{host}"], check=True, capture_output=True)
    return certificate, key


def test_certificates_of_the_host_are_trusted(berth, tmp_path):
    files = certificate(tmp_path, gateway())
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    index = Index(context)
    try:
        index.wheels["alpha"] = wheel("alpha", 10)
        berth.write_function("uses", USES.format(word="has"), extra_dependencies="alpha")
        os.chmod(tmp_path, 0o755)
        berth.start(environment={**NOT_SET, "PIP_INDEX_URL": f"{index.address}/simple", "SSL_CERT_FILE": files[0]})
        answers(berth, "uses", "has alpha")
    finally:
        index.close()


def test_edit_installs_100_megabytes_neither_again_nor_for_another_function(berth, index):
    index.wheels["heavy"] = wheel("heavy", 100 << 20)
    berth.write_function("uses", USES.format(word="0"), extra_dependencies="heavy", idle_timeout=60)
    berth.start(environment=mirrored(index))
    answers(berth, "uses", "0 heavy", 120)
    asked = list(index.asked)
    for number in range(1, 4):
        berth.write_function("uses", USES.format(word=number), extra_dependencies="heavy", idle_timeout=60)
        berth.reload()
        answers(berth, "uses", f"{number} heavy")
    berth.write_function("second", USES.format(word="second"), extra_dependencies="heavy")
    berth.reload()
    answers(berth, "second", "second heavy")
    assert index.asked == asked


def test_output_of_an_installation_is_bounded_and_what_is_dropped_is_counted(berth, index):
    names = ("alpha", "beta", "gamma", "delta", "epsilon", "zeta")
    index.wheels.update({name: wheel(name, 10) for name in names})
    berth.host = {"log_rate": 1}  # three records take all that it gives in five minutes
    berth.write_function("uses", USES.format(word="has"), extra_dependencies=" ".join(names))
    berth.start(environment=mirrored(index))
    wait_until(lambda: berth.log.entries(event="dependencies.installed"), "the installation", 60)
    assert 1 <= len(berth.log.entries(event="dependencies.output")) <= 3
    (dropped,) = berth.log.entries(event="dependencies.output-dropped", level="warning", function="uses")
    assert int(dropped["lines"]) >= 1


@pytest.mark.shows_setting("host.dependency_disk")
def test_unused_dependencies_go_when_the_disk_budget_is_spent(berth, index):
    berth.host = {"dependency_disk": "5Mi"}
    for name in ("alpha", "beta"):
        index.wheels[name] = wheel(name, 3 << 20)
    berth.write_function("uses", USES.format(word="has"), extra_dependencies="alpha")
    berth.write_function("hello", HELLO)
    berth.start(environment=mirrored(index))
    answers(berth, "uses", "has alpha")
    berth.write_function("uses", USES.format(word="has"), extra_dependencies="beta")
    berth.reload()
    answers(berth, "uses", "has beta")
    wait_until(lambda: berth.log.entries(event="dependencies.removed"), "the unused dependencies to go", 30)
    assert answers(berth, "uses", "has beta")

    def weights():
        return [os.path.join(top, name) for top, _, names in os.walk(berth.state_dir) for name in names
                if name == "weight"]

    wait_until(lambda: len(weights()) == 1, "the files of the unused to be gone")
    assert os.path.getsize(*weights()) == 3 << 20
    refused = berth.admin("POST", "/berth/functions/uses/rollback")
    assert refused.status == 409 and "the set of dependencies" in refused.text


def test_failed_installation_keeps_the_old_revision_until_it_is_mended(berth, index):
    index.wheels["alpha"] = wheel("alpha", 10)
    berth.write_function("uses", USES.format(word="old"), extra_dependencies="alpha", idle_timeout=60)
    berth.start(environment=mirrored(index))
    answers(berth, "uses", "old alpha")
    berth.write_function("uses", USES.format(word="new"), extra_dependencies="alpha nowhere", idle_timeout=60)
    berth.reload()
    (failed,) = wait_until(lambda: berth.log.entries(event="dependencies.install_failed"), "pip's reason", 60)
    assert "No matching distribution found for nowhere" in failed["error"]
    assert berth.get("/uses").text == "old alpha"
    berth.write_function("uses", USES.format(word="new"), extra_dependencies="alpha ", idle_timeout=60)
    berth.reload()
    answers(berth, "uses", "new alpha")
