CREATE TABLE fiscal_years (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    code TEXT NOT NULL,
    starts_at TIMESTAMP NOT NULL,
    -- The first instant that does not belong to it.
    ends_before TIMESTAMP NOT NULL,
    -- Its results were carried to equity.
    closed BOOLEAN NOT NULL,
    tx_no BIGINT NOT NULL,
    UNIQUE (tenant_id, code)
);

CREATE TABLE fiscal_periods (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    year_id TEXT NOT NULL REFERENCES fiscal_years (id),
    code TEXT NOT NULL,
    starts_at TIMESTAMP NOT NULL,
    ends_before TIMESTAMP NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'soft-closed', 'hard-closed')),
    tx_no BIGINT NOT NULL,
    UNIQUE (tenant_id, code)
);
CREATE INDEX closed_fiscal_periods ON fiscal_periods (tenant_id, state, ends_before) WHERE state <> 'open';

-- Statements of a year's results leave these out.
CREATE INDEX closing_entries ON journal_entries (tenant_id) WHERE document_kind = 'fiscal-year';

