"""approle: machines, which log in with the id of a role and a secret id. Source: OpenBao 2.7.

Secret ids are stored as salted HMACs alone. What is where below the mount stands in `roles` and `secrets`.
"""

from vaultctl.auth.approle import login, parts, roles, secret_ids
from vaultctl.framework import token_fields
from vaultctl.framework.endpoint import Endpoint, Engine, Entry
from vaultctl.framework.fields import Field
from vaultctl.logical.request import Operation

_NAME = {"role_name": Field("string", "The name of the role.")}
_TERMS = {
    **_NAME,
    "metadata": Field("string", "What the tokens shall have as metadata: a JSON object of texts."),
    "cidr_list": Field("slice", "The blocks of addresses that one can log in from with it."),
    "token_bound_cidrs": Field("slice", "The blocks of addresses that the tokens can be used from."),
    "num_uses": Field("int", "How often it can be used; no more than the role says."),
    "ttl": Field("duration", "How long it is good; no longer than the role says."),
}
_SECRET_ID = {**_NAME, "secret_id": Field("string", "The secret id.")}
_ACCESSOR = {**_NAME, "secret_id_accessor": Field("string", "The accessor of the secret id.")}

_ENDPOINTS = (
    *(
        Endpoint(pattern, {Operation.LIST: roles.list_roles}, "List the roles that can log in.")
        for pattern in ("role", "role/")
    ),
    *parts.endpoints(_NAME),
    *(
        Endpoint(
            f"role/{{role_name}}/secret-id{slash}",
            {Operation.LIST: secret_ids.list_accessors, Operation.UPDATE: secret_ids.generate},
            "Give a role a secret id, or list the accessors of those that it has.",
            fields=_TERMS,
        )
        for slash in ("", "/")
    ),
    Endpoint(
        "role/{role_name}/custom-secret-id",
        {Operation.UPDATE: secret_ids.store_custom},
        "Give a role a secret id that was chosen elsewhere.",
        fields={**_TERMS, **_SECRET_ID},
    ),
    Endpoint(
        "role/{role_name}/secret-id/lookup",
        {Operation.UPDATE: secret_ids.look_up},
        "Tell of a secret id.",
        fields=_SECRET_ID,
    ),
    Endpoint(
        "role/{role_name}/secret-id/destroy",
        {Operation.UPDATE: secret_ids.destroy, Operation.DELETE: secret_ids.destroy},
        "Remove a secret id.",
        fields=_SECRET_ID,
    ),
    Endpoint(
        "role/{role_name}/secret-id-accessor/lookup",
        {Operation.UPDATE: secret_ids.look_up_accessor},
        "Tell of a secret id by its accessor.",
        fields=_ACCESSOR,
    ),
    Endpoint(
        "role/{role_name}/secret-id-accessor/destroy",
        {Operation.UPDATE: secret_ids.destroy_accessor, Operation.DELETE: secret_ids.destroy_accessor},
        "Remove a secret id by its accessor.",
        fields=_ACCESSOR,
    ),
    Endpoint(
        "role/{role_name}",
        {
            Operation.READ: roles.read_role,
            Operation.UPDATE: roles.write_role,
            Operation.DELETE: roles.delete_role,
        },
        "Read, write or remove a role.",
        "A write changes what it names.",
        {
            **_NAME,
            **token_fields.FIELDS,
            "role_id": Field("string", "The id of the role; it is made up where none is given."),
            "bind_secret_id": Field("bool", "Whether logging in takes a secret id."),
            "local_secret_ids": Field("bool", "Keep secret ids out of replication. It is stored and shown."),
            "secret_id_bound_cidrs": Field("slice", "The blocks of addresses that one can log in from."),
            "secret_id_num_uses": Field("int", "How often a secret id can be used; 0 for any number."),
            "secret_id_ttl": Field("duration", "How long a secret id is good; 0 for ever."),
            "bound_cidr_list": Field("slice", "The older name of secret_id_bound_cidrs."),
            "policies": Field("slice", "The older name of token_policies."),
            "period": Field("duration", "The older name of token_period."),
        },
        exists=roles.is_there,
    ),
    Endpoint(
        "login",
        {},
        "Log in with the id of a role and a secret id.",
        fields={"role_id": Field("string", "The id of the role."), "secret_id": Field("string", "The secret id.")},
        unauthenticated=True,
        login=Entry(login.alias_of, login.prove),
    ),
    Endpoint(
        "tidy/secret-id",
        {Operation.UPDATE: secret_ids.tidy},
        "Remove what is left of secret ids that have expired.",
        "An expired secret id is good for nothing; what is left of it also goes by itself, with later ones.",
    ),
)

METHOD = Engine(
    type="approle",
    endpoints=tuple(
        each._replace(normal=str.lower) if "{role_name}" in each.pattern else each for each in _ENDPOINTS
    ),  # names are the same in any case
    help="Lets machines in by the id of a role and a secret id.",
    seal_wrapped=lambda key: key.startswith(("role/", "secret/")),
    renew=login.renew,
)
