"""The tables of `accounts.sqlite`, and how an older file gets them.  Only append: files of every version exist."""

__all__ = ["SCHEMAS"]

# each brings a file from the version before it to its own, from an empty file on
SCHEMAS = (
    """
CREATE TABLE domains (name TEXT PRIMARY KEY, added INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE accounts (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    added INTEGER NOT NULL
);
CREATE TABLE addresses (
    address TEXT PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE
) WITHOUT ROWID;
CREATE TABLE aliases (
    address TEXT NOT NULL,
    position INTEGER NOT NULL,
    target TEXT NOT NULL,
    PRIMARY KEY (address, position),
    UNIQUE (address, target)
) WITHOUT ROWID;
CREATE TABLE credentials (
    account INTEGER PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
    argon2 TEXT NOT NULL,
    scram_salt BLOB NOT NULL,
    scram_iterations INTEGER NOT NULL,
    scram_stored_key BLOB NOT NULL,
    scram_server_key BLOB NOT NULL,
    changed INTEGER NOT NULL
);
""",
    """
CREATE TABLE secrets (name TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;
INSERT INTO secrets VALUES ('nobody', randomblob(32));
""",
    """
CREATE TABLE passwords (
    account INTEGER PRIMARY KEY REFERENCES accounts ON DELETE CASCADE,
    hash TEXT NOT NULL,
    changed INTEGER NOT NULL
);
CREATE TABLE scram_keys (
    account INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
    algorithm TEXT NOT NULL,
    salt BLOB NOT NULL,
    iterations INTEGER NOT NULL,
    stored_key BLOB NOT NULL,
    server_key BLOB NOT NULL,
    PRIMARY KEY (account, algorithm)
) WITHOUT ROWID;
INSERT INTO passwords SELECT account, argon2, changed FROM credentials;
INSERT INTO scram_keys
    SELECT account, 'sha256', scram_salt, scram_iterations, scram_stored_key, scram_server_key FROM credentials;
DROP TABLE credentials;
""",
    """
ALTER TABLE accounts ADD COLUMN enabled INTEGER NOT NULL DEFAULT 1;
ALTER TABLE accounts ADD COLUMN may_send INTEGER NOT NULL DEFAULT 1;
ALTER TABLE accounts ADD COLUMN may_receive INTEGER NOT NULL DEFAULT 1;
ALTER TABLE accounts ADD COLUMN epoch INTEGER NOT NULL DEFAULT 0;
CREATE TABLE account_limits (
    account INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
    name TEXT NOT NULL,
    value INTEGER NOT NULL,
    PRIMARY KEY (account, name)
) WITHOUT ROWID;
CREATE TABLE second_factors (
    account INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
    kind TEXT NOT NULL,
    secret BLOB NOT NULL,
    added INTEGER NOT NULL,
    PRIMARY KEY (account, kind)
) WITHOUT ROWID;
CREATE TABLE app_passwords (
    id INTEGER PRIMARY KEY,
    account INTEGER NOT NULL REFERENCES accounts ON DELETE CASCADE,
    name TEXT NOT NULL,
    digest BLOB NOT NULL UNIQUE,
    scopes TEXT NOT NULL,
    networks TEXT NOT NULL,
    made INTEGER NOT NULL,
    ends INTEGER,
    used INTEGER,
    used_ip TEXT,
    used_protocol TEXT,
    UNIQUE (account, name)
);
""",
    """
CREATE TABLE quotas (subject TEXT PRIMARY KEY, octets INTEGER, messages INTEGER) WITHOUT ROWID;
""",
)
