-- A storno has negative amounts on the sides of the entry that it undoes: exactly one of the two is not zero.
CREATE TABLE journal_lines_with_storno (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    entry_id TEXT NOT NULL REFERENCES journal_entries (id),
    line_no BIGINT NOT NULL,
    account TEXT NOT NULL,
    debit_minor BIGINT NOT NULL,
    credit_minor BIGINT NOT NULL,
    currency TEXT NOT NULL,
    posted_at TIMESTAMP NOT NULL,
    tx_no BIGINT NOT NULL,
    CHECK ((debit_minor = 0) <> (credit_minor = 0))
);
INSERT INTO journal_lines_with_storno SELECT * FROM journal_lines;
DROP TABLE journal_lines;
ALTER TABLE journal_lines_with_storno RENAME TO journal_lines;
CREATE INDEX journal_lines_of_entry ON journal_lines (entry_id);
CREATE INDEX journal_lines_of_account ON journal_lines (tenant_id, account, posted_at, id);
