"""What crosses from one namespace to another, and what does not. Source of the answers: OpenBao 2.7.2."""

import pytest
from support.states import ROOT_TOKEN, make_core

from vaultctl.core.core import Core
from vaultctl.logical.errors import InvalidRequest, NamespaceLocked, NotFound, PermissionDenied, VaultError
from vaultctl.logical.request import Operation, Request
from vaultctl.logical.response import Response
from vaultctl.storage.memory import Memory

READ, UPDATE = Operation.READ, Operation.UPDATE
ANYTHING = 'path "*" { capabilities = ["create", "read", "update", "delete", "list", "sudo"] }'
PLACES = ("", "n1", "n1/sub", "n2")
ACROSS = [(by, of) for by in PLACES for of in PLACES if by != of]


class Made:
    """A token and its accessor."""

    def __init__(self, core: Core, namespace: str, **data: object) -> None:
        """Make it in a namespace, without a parent."""
        auth = ask(core, UPDATE, "auth/token/create-orphan", namespace, ttl="1h", **data).auth
        assert auth is not None
        self.text, self.accessor = str(auth["client_token"]), str(auth["accessor"])


@pytest.fixture
def core() -> Core:
    """A core with the namespaces n1/, n1/sub/ and n2/, and in each a policy that allows anything."""
    core = make_core(Memory())
    for namespace in PLACES:
        above, _, name = namespace.rpartition("/")
        if name:
            ask(core, UPDATE, f"sys/namespaces/{name}", above)
        ask(core, UPDATE, "sys/policies/acl/admin", namespace, policy=ANYTHING)
    return core


def ask(
    core: Core, operation: Operation, path: str, namespace: str = "", by: str = ROOT_TOKEN, **data: object
) -> Response:
    """Ask in a namespace."""
    return core.handle(Request(operation, path, namespace, data=data, token=by))


def is_good(core: Core, made: Made, namespace: str) -> bool:
    """Tell whether a token is there, by what root is told of its accessor in its own namespace."""
    found = ask(core, UPDATE, "auth/token/lookup-accessor", namespace, accessor=made.accessor).data
    return found is not None and found["accessor"] == made.accessor


@pytest.mark.parametrize(
    "path",
    [
        "auth/token/lookup-accessor",
        "auth/token/renew-accessor",
        "auth/token/revoke-accessor",
        "sys/capabilities-accessor",
    ],
)
@pytest.mark.parametrize(("by", "of"), ACROSS)
def test_an_accessor_is_known_in_its_own_namespace_alone(core, path, by, of):
    """Neither an admin of another namespace nor root itself reaches a token by its accessor, and it stays as it is."""
    admin, theirs = Made(core, by, policies=["admin"]), Made(core, of, policies=["default"])
    for token in (admin.text, ROOT_TOKEN):
        with pytest.raises(InvalidRequest, match="cannot lookup token in different namespace"):
            ask(core, UPDATE, path, by, token, accessor=theirs.accessor, paths=["a"])
    assert is_good(core, theirs, of)


@pytest.mark.parametrize("path", ["auth/token/lookup-accessor", "auth/token/revoke-accessor"])
def test_it_is_not_told_whether_there_is_such_an_accessor_elsewhere(core, path):
    """One that was never made, or is gone, is refused in another namespace as one that is there."""
    gone = Made(core, "n1")
    ask(core, UPDATE, "auth/token/revoke-accessor", "n1", accessor=gone.accessor)
    for namespace, accessor in (("n1", "never"), ("n2", gone.accessor), ("", gone.accessor)):
        with pytest.raises(InvalidRequest, match="cannot lookup token in different namespace"):
            ask(core, UPDATE, path, namespace, accessor=accessor)


