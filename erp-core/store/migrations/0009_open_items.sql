-- What parties owe and are owed, document by document, and what settles what.

ALTER TABLE parties ADD COLUMN payment_days BIGINT;
ALTER TABLE parties ADD COLUMN credit_limit_minor BIGINT;
ALTER TABLE parties ADD COLUMN credit_currency TEXT;

ALTER TABLE sales_invoices ADD COLUMN due_at TIMESTAMP;

-- One for each line on receivables and payables, under its id.
CREATE TABLE open_items (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    side TEXT NOT NULL CHECK (side IN ('receivable', 'payable')),
    party_code TEXT,
    document_kind TEXT NOT NULL,
    document_id TEXT NOT NULL,
    number TEXT NOT NULL,
    currency TEXT NOT NULL,
    -- Debits less credits.
    amount_minor BIGINT NOT NULL,
    -- What is not settled.
    open_minor BIGINT NOT NULL,
    posted_at TIMESTAMP NOT NULL,
    due_at TIMESTAMP NOT NULL,
    tx_no BIGINT NOT NULL
);
CREATE INDEX open_items_of_document ON open_items (tenant_id, document_kind, number);
CREATE INDEX open_items_of ON open_items (document_id);
CREATE INDEX open_items_open ON open_items (tenant_id, id) WHERE open_minor <> 0;
CREATE INDEX open_items_of_party ON open_items (tenant_id, party_code, side) WHERE open_minor <> 0;

CREATE TABLE allocations (
    id TEXT PRIMARY KEY,
    tenant_id TEXT NOT NULL,
    debit_item TEXT NOT NULL REFERENCES open_items (id),
    credit_item TEXT NOT NULL REFERENCES open_items (id),
    currency TEXT NOT NULL,
    -- Below zero where it takes another one back.
    amount_minor BIGINT NOT NULL,
    allocated_at TIMESTAMP NOT NULL,
    -- What allocated it.
    document_kind TEXT NOT NULL,
    document_id TEXT NOT NULL,
    number TEXT NOT NULL,
    undoes TEXT REFERENCES allocations (id),
    tx_no BIGINT NOT NULL
);
CREATE INDEX allocations_of_debit ON allocations (debit_item);
CREATE INDEX allocations_of_credit ON allocations (credit_item);
CREATE INDEX allocations_undone ON allocations (undoes) WHERE undoes IS NOT NULL;
CREATE INDEX allocations_by_time ON allocations (tenant_id, allocated_at);

-- What was posted before has nothing settled yet. Until now both accounts were 1100 and 2000.
INSERT INTO open_items (id, tenant_id, side, party_code, document_kind, document_id, number, currency, amount_minor,
    open_minor, posted_at, due_at, tx_no)
SELECT l.id, l.tenant_id, CASE l.account WHEN '1100' THEN 'receivable' ELSE 'payable' END,
    coalesce(i.customer_code, n.customer_code, r.supplier_code, p.party_code, s.party_code,
        ci.customer_code, cn.customer_code, cr.supplier_code, cp.party_code, cs.party_code),
    e.document_kind, e.document_id, coalesce(i.number, n.number, r.number, p.number, s.number, c.number, e.number), l.currency,
    l.debit_minor - l.credit_minor, l.debit_minor - l.credit_minor, l.posted_at, l.posted_at, l.tx_no
FROM journal_lines l JOIN journal_entries e ON e.id = l.entry_id
LEFT JOIN sales_invoices i ON i.id = e.document_id
LEFT JOIN credit_notes n ON n.id = e.document_id
LEFT JOIN purchase_receipts r ON r.id = e.document_id
LEFT JOIN payments p ON p.id = e.document_id
LEFT JOIN stock_documents s ON s.id = e.document_id
LEFT JOIN cancellations c ON c.id = e.document_id
LEFT JOIN sales_invoices ci ON ci.id = c.document_id
LEFT JOIN credit_notes cn ON cn.id = c.document_id
LEFT JOIN purchase_receipts cr ON cr.id = c.document_id
LEFT JOIN payments cp ON cp.id = c.document_id
LEFT JOIN stock_documents cs ON cs.id = c.document_id
WHERE l.account IN ('1100', '2000');
