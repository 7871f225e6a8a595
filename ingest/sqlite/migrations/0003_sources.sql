-- Databases that are read besides our own. The address holds a password and is sealed.
CREATE TABLE sources (
    source TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    address TEXT NOT NULL,
    -- What is read of it, as JSON.
    settings TEXT NOT NULL,
    added_at BIGINT NOT NULL,
    -- Its tables are to be read anew.
    renew BOOLEAN NOT NULL,
    -- Why whoever reads it does not get on, as he said last.
    trouble TEXT
);

-- What a source remembers of its database from one start to the next, in its own words.
CREATE TABLE source_notes (
    source TEXT PRIMARY KEY,
    notes TEXT NOT NULL
);

-- Up to where each reader of a source is durable.
CREATE TABLE source_readers (
    source TEXT NOT NULL,
    reader TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    commit_no BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    acknowledged_at BIGINT NOT NULL,
    PRIMARY KEY (source, reader)
);
