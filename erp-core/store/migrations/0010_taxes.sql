-- Taxes: what is charged on lines, and what that came to in each document.

CREATE TABLE tax_codes (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    code TEXT NOT NULL,
    title TEXT NOT NULL,
    -- JSON: names, rates in percent, and whether each is charged on those before it.
    components TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'blocked')),
    created_at TIMESTAMP NOT NULL,
    tx_no BIGINT NOT NULL,
    UNIQUE (tenant_id, code)
);

-- Below zero where a document takes back what another one charged.
CREATE TABLE document_taxes (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    document_kind TEXT NOT NULL,
    document_id TEXT NOT NULL,
    number TEXT NOT NULL,
    direction TEXT NOT NULL CHECK (direction IN ('output', 'input')),
    code TEXT NOT NULL,
    component TEXT NOT NULL,
    -- In percent, as a decimal.
    rate TEXT NOT NULL,
    base_minor BIGINT NOT NULL,
    tax_minor BIGINT NOT NULL,
    currency TEXT NOT NULL,
    taxed_at TIMESTAMP NOT NULL,
    tx_no BIGINT NOT NULL
);
CREATE INDEX document_taxes_of_document ON document_taxes (tenant_id, document_id);
CREATE INDEX document_taxes_by_time ON document_taxes (tenant_id, taxed_at);

ALTER TABLE companies ADD COLUMN tax_rounding TEXT NOT NULL DEFAULT 'per-document';
ALTER TABLE sales_invoices ADD COLUMN tax_minor BIGINT NOT NULL DEFAULT 0;
ALTER TABLE credit_notes ADD COLUMN tax_minor BIGINT NOT NULL DEFAULT 0;
ALTER TABLE purchase_receipts ADD COLUMN tax_minor BIGINT NOT NULL DEFAULT 0;
ALTER TABLE sales_invoice_lines ADD COLUMN tax_code TEXT;
ALTER TABLE credit_note_lines ADD COLUMN tax_code TEXT;
ALTER TABLE purchase_receipt_lines ADD COLUMN tax_code TEXT;
