-- What was decided. Captured: training reads it from the lake.
CREATE TABLE decisions (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    model TEXT NOT NULL,
    version BIGINT NOT NULL,
    arm TEXT NOT NULL,
    propensity DOUBLE NOT NULL,
    entity TEXT NOT NULL,
    entity_key TEXT NOT NULL,
    decided_at TIMESTAMP NOT NULL,
    score DOUBLE NOT NULL,
    action TEXT,
    context TEXT NOT NULL,
    frontier TEXT NOT NULL,
    tx_no BIGINT NOT NULL
);
CREATE INDEX decisions_by_entity ON decisions (tenant_id, model, entity_key, decided_at);
CREATE INDEX decisions_by_model ON decisions (tenant_id, model, decided_at, id);
CREATE INDEX decisions_by_time ON decisions (tenant_id, decided_at, id);

-- What people did with decisions. The digest is of the event as it was sent: a repetition must match it.
CREATE TABLE feedback (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    decision_id TEXT NOT NULL REFERENCES decisions (id),
    event_id TEXT NOT NULL,
    action TEXT,
    rating BIGINT,
    given_at TIMESTAMP NOT NULL,
    given_by TEXT NOT NULL,
    digest TEXT NOT NULL,
    tx_no BIGINT NOT NULL,
    UNIQUE (tenant_id, event_id)
);
CREATE INDEX feedback_by_decision ON feedback (tenant_id, decision_id);

-- What came of decisions.
CREATE TABLE outcomes (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    decision_id TEXT NOT NULL REFERENCES decisions (id),
    event_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    value DOUBLE NOT NULL,
    observed_at TIMESTAMP NOT NULL,
    source TEXT NOT NULL,
    digest TEXT NOT NULL,
    tx_no BIGINT NOT NULL,
    UNIQUE (tenant_id, event_id)
);
CREATE INDEX outcomes_by_decision ON outcomes (tenant_id, decision_id, kind);

-- Events that came before their decision. Not captured: nobody may learn from what belongs to no decision yet.
CREATE TABLE pending_events (
    tenant_id TEXT NOT NULL,
    kind TEXT NOT NULL,
    event_id TEXT NOT NULL,
    decision_id TEXT,
    model TEXT,
    entity_key TEXT,
    at TIMESTAMP,
    body TEXT NOT NULL,
    digest TEXT NOT NULL,
    received_at TIMESTAMP NOT NULL,
    PRIMARY KEY (tenant_id, kind, event_id)
);
CREATE INDEX pending_events_by_decision ON pending_events (tenant_id, decision_id);
CREATE INDEX pending_events_by_entity ON pending_events (tenant_id, model, entity_key, at);
