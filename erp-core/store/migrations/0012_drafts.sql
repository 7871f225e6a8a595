-- Documents that are not posted yet. They are no part of the books, and no change stream tells of them.

CREATE TABLE drafts (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    -- Where it will be posted, such as 'sales-invoices'.
    collection TEXT NOT NULL,
    -- JSON, as it will be posted.
    body TEXT NOT NULL,
    version BIGINT NOT NULL,
    created_by TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    changed_at TIMESTAMP NOT NULL
);
CREATE INDEX drafts_of_collection ON drafts (tenant_id, collection, id);
