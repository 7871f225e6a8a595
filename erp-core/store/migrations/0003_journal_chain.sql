-- The seal of each posted entry and of all before it, in the order of posting. Entries from before this table are sealed by
-- the next posting.
CREATE TABLE journal_chain (
    tenant_id TEXT NOT NULL,
    seq BIGINT NOT NULL,
    entry_id TEXT NOT NULL UNIQUE REFERENCES journal_entries (id),
    -- SHA-256, in hex.
    seal TEXT NOT NULL,
    PRIMARY KEY (tenant_id, seq)
);

CREATE TRIGGER immutable_journal_chain_update BEFORE UPDATE ON journal_chain
BEGIN SELECT RAISE(ABORT, 'immutable-document: a row of journal_chain is posted and cannot be changed'); END;

CREATE TRIGGER immutable_journal_chain_delete BEFORE DELETE ON journal_chain
BEGIN SELECT RAISE(ABORT, 'immutable-document: a row of journal_chain is posted and cannot be changed'); END;
