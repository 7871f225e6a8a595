-- Requests to write a draft that came under a key: sent again, they get the draft that they made.
CREATE TABLE draft_keys (
    tenant_id TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    -- Of the collection and the body.
    digest TEXT NOT NULL,
    draft_id TEXT NOT NULL,
    PRIMARY KEY (tenant_id, idempotency_key)
);
