-- Whose word documents need above an amount, and where drafts are on their way there.

CREATE TABLE approval_rules (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    code TEXT NOT NULL,
    -- Of the documents that it is about, such as 'purchase-order'.
    kind TEXT NOT NULL,
    -- An amount of exactly this needs nobody's word.
    above_minor BIGINT NOT NULL,
    currency TEXT NOT NULL,
    -- 'manager' or 'admin'.
    role TEXT NOT NULL,
    -- 'open', or 'blocked': it asks for nothing any more.
    state TEXT NOT NULL,
    created_at TIMESTAMP NOT NULL,
    tx_no BIGINT NOT NULL,
    UNIQUE (tenant_id, code)
);

-- 'draft', 'submitted' or 'approved'.
ALTER TABLE drafts ADD COLUMN state TEXT NOT NULL DEFAULT 'draft';
-- Who wrote it last; where nobody did since, who created it.
ALTER TABLE drafts ADD COLUMN written_by TEXT;
ALTER TABLE drafts ADD COLUMN submitted_by TEXT;
-- What was said of it, as JSON.
ALTER TABLE drafts ADD COLUMN approvals TEXT;
