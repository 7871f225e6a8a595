-- One row: the number of the newest physical commit.
CREATE TABLE commit_sequence (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    newest BIGINT NOT NULL
);
INSERT INTO commit_sequence (id, newest) VALUES (1, 0);

-- One row per logical transaction: whose it was, and when and how the system could know of it.
CREATE TABLE tx_meta (
    tx_no INTEGER PRIMARY KEY AUTOINCREMENT,
    commit_no BIGINT NOT NULL,
    tenant_id TEXT NOT NULL,
    known_at BIGINT NOT NULL,
    known_by TEXT NOT NULL,
    principal TEXT NOT NULL,
    trace_id TEXT NOT NULL
);

-- Every change of every captured table, in the order of commits. AUTOINCREMENT, so that pruning never frees a number.
CREATE TABLE change_log (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    commit_no BIGINT NOT NULL,
    tx_no BIGINT NOT NULL,
    tenant_id TEXT NOT NULL,
    table_name TEXT NOT NULL,
    op TEXT NOT NULL,
    row_after TEXT,
    row_before TEXT
);

-- Where each commit that captured something ends in the change log.
CREATE TABLE change_commits (
    commit_no INTEGER PRIMARY KEY,
    last_seq BIGINT NOT NULL
);

CREATE TABLE api_tokens (
    digest TEXT PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    tenant_id TEXT NOT NULL,
    principal TEXT NOT NULL,
    roles TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT
);

-- The wrapped key of each person whose fields are sealed; a destroyed one leaves its row behind, as a mark.
CREATE TABLE subject_keys (
    tenant_id TEXT NOT NULL,
    subject TEXT NOT NULL,
    wrapped TEXT,
    created_at BIGINT NOT NULL,
    destroyed_at BIGINT,
    PRIMARY KEY (tenant_id, subject)
);

CREATE TABLE audit_log (
    tenant_id TEXT NOT NULL,
    seq BIGINT NOT NULL,
    at BIGINT NOT NULL,
    principal TEXT NOT NULL,
    trace_id TEXT NOT NULL,
    action TEXT NOT NULL,
    resource TEXT NOT NULL,
    detail TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (tenant_id, seq)
);

CREATE TRIGGER audit_log_is_never_edited BEFORE UPDATE ON audit_log
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;

CREATE TRIGGER audit_log_is_never_shortened BEFORE DELETE ON audit_log
BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
