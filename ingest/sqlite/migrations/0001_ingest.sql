-- Up to where each reader of the change log is durable.
CREATE TABLE change_readers (
    reader TEXT PRIMARY KEY,
    commit_no BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    acknowledged_at BIGINT NOT NULL
);

-- One row: up to where the change log was pruned.
CREATE TABLE change_log_pruned (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    commit_no BIGINT NOT NULL,
    seq BIGINT NOT NULL
);
INSERT INTO change_log_pruned (id, commit_no, seq) VALUES (1, 0, 0);

-- The newest batch of each pipeline, with the bounds it was planned with.
CREATE TABLE planned_batches (
    pipeline TEXT PRIMARY KEY,
    batch BIGINT NOT NULL,
    source TEXT NOT NULL,
    after_epoch BIGINT NOT NULL,
    after_commit BIGINT NOT NULL,
    after_seq BIGINT NOT NULL,
    to_epoch BIGINT NOT NULL,
    to_commit BIGINT NOT NULL,
    to_seq BIGINT NOT NULL,
    committed BOOLEAN NOT NULL
);
