"""`-github-output`: values for a step of a GitHub Actions job, masked before they are set."""

import json
import os
import re
import resource

import pytest

SECRET = "first line\n  50% of it\r\n\n\u00fc\U0001f600 last"


class Step:
    """The program in a step of a job: the file of outputs, and what the runner makes of it and of the log."""

    def __init__(self, run):
        self.run = run
        self.file = run.home / "outputs"
        self.file.touch()

    def __call__(self, *args, **more):
        """Run one command line; give what came of it."""
        return self.run(*args, env={"GITHUB_OUTPUT": str(self.file)}, **more)

    def outputs(self):
        """Read the file as the runner does: NAME<<DELIMITER, the value, DELIMITER."""
        found, lines = {}, self.file.read_bytes().decode().split("\n")
        while lines:
            line = lines.pop(0)
            if not line:
                continue
            name, _, delimiter = line.partition("<<")
            end = lines.index(delimiter)
            found[name] = "\n".join(lines[:end])
            del lines[: end + 1]
        return found


@pytest.fixture
def step(here):
    """A step of a job."""
    return Step(here)


def masked(out):
    """Read the masks as the runner does; all that was printed must be one."""
    lines = out.split("\n")
    assert lines.pop() == ""
    assert [line for line in lines if not line.startswith("::add-mask::")] == []
    told = [line.removeprefix("::add-mask::") for line in lines]
    return [text.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%") for text in told]


def test_a_field_of_many_lines(step):
    """Each line of the value is masked, the value is the output as it is, and nothing else is printed."""
    step("kv", "put", "secret/a", "-", stdin=json.dumps({"k": SECRET}).encode())
    ran = step("kv", "get", "-field=k", "-github-output=PASSWORD", "secret/a")
    assert (ran.code, ran.err, step.outputs()) == (0, "", {"PASSWORD": SECRET})
    masks = masked(ran.out)
    assert [line for line in SECRET.splitlines() if line and line not in masks] == []
    assert [mask for mask in masks if not mask.strip()] == []


def test_a_value_that_ends_in_newlines(step):
    """Newlines at the end of a value stay."""
    step("kv", "put", "secret/a", "k=-", stdin=b"x\n\n")
    step("kv", "get", "-field=k", "-github-output=v", "secret/a")
    assert step.outputs() == {"v": "x\n\n"}


def test_masks_come_before_the_value(step, monkeypatch):
    """When the file is written, the masks are out already."""
    written = []
    plain = os.write

    def write(fd, data):
        written.append(data)
        return plain(fd, data)

    step("kv", "put", "secret/a", "k=canary")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "write", write)
        patch.setattr("vaultctl.cli.env.Env.out", lambda _env, text: written.append(text.encode()))
        step("kv", "get", "-field=k", "-github-output=v", "secret/a")
    holding = [data for data in written if b"canary" in data]
    assert holding[0] == b"::add-mask::canary\n"
    assert holding[1].startswith(b"v<<")


def test_the_delimiter_is_random(step):
    """No two outputs have the same delimiter, and it is long."""
    step("kv", "put", "secret/a", "k=v")
    for _ in range(2):
        step("kv", "get", "-field=k", "-github-output=v", "secret/a")
    found = re.findall(r"v<<(end_[0-9a-f]{32})\n", step.file.read_text())
    assert (len(found), len(set(found))) == (2, 2)


@pytest.mark.parametrize(
    ("words", "name"),
    [
        (("kv", "get"), "secret/a"),
        (("read",), "secret/data/a"),
    ],
)
def test_all_data(step, words, name):
    """Without a field the output is JSON in one line, and each text in it is masked, as JSON spells it too."""
    data = {"k": 'a "b"\nc', "n": {"deep": ["x1234"]}, "number": 12345, "few": 7, "yes": True, "none": None}
    step("kv", "put", "secret/a", "-", stdin=json.dumps(data).encode())
    ran = step(*words, "-github-output=all", name)
    found = json.loads(step.outputs()["all"])
    assert (ran.code, found.get("data", found)) == (0, data)
    masks = masked(ran.out)
    assert {'a "b"', "c", 'a \\"b\\"\\nc', "x1234", "12345"} <= set(masks)
    assert {"7", "true", "null", "True", "None"}.isdisjoint(masks)


