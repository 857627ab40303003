"""Programs of docs/container.md, as the page has them, built and served."""

import concurrent.futures
import hashlib
import re

import pytest


def files_of(root, example):
    guide = (root / "docs" / "container.md").read_text(encoding="utf-8")
    return dict(re.findall(rf"^```{example}/(\S+)\n(.*?)^```$", guide, re.MULTILINE | re.DOTALL))


@pytest.mark.parametrize("example, answer", [("go", hashlib.sha256(b"body").hexdigest() + "\n"), ("c", "Hello from C\n")])
def test_a_program_of_the_guide_is_built_and_serves(berth, root, example, answer):
    berth.write_function("program", files_of(root, example), language="container", base_function_file_name=None)
    berth.start()
    berth.wait_answer("/program", lambda answer: answer.status == 200, "the image to be built", 600)
    berth.wait_no_instance("program", 60)
    with concurrent.futures.ThreadPoolExecutor(16) as pool:
        answers = [pool.submit(berth.post, "/program/x?y", b"body") for _ in range(200)]
        assert {(got.result().status, got.result().text) for got in answers} == {(200, answer)}