@pytest.mark.parametrize("namespace", PLACES)
def test_an_admin_has_the_accessors_of_its_own_namespace(core, namespace):
    """There they work, and a listing has those of this namespace alone."""
    admin = Made(core, namespace, policies=["admin"])
    theirs = Made(core, namespace, policies=["default"])
    for path in ("auth/token/lookup-accessor", "auth/token/renew-accessor", "sys/capabilities-accessor"):
        assert ask(core, UPDATE, path, namespace, admin.text, accessor=theirs.accessor, paths=["a"]).status in (0, 200)
    listed = ask(core, Operation.LIST, "auth/token/accessors", namespace, admin.text).data["keys"]
    assert {admin.accessor, theirs.accessor} <= set(listed)
    assert len(listed) == 2 + (not namespace)
    ask(core, UPDATE, "auth/token/revoke-accessor", namespace, admin.text, accessor=theirs.accessor)
    assert theirs.accessor not in ask(core, Operation.LIST, "auth/token/accessors", namespace).data["keys"]


@pytest.mark.parametrize(("header", "prefix"), [("n1", ""), ("", "n1/"), ("n1", "sub/"), ("n1/sub/", "")])
@pytest.mark.parametrize("of", PLACES)
def test_a_token_asks_about_itself_from_anywhere(core, of, header, prefix):
    """A token with no right but that of `default` looks itself up, renews and revokes itself in any namespace."""
    token = Made(core, of, policies=["default"])
    found = ask(core, READ, f"{prefix}auth/token/lookup-self", header, token.text).data
    assert (found["accessor"], found.get("namespace_path", "")) == (token.accessor, of and f"{of}/")
    assert ask(core, UPDATE, f"{prefix}auth/token/renew-self", header, token.text).auth["lease_duration"] == 3600
    ask(core, UPDATE, f"{prefix}auth/token/revoke-self", header, token.text)
    assert token.accessor not in ask(core, Operation.LIST, "auth/token/accessors", of).data.get("keys", ())


def test_a_locked_namespace_answers_no_token_about_itself(core):
    """The lock of the namespace that a request names holds, wherever the token is from."""
    token = Made(core, "", policies=["default"])
    ask(core, UPDATE, "sys/namespaces/api-lock/lock/n2")
    with pytest.raises(NamespaceLocked):
        ask(core, READ, "auth/token/lookup-self", "n2", token.text)


@pytest.mark.parametrize("path", ["lookup", "renew", "revoke", "revoke-orphan"])
@pytest.mark.parametrize("given", [5, True, None, [], {}])
@pytest.mark.parametrize("by", [ROOT_TOKEN, "s.nobody", ""])
def test_what_is_no_text_is_no_token(core, path, given, by):
    """It is refused before anybody's rights are asked for, in any namespace."""
    for namespace in ("", "n1"):
        with pytest.raises(VaultError, match=r"\Ainvalid token\Z") as refused:
            ask(core, UPDATE, f"auth/token/{path}", namespace, by, token=given)
        assert refused.value.status == 403


@pytest.mark.parametrize("of", PLACES)
def test_a_batch_token_is_renewed_nowhere(core, of):
    """Its kind is looked at before its namespace."""
    text = Made(core, of, policies=["default"], type="batch").text
    for namespace in PLACES:
        with pytest.raises(InvalidRequest, match="batch tokens cannot be renewed"):
            ask(core, UPDATE, "auth/token/renew", namespace, token=text)


@pytest.mark.parametrize(
    ("operation", "path", "status"),
    [
        (Operation.LIST, "auth/token/roles/r", 404),
        (Operation.SCAN, "auth/token/roles/r", 404),
        (Operation.LIST, "auth/token/create/r", 404),
        (Operation.SCAN, "auth/token/roles", 405),
        (Operation.SCAN, "auth/token/accessors", 405),
        (Operation.SCAN, "sys/policies/acl", 405),
        (Operation.SCAN, "sys/remount/status", 404),
        (Operation.LIST, "sys/mounts", 404),
        (Operation.LIST, "sys/mounts/secret", 405),
        (Operation.LIST, "sys/policies/password/p/generate", 405),
        (Operation.LIST, "sys/config/auditing/request-headers/h", 405),
    ],
)
def test_a_listing_of_what_has_no_folder(core, operation, path, status):
    """What has no path with a slash behind it is no folder; the others take another verb."""
    ask(core, UPDATE, "auth/token/roles/r")
    with pytest.raises(VaultError, match="unsupported") as refused:
        ask(core, operation, path)
    assert refused.value.status == status


