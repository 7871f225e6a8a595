CREATE TABLE registry_experiments (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    name TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    UNIQUE (tenant_id, name)
);

-- Ids are UUIDv7, so their order is the order in which runs began.
CREATE TABLE registry_runs (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    experiment_id TEXT NOT NULL REFERENCES registry_experiments (id),
    name TEXT NOT NULL,
    status TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE INDEX registry_runs_by_experiment ON registry_runs (tenant_id, experiment_id, id);

CREATE TABLE registry_run_params (
    run_id TEXT NOT NULL REFERENCES registry_runs (id),
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run_id, key)
);

CREATE TABLE registry_run_tags (
    run_id TEXT NOT NULL REFERENCES registry_runs (id),
    key TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (run_id, key)
);

-- A value of NULL is NaN, which not every database can store. The ordinal is the order of logging within a run.
CREATE TABLE registry_run_metrics (
    run_id TEXT NOT NULL REFERENCES registry_runs (id),
    ordinal BIGINT NOT NULL,
    key TEXT NOT NULL,
    step BIGINT NOT NULL,
    value DOUBLE PRECISION,
    at BIGINT NOT NULL,
    PRIMARY KEY (run_id, ordinal)
);
CREATE INDEX registry_run_metrics_by_key ON registry_run_metrics (run_id, key, step);

-- The body is the version's JSON; the columns beside it are what is searched for.
CREATE TABLE registry_versions (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    model TEXT NOT NULL,
    version BIGINT NOT NULL,
    run_id TEXT NOT NULL REFERENCES registry_runs (id),
    body TEXT NOT NULL,
    UNIQUE (tenant_id, model, version)
);

CREATE TABLE registry_aliases (
    tenant_id TEXT NOT NULL,
    model TEXT NOT NULL,
    alias TEXT NOT NULL,
    version BIGINT NOT NULL,
    moved_at BIGINT NOT NULL,
    moved_by TEXT NOT NULL,
    PRIMARY KEY (tenant_id, model, alias),
    FOREIGN KEY (tenant_id, model, version) REFERENCES registry_versions (tenant_id, model, version)
);

-- The payload is kept byte for byte, because the signature is over it. event_seq is the event that reports it.
CREATE TABLE registry_reports (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    model TEXT NOT NULL,
    version BIGINT NOT NULL,
    alias TEXT NOT NULL,
    computed_at BIGINT NOT NULL,
    payload TEXT NOT NULL,
    signature TEXT NOT NULL,
    event_seq BIGINT NOT NULL
);
CREATE INDEX registry_reports_by_version ON registry_reports (tenant_id, model, version, event_seq);

CREATE TABLE registry_traffic (
    tenant_id TEXT NOT NULL,
    model TEXT NOT NULL,
    canary_version BIGINT,
    canary_weight DOUBLE PRECISION,
    changed_at BIGINT NOT NULL,
    changed_by TEXT NOT NULL,
    PRIMARY KEY (tenant_id, model)
);

CREATE TABLE registry_events (
    tenant_id TEXT NOT NULL,
    seq BIGINT NOT NULL,
    kind TEXT NOT NULL,
    model TEXT NOT NULL,
    version BIGINT NOT NULL,
    at BIGINT NOT NULL,
    principal TEXT NOT NULL,
    trace_id TEXT NOT NULL,
    detail TEXT NOT NULL,
    previous TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (tenant_id, seq)
);