def test_wrapping_and_unwrapping(step):
    """The output of `wrapping wrap` is the token, that of `unwrap` what it stands for."""
    ran = step("wrapping", "wrap", "-github-output=token", "a=secret-value")
    token = step.outputs()["token"]
    assert masked(ran.out) == [token]
    assert step("unwrap", "-field=a", "-github-output=value", "-", stdin=token.encode()).code == 0
    assert step.outputs()["value"] == "secret-value"


def test_tokens_that_are_made(step):
    """Where a command makes a token, that is the output; also where its answer was wrapped."""
    step("token", "create", "-github-output=token")
    step("token", "create", "-wrap-ttl=60", "-github-output=wrapped")
    outputs = step.outputs()
    assert step.run("token", "lookup", outputs["token"]).code == 0
    assert step.run("unwrap", "-field=token", outputs["wrapped"]).code == 0


def test_a_write(step):
    """A field of the answer to a write is an output."""
    assert (
        step("write", "-field=version", "-github-output=v", "secret/data/a", "-", stdin=b'{"data": {"a": "b"}}').code
        == 0
    )
    assert step.outputs() == {"v": "1"}


def test_nothing_is_used_up_where_there_is_no_step(here):
    """Without GITHUB_OUTPUT, or where it cannot be written, nothing is asked, and a wrapping token stays good."""
    token = here("wrapping", "wrap", "-field=wrapping_token", "a=b").out
    for env in ({"GITHUB_OUTPUT": ""}, {"GITHUB_OUTPUT": str(here.home / "nosuch")}, {"GITHUB_OUTPUT": str(here.home)}):
        ran = here("unwrap", "-field=a", "-github-output=v", token, env=env)
        assert (ran.code, ran.out, "GITHUB_OUTPUT" in ran.err, "nothing was asked" in ran.err) == (1, "", True, True)
    assert here("unwrap", "-field=a", token).out == "b"


@pytest.mark.parametrize("name", ["", "a b", "a=b", "a<<b", "a\nb", "1a", "-a"])
def test_names_of_outputs(step, name):
    """What is no name of an output is refused, before it could be read as something else."""
    step("kv", "put", "secret/a", "k=v")
    assert step("kv", "get", "-field=k", f"-github-output={name}", "secret/a").code == 1
    assert step.file.read_text() == ""


def test_a_field_that_is_not_there(step):
    """A field that is missing sets nothing."""
    step("kv", "put", "secret/a", "k=v")
    ran = step("kv", "get", "-field=nosuch", "-github-output=v", "secret/a")
    assert (ran.code, ran.out, step.outputs()) == (1, "", {})


def test_a_field_that_is_an_object(step):
    """A field that is no text is JSON, with the masks of all that is in it; a text in JSON is masked as it is, too."""
    step("kv", "put", "secret/o", "x=INNER1", "y=INNER2")
    for words in (("read",), ("read", "-format=json"), ("read", "-format=yaml")):
        ran = step(*words, "-field=data", "-github-output=X", "secret/data/o")
        assert json.loads(step.outputs()["X"]) == {"x": "INNER1", "y": "INNER2"}
        assert {"INNER1", "INNER2"} <= set(masked(ran.out))
    ran = step("kv", "get", "-format=json", "-field=x", "-github-output=Y", "secret/o")
    assert (step.outputs()["Y"], "INNER1" in masked(ran.out)) == ('"INNER1"', True)


def test_lines_that_are_everywhere(step):
    """A line of a few signs or digits has no mask of its own, or the log would be nothing but stars."""
    step("kv", "put", "secret/a", "-", stdin=json.dumps({"k": "{\n secret\n}\n12\nab", "n": 12}).encode())
    ran = step("kv", "get", "-field=k", "-github-output=v", "secret/a")
    assert set(masked(ran.out)) == {" secret", "secret", "ab"}
    assert {"12", "{", "}"}.isdisjoint(masked(step("kv", "get", "-github-output=v", "secret/a").out))