@pytest.mark.parametrize("path", ["sys/mounts", "secret/data/a", "cubbyhole/a", "sys/nothing", "nothing/a"])
def test_no_right_lets_a_head_in(core, path):
    """Whatever a policy allows, HEAD is refused; root learns that there is none."""
    admin = Made(core, "", policies=["admin"])
    with pytest.raises(PermissionDenied):
        ask(core, Operation.HEAD, path, by=admin.text)
    with pytest.raises(VaultError) as refused:
        ask(core, Operation.HEAD, path)
    assert refused.value.status in (404, 405)


@pytest.mark.parametrize(
    ("namespace", "target", "shown", "cleaned"),
    [
        ("n1", "../n2/k", "n1/../n2/k/", "n2/k/"),
        ("n1", "/../n2/k/", "n1//../n2/k/", "n2/k/"),
        ("n1", "./../n2/k", "n1/./../n2/k/", "n2/k/"),
        ("n1", "sub/../../n2/k", "n1/sub/../../n2/k/", "n2/k/"),
        ("n1", "../../n2/k", "n1/../../n2/k/", "../n2/k/"),
        ("n1", "../n1/sub/k", "n1/../n1/sub/k/", "n1/sub/k/"),
        ("n1", "/sub/k", "n1//sub/k/", "n1/sub/k/"),
        ("n1", "..", "n1/../", "./"),
        ("n1/sub", "../k", "sub/../k/", "k/"),
        ("n1", "a/../k", "a/../k/", "k/"),
        ("n1", "sub/../k", "sub/../k/", "k/"),
        ("n1", "./k", "./k/", "k/"),
        ("n1", "/a//k", "a//k/", "a/k/"),
        ("", "n1/../n2/k", "n1/../n2/k/", "n2/k/"),
        # OpenBao takes these two.
        ("n1", "../n1/k", "n1/../n1/k/", "n1/k/"),
        ("n1", ".", "n1/./", "n1/"),
    ],
)
def test_a_move_does_not_climb_out_of_its_namespace(core, namespace, target, shown, cleaned):
    """A destination that is no clean path is refused, and the mount stays where it is."""
    ask(core, UPDATE, "sys/mounts/from", namespace, type="kv")
    with pytest.raises(InvalidRequest) as refused:
        ask(core, UPDATE, "sys/remount", namespace, **{"from": "from", "to": target})
    problem = f"invalid destination mount: path '{shown}' does not match cleaned path '{cleaned}'"
    assert str(refused.value) == problem
    assert "from/" in ask(core, READ, "sys/mounts", namespace).data


def test_a_move_to_a_namespace_within(core):
    """A clean path may lead into an inner namespace."""
    ask(core, UPDATE, "sys/mounts/from", "n1", type="kv")
    ask(core, UPDATE, "sys/remount", "n1", **{"from": "from", "to": "sub/k/"})
    assert "k/" in ask(core, READ, "sys/mounts", "n1/sub").data


def test_a_namespace_that_a_move_does_not_touch_is_told_how_it_ended_and_no_more(core):
    """Why it failed, and how far it got, is told where the mount comes from, where it goes to, and around these."""
    ask(core, UPDATE, "sys/mounts/from", "n1", type="kv")
    started = ask(core, UPDATE, "sys/remount", "", **{"from": "n1/from", "to": "n2/k"}).data
    place = f"sys/remount/status/{started['migration_id']}"
    told = {namespace: ask(core, READ, place, namespace).data["migration_info"] for namespace in PLACES}
    outline = {"source_mount": "n1/from/", "target_mount": "n2/k/", "status": "success"}
    assert told["n1/sub"] == outline
    assert told[""] == told["n1"] == told["n2"]
    assert told[""].items() > outline.items()