@pytest.mark.parametrize("value", ["123", "7", "-", " 42 ", "123\n", 123, 7])
@pytest.mark.parametrize("flags", [["-field=pin"], ["-field=pin", "-format=json"], ["-format=json"], []], ids=" ".join)
def test_a_short_value_that_is_all_of_a_secret(step, value, flags):
    """A secret of a few digits or signs is masked, whether it is asked for by its name or with all data."""
    step("kv", "put", "secret/a", "-", stdin=json.dumps({"pin": value}).encode())
    ran = step("kv", "get", *flags, "-github-output=v", "secret/a")
    assert (ran.code, str(value).strip() in masked(ran.out)) == (0, True)


def test_short_texts_among_others(step):
    """A text of a few digits is masked among other values too; what stands for no text at all is not."""
    step(
        "kv", "put", "secret/a", "-", stdin=json.dumps({"pin": "123", "other": "x", "none": " ", "empty": ""}).encode()
    )
    masks = masked(step("kv", "get", "-github-output=v", "secret/a").out)
    assert ({"123", "x"} <= set(masks), [mask for mask in masks if not mask.strip()]) == (True, [])


@pytest.mark.parametrize("where", ["/dev/full", "/dev/null", "a FIFO", "no space"])
def test_what_takes_no_value_is_found_before_anything_is_asked(vaultctl, where):
    """A device, a FIFO that nobody reads or a disk without space is refused, and a wrapping token stays good."""
    token = vaultctl("wrapping", "wrap", "-field=wrapping_token", "a=b").out
    path, options = where, {}
    if where == "a FIFO":
        path = str(vaultctl.home / "fifo")
        os.mkfifo(path)
    elif where == "no space":
        path = str(vaultctl.home / "outputs")
        with open(path, "w"):
            options["preexec_fn"] = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 19, 1 << 19))
    env = {"GITHUB_OUTPUT": path, "PYTHONDONTWRITEBYTECODE": "1"}
    ran = vaultctl("unwrap", "-field=a", "-github-output=v", token, env=env, **options)
    assert (ran.code, ran.out, "nothing was asked" in ran.err) == (1, "", True), ran.err
    assert vaultctl("unwrap", "-field=a", token).out == "b"


@pytest.mark.parametrize("words", [("unwrap", "-field=a", "-github-output=v"), ("unwrap",), ("wrapping", "rewrap")])
@pytest.mark.parametrize("how", ["closed", "unread"])
def test_a_stdout_that_nobody_reads_uses_nothing_up(vaultctl, words, how):
    """Where stdout is closed, or its reader is gone, nothing is asked, and a wrapping token stays good."""
    token = vaultctl("wrapping", "wrap", "-field=wrapping_token", "a=b").out
    file = vaultctl.home / "outputs"
    file.touch()
    reader, writer = os.pipe()
    os.close(reader)
    options = {"preexec_fn": lambda: os.close(1)} if how == "closed" else {"terminal": writer}
    child = vaultctl.start(*words, token, env={"GITHUB_OUTPUT": str(file)}, **options)
    _, err = child.communicate()
    os.close(writer)
    assert (child.returncode, "nothing was asked" in err, file.read_text()) == (1, True, "")
    assert vaultctl("unwrap", "-field=a", token).out == "b"


def test_a_closed_stdout_sets_nothing(vaultctl):
    """Where the masks cannot be printed the value is not set."""
    file = vaultctl.home / "outputs"
    file.touch()
    vaultctl("kv", "put", "secret/a", "k=v")
    with open("/dev/full", "w") as full:
        child = vaultctl.start(
            "kv", "get", "-field=k", "-github-output=v", "secret/a",
            env={"GITHUB_OUTPUT": str(file)}, terminal=full.fileno(),
        )  # fmt: skip
        _, err = child.communicate()
    assert (child.returncode, "cannot write to stdout" in err, file.read_text()) == (2, True, "")