def test_slashes_around_names_are_nothing(core):
    """A policy is read and removed with slashes behind its name, a namespace is made with one in front."""
    ask(core, UPDATE, "sys/policies/acl/p", policy=ANYTHING)
    assert ask(core, READ, "sys/policies/acl/p/").data["name"] == "p"
    assert ask(core, READ, "sys/policy/P//").data["rules"] == ANYTHING
    ask(core, Operation.DELETE, "sys/policies/acl/p/")
    with pytest.raises(NotFound):
        ask(core, READ, "sys/policies/acl/p")
    with pytest.raises(InvalidRequest, match="cannot delete default policy"):
        ask(core, Operation.DELETE, "sys/policies/acl/default/")
    assert ask(core, UPDATE, "sys/namespaces//nn").data["path"] == "nn/"
    for path in ("nn/", "/nn", "nn//"):
        assert ask(core, READ, f"sys/namespaces/{path}").data["path"] == "nn/"
    for path, problem in (
        ("nn/x", "cannot contain /"),
        ("//nn", "cannot contain /"),
        ("/root", '"root/" is a reserved'),
    ):
        with pytest.raises(InvalidRequest, match=problem):
            ask(core, READ, f"sys/namespaces/{path}")
    assert "n1/sub/" in ask(core, Operation.SCAN, "sys/namespaces/").data["keys"]


@pytest.mark.parametrize(
    ("header", "found"),
    [
        ("n1/sub/..", "n1/"),
        ("n1/./", "n1/"),
        ("./n1", "n1/"),
        ("n1//sub", "n1/sub/"),
        ("zz/../n1", "n1/"),
        ("//n1//", "n1/"),
        ("root/../n1", "n1/"),
        ("n1/..", ""),
        ("n1/sub/../../root", ""),
        (".", ""),
        ("/root/", ""),
        ("..", None),
        ("../n1", None),
        ("/../n1", None),
        ("n1/../../n1", None),
        ("n1 /", None),
        ("root/n1", None),
        ("...", None),
    ],
)
def test_a_header_is_a_path(core, header, found):
    """What names a namespace is cleaned as a path is; None stands for a namespace that is not there."""
    for namespace in PLACES:
        ask(core, UPDATE, "cubbyhole/here", namespace, of=f"{namespace}/" if namespace else "")
    if found is None:
        with pytest.raises(NotFound, match="namespace not found"):
            ask(core, READ, "cubbyhole/here", header)
    else:
        assert ask(core, READ, "cubbyhole/here", header).data == {"of": found}


@pytest.mark.parametrize("subject", ["capabilities", "capabilities-self", "capabilities-accessor"])
@pytest.mark.parametrize("given", [[""], ["a", ""], ["", "a"], [" "]])
def test_no_path_has_no_capabilities(core, subject, given):
    """An empty path among those that are asked about is refused."""
    admin = Made(core, "n1", policies=["admin"])
    who = {"capabilities": {"token": admin.text}, "capabilities-accessor": {"accessor": admin.accessor}}
    with pytest.raises(InvalidRequest, match="missing path"):
        ask(core, UPDATE, f"sys/{subject}", "n1", admin.text, paths=given, **who.get(subject, {}))


def test_the_order_of_capabilities(core):
    """What a token may do is shown with patch and scan last; sys/capabilities sorts them."""
    words = ["update", "scan", "list", "read", "delete", "sudo", "create", "patch"]
    ask(core, UPDATE, "sys/policies/acl/all", policy=f'path "a" {{ capabilities = {words} }}'.replace("'", '"'))
    token = Made(core, "", policies=["all", "default"]).text
    shown = ask(core, READ, "sys/internal/ui/resultant-acl", by=token).data["exact_paths"]["a"]["capabilities"]
    assert shown == ["create", "delete", "list", "read", "sudo", "update", "patch", "scan"]
    assert ask(core, UPDATE, "sys/capabilities-self", by=token, paths=["a"]).data["a"] == sorted(words)
